// SPDX-License-Identifier: MIT
// Log-likelihoods of choices behind their contexts, in every branch. What the choices of an item
// have in common is computed once: the tokens before the first in which they differ, and the
// choices go on from there (exec/decoder.h). Edits that look at a whole sequence (its largest or
// massive activations, its quantiles, another branch) are run over whole sequences instead, as are
// lengths that differ in their rotary frequencies. The bits are the same either way.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "exec/head.h"
#include "exec/prefix.h"
#include "plan/schedule.h"
#include "study/task_file.h"

namespace tepui {

struct ChoiceItem {
  std::vector<ChoiceTokens> choices;
};

class ChoiceScorer {
 public:
  // `executor` measures prefix_metrics(). All must outlive it. Without `may_share` every choice is
  // a sequence of its own.
  ChoiceScorer(Backend& backend, const Model& model, Executor& executor, Head& head,
               std::span<const Branch> branches, const MassiveRule& massive, bool may_share = true);

  // log p(choice | context) in nats, by item, branch (the unedited one first) and choice; the sum
  // of its tokens' in double, in order.
  using Scores = std::vector<std::vector<std::vector<double>>>;
  Result<Scores> score(std::span<const ChoiceItem> items);
  // The same with every choice as a sequence of its own.
  Result<Scores> score_whole(std::span<const ChoiceItem> items);

  bool shares() const { return shares_; }
  std::int64_t rows() const { return rows_; }  // that went through the layers so far, by branch

 private:
  Backend& backend_;
  const Model& model_;
  Executor& executor_;
  Head& head_;
  std::span<const Branch> branches_;
  MassiveRule massive_;
  bool shares_ = true;
  std::int64_t rows_ = 0;
};

// Whether an edit needs the whole sequence at once.
bool needs_whole_sequence(const Edit& edit);

}  // namespace tepui
