// SPDX-License-Identifier: MIT
#include "study/scoring.h"

#include <algorithm>

namespace tepui {

Status Scoring::take(const ChunkResult& chunk) {
  std::vector<std::int32_t> targets;
  for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
    const auto& ids = corpus_.sequences[static_cast<std::size_t>(chunk.first_sequence) + s].ids;
    targets.insert(targets.end(), ids.begin() + 1, ids.end());
    targets.push_back(-1);
  }
  TEPUI_TRY(const auto scores, head_.scores(chunk.branches, chunk.shape->rows(), targets));
  // The unedited run's come with every group of branches, and are stored once.
  for (std::size_t i = chunk.first_branch == 1 ? 0 : 1; i < scores.size(); ++i) {
    const int branch = i == 0 ? 0 : chunk.first_branch + static_cast<int>(i) - 1;
    std::size_t row = 0;
    for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
      const auto predicted = static_cast<std::size_t>(chunk.shape->lengths[s]) - 1;
      TEPUI_TRY(store_sequence(branch, chunk.first_sequence + static_cast<int>(s),
                               std::span(scores[i].losses).subspan(row, predicted),
                               std::span(scores[i].divergences).subspan(row, predicted)));
      row += predicted + 1;
    }
  }
  return {};
}

Status Scoring::store_sequence(int branch, int sequence, std::span<const double> losses,
                               std::span<const double> divergences) {
  const auto scored =
      static_cast<std::size_t>(corpus_.sequences[static_cast<std::size_t>(sequence)].first_scored) -
      1;
  LikelihoodRow row;
  row.branch = branch;
  row.sequence = sequence;
  for (std::size_t i = scored; i < losses.size(); ++i) {
    row.nll += losses[i];
    row.kl += divergences[i];
    ++row.tokens;
  }
  TEPUI_TRY(store_.add(row));
  if (!options_.keep_tokens) return {};
  std::vector<float> values;
  for (const double loss : losses) values.push_back(static_cast<float>(-loss));
  Series series;
  series.branch = branch;
  series.sequence = sequence;
  series.point = {kNoLayer, Site::logits};
  series.metric = "log_likelihood";
  series.values = values;
  return store_.add(series);
}

}  // namespace tepui
