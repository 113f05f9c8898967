// SPDX-License-Identifier: MIT
#include "study/emergence.h"

#include <fmt/format.h>

#include "study/watch_rows.h"
#include "study/watch_run.h"

namespace tepui {

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

namespace {

Status check_layers(const std::vector<CheckpointState>& states) {
  const std::size_t layers = states.front().layers.size();
  if (states.back().layers.size() == layers) return {};
  return fail(ErrorKind::data, "{}: expected {} layers as in the first checkpoint, found {}",
              states.back().checkpoint.path.string(), layers, states.back().layers.size());
}

}  // namespace

Result<Emergence> run_emergence(const EmergenceRequest& request, const RunProgress& progress) {
  TEPUI_TRY(const std::vector<Checkpoint> checkpoints, find_checkpoints(request.input.model));
  Emergence emergence;
  emergence.threshold = request.threshold;
  for (const Checkpoint& checkpoint : checkpoints) {
    InputRequest input = request.input;
    input.model = checkpoint.path;
    input.out = *request.input.out / checkpoint.path.filename();
    const auto watched = run_watch(input, progress);
    if (!watched && checkpoints.size() - emergence.failures.size() == 1 && emergence.states.empty())
      return tl::unexpected(watched.error());
    if (!watched) {
      emergence.failures.push_back(
          fmt::format("{}: {}", checkpoint.path.filename().string(), watched.error().message));
      if (progress.note) progress.note(emergence.failures.back());
      continue;
    }
    TEPUI_TRY(emergence.states.emplace_back(),
              read_checkpoint_state(watched->folder, checkpoint, {}));
    TEPUI_TRY(check_layers(emergence.states));
  }
  return emergence;
}

Result<std::vector<Checkpoint>> watched_stores(const std::filesystem::path& folder) {
  for (const auto& place : {watched_folder(folder), folder / "emergence", folder}) {
    TEPUI_TRY(std::vector<Checkpoint> stores, find_watched(place));
    if (!stores.empty()) return stores;
  }
  return std::vector<Checkpoint>();
}

Result<Emergence> read_emergence(const std::filesystem::path& folder, double threshold) {
  Emergence emergence;
  emergence.threshold = threshold;
  TEPUI_TRY(const std::vector<Checkpoint> stores, watched_stores(folder));
  for (const Checkpoint& store : stores) {
    TEPUI_TRY(emergence.states.emplace_back(), read_checkpoint_state(store.path, store, {}));
    TEPUI_TRY(check_layers(emergence.states));
  }
  return emergence;
}

}  // namespace tepui
