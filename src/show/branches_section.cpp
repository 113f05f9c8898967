// SPDX-License-Identifier: MIT
// What the text is worth to the model, unedited and under every edit.
#include <algorithm>
#include <cmath>

#include "show/sections.h"
#include "study/text_table.h"

namespace tepui {

namespace {

std::string fixed(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : "not finite";
}

std::string scores_table(const std::vector<const Score*>& scores,
                         const std::vector<BranchScores>& branches, const Style& style) {
  constexpr int kLeastName = 10;
  TextColumn name{"branch", Align::left, 4, {}};
  TextColumn perplexity{"perplexity", Align::right, 3, {}};
  TextColumn kl{"KL", Align::right, 2, {}};
  TextColumn edits{"edits", Align::left, 1, {}};
  const int room = std::max(kLeastName, style.columns - 22);
  for (std::size_t i = 0; i < branches.size(); ++i) {
    name.cells.push_back(quoted(branches[i].name, style.letters, room));
    perplexity.cells.push_back(fixed(scores[i]->perplexity()));
    kl.cells.push_back(fixed(scores[i]->mean_kl()));
    const bool own = branches[i].edits == branches[i].name;
    edits.cells.push_back(own ? "" : spelled_out(branches[i].edits, style.letters));
  }
  std::vector<TextColumn> columns{name, perplexity, kl};
  if (std::ranges::any_of(edits.cells, [](const auto& cell) { return !cell.empty(); }))
    columns.push_back(edits);
  return put_together(fitted(columns, style.columns));
}

}  // namespace

std::string branches_section(const ScoredRun& scored, Parts parts, const Style& style) {
  if (!parts.tables) return {};
  const Score& own = scored.branches.front().all;
  std::string text = heading(
      "Perplexity",
      fmt::format("over {} of {}; KL of the unedited run to each, nats per token",
                  counted(own.tokens, "predicted token"), counted(own.sequences, "sequence")),
      style);
  const std::size_t texts = scored.branches.front().texts.size();
  std::vector<const Score*> scores;
  for (const BranchScores& branch : scored.branches) scores.push_back(&branch.all);
  text += scores_table(scores, scored.branches, style);
  for (std::size_t at = 0; texts > 1 && at < texts; ++at) {
    scores.clear();
    for (const BranchScores& branch : scored.branches) scores.push_back(&branch.texts[at]);
    text += "\n" + wrapped(spelled_out(scores.front()->text, style.letters) + "\n", style.columns);
    text += scores_table(scores, scored.branches, style);
  }
  return text;
}

}  // namespace tepui
