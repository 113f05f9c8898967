// SPDX-License-Identifier: MIT
#include "study/scoring.h"

#include <algorithm>
#include <cmath>

namespace tepui {

namespace {

// Of the unedited run; what an edit makes of a loss is its result.
Status check_losses(std::span<const double> losses, std::size_t first, int sequence) {
  const auto wrong = std::ranges::find_if(losses, [](double x) { return !std::isfinite(x); });
  if (wrong == losses.end()) return {};
  return fail(ErrorKind::data,
              "the loss of token {} of sequence {} is {}: expected finite numbers; tepui scan says "
              "which activation is not",
              first + static_cast<std::size_t>(wrong - losses.begin()), sequence,
              std::isnan(*wrong) ? "nan" : "inf");
}

}  // namespace

StateRequest Scoring::states() {
  last_rows_.clear();
  if (!options_.keep_tokens) {
    // A token is predicted by the row before it.
    for (const auto& sequence : corpus_.sequences)
      last_rows_.push_back(
          std::max(1, static_cast<int>(sequence.ids.size()) - sequence.first_scored + 1));
  }
  return {[this](const ChunkResult& chunk) { return take(chunk); }, last_rows_};
}

Status Scoring::take(const ChunkResult& chunk) {
  std::vector<std::int32_t> targets;
  for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
    const auto& ids = corpus_.sequences[static_cast<std::size_t>(chunk.first_sequence) + s].ids;
    targets.insert(targets.end(), ids.end() - (chunk.shape->lengths[s] - 1), ids.end());
    targets.push_back(-1);
  }
  TEPUI_TRY(const auto scores, head_.scores(chunk.branches, chunk.shape->rows(), targets));
  // The unedited run's come with every group of branches, and are stored once.
  for (std::size_t i = chunk.first_branch == 1 ? 0 : 1; i < scores.size(); ++i) {
    const int branch = i == 0 ? 0 : chunk.first_branch + static_cast<int>(i) - 1;
    std::size_t row = 0;
    for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
      const auto predicted = static_cast<std::size_t>(chunk.shape->lengths[s]) - 1;
      const int sequence = chunk.first_sequence + static_cast<int>(s);
      const auto& of = corpus_.sequences[static_cast<std::size_t>(sequence)];
      const std::size_t first = of.ids.size() - predicted;  // the first token that is predicted
      const auto counted = static_cast<std::size_t>(of.first_scored);
      const auto losses = std::span(scores[i].losses).subspan(row, predicted);
      if (branch == 0) TEPUI_TRY(check_losses(losses, first, sequence));
      TEPUI_TRY(store_likelihood(store_, branch, sequence, losses,
                                 std::span(scores[i].divergences).subspan(row, predicted),
                                 counted - std::min(counted, first), options_.keep_tokens));
      row += predicted + 1;
    }
  }
  return {};
}

Status store_likelihood(StoreWriter& store, int branch, int sequence,
                        std::span<const double> losses, std::span<const double> divergences,
                        std::size_t unscored, bool keep_tokens) {
  LikelihoodRow row;
  row.branch = branch;
  row.sequence = sequence;
  for (std::size_t i = unscored; i < losses.size(); ++i) {
    row.nll += losses[i];
    row.kl += divergences.empty() ? 0 : divergences[i];
    ++row.tokens;
  }
  TEPUI_TRY(store.add(row));
  if (!keep_tokens) return {};
  std::vector<float> values;
  for (const double loss : losses) values.push_back(static_cast<float>(-loss));
  Series series;
  series.branch = branch;
  series.sequence = sequence;
  series.point = {kNoLayer, Site::logits};
  series.metric = "log_likelihood";
  series.values = values;
  return store.add(series);
}

}  // namespace tepui
