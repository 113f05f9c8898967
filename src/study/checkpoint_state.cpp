// SPDX-License-Identifier: MIT
#include "study/checkpoint_state.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "store/reader.h"
#include "study/attention_summary.h"
#include "study/scores.h"
#include "study/sentence_starts.h"
#include "study/summary.h"

namespace tepui {
namespace {

double mean_or_nan(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Result<LayerState> layer_state(StoreReader& store, const std::vector<int>& sequences,
                               const PointSummary& point) {
  LayerState state;
  int count = 0;
  for (const int sequence : sequences) {
    TEPUI_TRY(const auto place, read_place(store, sequence, point.point));
    if (!place || place->top.empty()) continue;
    const double largest = std::abs(static_cast<double>(place->top.front().value));
    ++count;
    state.median += place->median;
    state.top += largest;
    state.ratio += largest / place->median;
    for (const ObservationRow& top : place->top) {
      const bool large = std::abs(static_cast<double>(top.value)) > kLargeRatio * place->median;
      if (large && top.position == place->top.front().position)
        state.large_channels.insert(top.channel);
    }
  }
  state.top_median = state.top / state.median;
  state.median /= count;
  state.top /= count;
  state.ratio /= count;
  if (point.top.empty()) return state;
  state.value = point.top.front().value;
  state.position = point.top.front().position;
  state.channel = point.top.front().channel;
  return state;
}

void put_attention(const AttentionLayer& from, LayerState& to) {
  to.sink = mean_or_nan(from.received);
  const double pairs = static_cast<double>(from.sinks.size()) * from.sink_sequences;
  to.sink_rate = std::accumulate(from.sinks.begin(), from.sinks.end(), 0) / pairs;
  to.key_first = mean_or_nan(from.k.first);
  to.key_others = mean_or_nan(from.k.others);
  to.value_first = mean_or_nan(from.v.first);
  to.value_others = mean_or_nan(from.v.others);
}

Status put_layers(StoreReader& store, const ScanSummary& scan, CheckpointState& state) {
  TEPUI_TRY(const auto attention, attention_layers(store, 0, scan.finished, {}));
  std::vector<double> rates;
  for (const PointSummary& point : scan.points) {
    if (point.point.site != Site::resid_post) continue;
    TEPUI_TRY(LayerState layer, layer_state(store, scan.finished, point));
    put_attention({}, layer);
    const auto of = std::ranges::find(attention, point.point.layer, &AttentionLayer::layer);
    if (of != attention.end()) put_attention(*of, layer);
    rates.push_back(layer.sink_rate);
    state.layers.push_back(layer);
  }
  state.sink_rate = mean_or_nan(rates);
  return {};
}

// Of the unedited run's tokens, by whether they begin a sentence.
Status put_losses(StoreReader& store, const ScanSummary& scan, CheckpointState& state) {
  TEPUI_TRY(const std::vector<LikelihoodRow> likelihoods, store.likelihoods());
  double starts = 0;
  double others = 0;
  std::int64_t other_tokens = 0;
  for (const int sequence : scan.finished) {
    TEPUI_TRY(const auto rows, store.series(sequence, {kNoLayer, Site::logits}, "log_likelihood"));
    if (rows.empty()) continue;
    const auto& tokens = scan.sequences[static_cast<std::size_t>(sequence)].tokens;
    std::vector<std::string> spelled;
    for (std::size_t at = 0; at < tokens.size(); ++at)
      spelled.push_back(scan.token(sequence, static_cast<std::int64_t>(at)).bytes);
    const std::vector<bool> begins = sentence_starts(spelled);
    const std::vector<float>& values = rows.front().values;
    const auto of = std::ranges::find(likelihoods, sequence, &LikelihoodRow::sequence);
    const auto scored =
        of == likelihoods.end() ? values.size() : static_cast<std::size_t>(of->tokens);
    for (std::size_t i = values.size() - scored; i < values.size() && i + 1 < begins.size(); ++i) {
      const double loss = -static_cast<double>(values[i]);
      if (begins[i + 1]) {
        starts += loss;
        ++state.starts;
      } else {
        others += loss;
        ++other_tokens;
      }
    }
  }
  state.start_loss = starts / static_cast<double>(state.starts);
  state.other_loss = others / static_cast<double>(other_tokens);
  return {};
}

}  // namespace

Result<CheckpointState> read_checkpoint_state(const std::filesystem::path& folder,
                                              const Checkpoint& checkpoint,
                                              const MassiveRule& rule) {
  CheckpointState state;
  state.checkpoint = checkpoint;
  state.store = folder;
  TEPUI_TRY(StoreReader store, StoreReader::open(folder));
  SummaryOptions options;
  options.rule = rule;
  TEPUI_TRY(const ScanSummary scan, summarise(store, options));
  for (const MassiveValue& value : scan.massive.values)
    state.massive += value.point.site == Site::resid_post ? 1 : 0;
  TEPUI_TRY(put_layers(store, scan, state));
  if (state.layers.empty())
    return fail(ErrorKind::data, "{}: expected rows of resid_post, found none",
                store.file().string());
  TEPUI_TRY(const ScoredRun run, read_scores(store));
  const Score& all = run.branches.front().all;
  state.loss = all.nll / static_cast<double>(std::max<std::int64_t>(1, all.tokens));
  TEPUI_TRY(put_losses(store, scan, state));
  TEPUI_TRY(state.weights, store.weights());
  return state;
}

}  // namespace tepui
