// SPDX-License-Identifier: MIT
// How likely the model finds the text that it runs over: what every sequence is worth, under every
// branch, written to the store as rows. Sums are taken in double, in order of position.
#pragma once

#include <span>
#include <vector>

#include "exec/executor.h"
#include "exec/head.h"
#include "input/corpus.h"
#include "store/writer.h"

namespace tepui {

struct ScoringOptions {
  bool keep_tokens = false;  // every position's log-likelihood as well
};

// What a sequence is worth, from the [T - 1] losses of its tokens behind the first, of which the
// first `unscored` do not count. The unedited run has no divergences.
Status store_likelihood(StoreWriter& store, int branch, int sequence,
                        std::span<const double> losses, std::span<const double> divergences,
                        std::size_t unscored, bool keep_tokens);

class Scoring {
 public:
  Scoring(Head& head, const Corpus& corpus, StoreWriter& store, const ScoringOptions& options)
      : head_(head), corpus_(corpus), store_(store), options_(options) {}

  // For Executor::run, whose sequences are the corpus's: of windows that overlap only the rows
  // whose predictions count, where not every token's is kept.
  StateRequest states();

 private:
  Status take(const ChunkResult& chunk);

  Head& head_;
  const Corpus& corpus_;
  StoreWriter& store_;
  ScoringOptions options_;
  std::vector<int> last_rows_;
};

}  // namespace tepui
