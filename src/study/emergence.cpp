// SPDX-License-Identifier: MIT
#include "study/emergence.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "store/reader.h"
#include "study/emergence_fit.h"
#include "study/json_values.h"
#include "study/massive.h"
#include "study/perplexity.h"
#include "study/scan.h"
#include "study/summary.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {
namespace {

// The last number in a name; nothing where there is none.
std::optional<std::int64_t> number_in(const std::string& name) {
  const std::size_t last = name.find_last_of("0123456789");
  if (last == std::string::npos) return std::nullopt;
  const std::size_t before = name.find_last_not_of("0123456789", last);
  const std::size_t first = before == std::string::npos ? 0 : before + 1;
  std::int64_t number = 0;
  const auto read = std::from_chars(name.data() + first, name.data() + last + 1, number);
  if (read.ec != std::errc()) return std::nullopt;
  return number;
}

Result<LayerState> layer_state(StoreReader& store, const std::vector<int>& sequences, Point point) {
  LayerState state;
  int count = 0;
  for (const int sequence : sequences) {
    TEPUI_TRY(const auto place, read_place(store, sequence, point));
    if (!place || place->top.empty()) continue;
    const double largest = std::abs(static_cast<double>(place->top.front().value));
    ++count;
    state.median += place->median;
    state.top += largest;
    state.ratio += largest / place->median;
  }
  if (count == 0)
    return fail(ErrorKind::data, "{}: expected rows of resid_post in layer {}, found none",
                store.file().string(), point.layer);
  state.top_median = state.top / state.median;
  state.median /= count;
  state.top /= count;
  state.ratio /= count;
  return state;
}

Result<CheckpointState> checkpoint_state(const Checkpoint& checkpoint,
                                         const EmergenceRequest& request,
                                         const RunProgress& progress) {
  CheckpointState state;
  state.checkpoint = checkpoint;
  const auto folder = *request.input.out / checkpoint.path.filename();
  ScanRequest scan;
  PerplexityRequest perplexity;
  static_cast<InputRequest&>(scan) = static_cast<InputRequest&>(perplexity) = request.input;
  scan.model = perplexity.model = checkpoint.path;
  scan.out = folder / "scan";
  perplexity.out = folder / "perplexity";
  TEPUI_TRY(const ScanOutcome scanned, run_scan(scan, progress));
  TEPUI_TRY(const RunOutcome scored, run_perplexity(perplexity, progress));
  TEPUI_TRY(StoreReader store, StoreReader::open(scanned.folder));
  TEPUI_TRY(const ScanSummary summary, summarise(store, SummaryOptions{}));
  state.massive = static_cast<std::int64_t>(summary.massive.values.size());
  for (const PointSummary& point : summary.points) {
    TEPUI_TRY(state.layers.emplace_back(), layer_state(store, summary.finished, point.point));
  }
  TEPUI_TRY(StoreReader scores, StoreReader::open(scored.folder));
  TEPUI_TRY(const ScoredRun run, read_scores(scores));
  const Score& all = run.branches.front().all;
  state.loss = all.nll / static_cast<double>(std::max<std::int64_t>(1, all.tokens));
  return state;
}

}  // namespace

Result<std::vector<Checkpoint>> find_checkpoints(const std::filesystem::path& folder) {
  std::vector<Checkpoint> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool model = entry.is_directory() ? std::filesystem::exists(entry.path() / "config.json")
                                            : entry.path().extension() == ".pt";
    const auto step = name == "initial" ? std::optional<std::int64_t>(0) : number_in(name);
    if (model && step) found.push_back({entry.path(), *step});
  }
  if (error) return fail(ErrorKind::io, "{}: {}", folder.string(), error.message());
  if (found.empty())
    return fail(ErrorKind::data,
                "{}: expected folders of checkpoints with a number in their names, found none",
                folder.string());
  std::ranges::sort(found, {}, &Checkpoint::step);
  for (std::size_t i = 1; i < found.size(); ++i) {
    if (found[i].step == found[i - 1].step)
      return fail(ErrorKind::data, "{}: expected one checkpoint of step {}, found {} and {}",
                  folder.string(), found[i].step, found[i - 1].path.filename().string(),
                  found[i].path.filename().string());
  }
  return found;
}

std::vector<LayerCourse> courses(const std::vector<CheckpointState>& states, double threshold) {
  std::vector<LayerCourse> out(states.empty() ? 0 : states.front().layers.size());
  for (std::size_t layer = 0; layer < out.size(); ++layer) {
    LayerCourse& course = out[layer];
    for (std::size_t i = 0; i < states.size(); ++i) {
      const double ratio = states[i].layers[layer].ratio;
      const bool above = ratio > threshold;
      const bool stays = i + 1 == states.size() || states[i + 1].layers[layer].ratio > threshold;
      if (above && stays && !course.onset) course.onset = states[i].checkpoint.step;
      if (i == 0 || ratio > course.peak) {
        course.peak = ratio;
        course.peak_step = states[i].checkpoint.step;
      }
      course.end = ratio;
    }
  }
  return out;
}

Result<Emergence> run_emergence(const EmergenceRequest& request, const RunProgress& progress) {
  TEPUI_TRY(const std::vector<Checkpoint> checkpoints, find_checkpoints(request.input.model));
  Emergence emergence;
  emergence.threshold = request.threshold;
  for (const Checkpoint& checkpoint : checkpoints) {
    TEPUI_TRY(emergence.states.emplace_back(), checkpoint_state(checkpoint, request, progress));
    const std::size_t layers = emergence.states.front().layers.size();
    if (emergence.states.back().layers.size() != layers)
      return fail(ErrorKind::data, "{}: expected {} layers as in the first checkpoint, found {}",
                  checkpoint.path.string(), layers, emergence.states.back().layers.size());
  }
  return emergence;
}

std::string emergence_text(const Emergence& emergence) {
  std::vector<TextColumn> columns = {{"step", Align::right, 100, {}},
                                     {"loss", Align::right, 100, {}},
                                     {"massive", Align::right, 99, {}}};
  const std::size_t layers = emergence.states.empty() ? 0 : emergence.states.front().layers.size();
  for (std::size_t layer = 0; layer < layers; ++layer)
    columns.push_back({fmt::format("{}", layer), Align::right, 0, {}});
  for (const CheckpointState& state : emergence.states) {
    columns[0].cells.push_back(fmt::format("{}", state.checkpoint.step));
    columns[1].cells.push_back(fmt::format("{:.4f}", state.loss));
    columns[2].cells.push_back(fmt::format("{}", state.massive));
    for (std::size_t layer = 0; layer < layers; ++layer)
      columns[3 + layer].cells.push_back(rounded(state.layers[layer].ratio));
  }
  std::vector<TextColumn> course = {{"layer", Align::right, 9, {}},
                                    {"onset", Align::right, 9, {}},
                                    {"peak", Align::right, 9, {}},
                                    {"at step", Align::right, 9, {}},
                                    {"end", Align::right, 9, {}}};
  const std::vector<LayerCourse> all = courses(emergence.states, emergence.threshold);
  for (std::size_t layer = 0; layer < all.size(); ++layer) {
    const LayerCourse& one = all[layer];
    course[0].cells.push_back(fmt::format("{}", layer));
    course[1].cells.push_back(one.onset ? fmt::format("{}", *one.onset) : "-");
    course[2].cells.push_back(rounded(one.peak));
    course[3].cells.push_back(fmt::format("{}", one.peak_step));
    course[4].cells.push_back(rounded(one.end));
  }
  return fmt::format(
      "resid_post, largest |x| / median of each layer (mean over sequences of their ratios)\n{}\n"
      "onset: the first of two checkpoints in a row above {}\n{}\n{}",
      put_together(fitted(std::move(columns), 120)), rounded(emergence.threshold),
      put_together(course), fits_text(emergence.states));
}

nlohmann::ordered_json emergence_json(const Emergence& emergence) {
  nlohmann::ordered_json document;
  document["threshold"] = number(emergence.threshold);
  for (const CheckpointState& state : emergence.states) {
    nlohmann::ordered_json one;
    one["step"] = state.checkpoint.step;
    one["model"] = state.checkpoint.path.string();
    one["loss"] = number(state.loss);
    one["massive"] = state.massive;
    for (const LayerState& layer : state.layers)
      one["layers"].push_back({{"median", number(layer.median)},
                               {"top", number(layer.top)},
                               {"top_over_median", number(layer.top_median)},
                               {"ratio", number(layer.ratio)}});
    document["checkpoints"].push_back(std::move(one));
  }
  const std::vector<CurveFits> fits = layer_fits(emergence.states);
  for (const LayerCourse& course : courses(emergence.states, emergence.threshold)) {
    nlohmann::ordered_json one;
    one["onset"] = course.onset ? nlohmann::ordered_json(*course.onset) : nullptr;
    one["peak"] = number(course.peak);
    one["peak_step"] = course.peak_step;
    one["end"] = number(course.end);
    one["curves"] = fits_json(fits[document["layers"].size()]);
    document["layers"].push_back(std::move(one));
  }
  return document;
}

}  // namespace tepui
