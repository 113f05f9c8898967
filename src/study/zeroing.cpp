// SPDX-License-Identifier: MIT
#include "study/zeroing.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/new_file.h"
#include "store/reader.h"
#include "study/emergence.h"
#include "study/intervene.h"
#include "study/scores.h"
#include "train/token_data.h"

namespace tepui {
namespace {

constexpr int kZeroedSequences = 20;
constexpr const char* kFirstBranch = "zeroed";
constexpr const char* kEveryBranch = "zeroed in every layer";

// The first validation sequences as evaluation cuts them, whole ones.
Result<std::filesystem::path> write_sequences(const TrainRequest& request) {
  TEPUI_TRY(const TokenData data, load_token_data(request.recipe.data));
  TrainShape shape;
  shape.length = request.recipe.model.context;
  shape.begin = data.begin;
  nlohmann::json lists = nlohmann::json::array();
  const std::size_t count =
      std::min<std::size_t>(whole_batches(data.validation.size(), shape), kZeroedSequences);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t counted = 0;
    const TokenBatch batch = whole_batch(data.validation, shape, i, counted);
    if (counted == batch.ids.size()) lists.push_back(batch.ids);
  }
  const std::filesystem::path ids = request.out / "validation-ids.json";
  TEPUI_TRY(write_new_file(ids, lists.dump() + "\n"));
  return ids;
}

}  // namespace

Zeroing zeroing_edits(const CheckpointState& state) {
  Zeroing out;
  std::size_t largest = 0;
  const auto edit = [&](std::size_t layer) {
    std::set<std::int64_t> channels = state.layers[layer].large_channels;
    if (channels.empty()) channels.insert(state.layers[layer].channel);
    return fmt::format("resid_post.{}:largest:{}=zero", layer, fmt::join(channels, ","));
  };
  for (std::size_t layer = 0; layer < state.layers.size(); ++layer) {
    if (state.layers[layer].ratio > state.layers[largest].ratio) largest = layer;
    if (!(state.layers[layer].ratio > kLargeRatio)) continue;
    if (out.first_edit.empty()) out.first_edit = edit(layer);
    out.every_edit += (out.every_edit.empty() ? "" : ";") + edit(layer);
  }
  out.massive = !out.first_edit.empty();
  if (!out.massive) out.first_edit = out.every_edit = edit(largest);
  return out;
}

void look_at_the_end(TrainRecipe& recipe) {
  recipe.zeroing = true;
  if (recipe.watch_every == 0) recipe.watch_every = recipe.schedule.steps;
}

Result<Zeroing> run_zeroing(const TrainRequest& request, const TrainCommand& command,
                            const std::filesystem::path& checkpoint) {
  TEPUI_TRY(const Emergence watched, read_emergence(request.out, kLargeRatio));
  if (watched.states.empty() || watched.states.back().layers.empty())
    return fail(ErrorKind::data,
                "{}: expected what was watched of resid_post at the end, found none",
                request.out.string());
  Zeroing out = zeroing_edits(watched.states.back());
  InterveneRequest edits;
  edits.model = checkpoint;
  TEPUI_TRY(edits.corpus.ids, write_sequences(request));
  edits.backend = command.backend;
  edits.threads = command.threads;
  edits.branches = {{kFirstBranch, out.first_edit, "the zeroing's edit"}};
  if (out.every_edit != out.first_edit)
    edits.branches.push_back({kEveryBranch, out.every_edit, "the zeroing's edits"});
  edits.out = request.out / kZeroedFolder;
  edits.command = command.typed;
  TEPUI_TRY(const RunOutcome outcome, run_intervene(edits, {}));
  TEPUI_TRY(StoreReader store, StoreReader::open(outcome.folder));
  TEPUI_TRY(const ScoredRun scored, read_scores(store));
  for (const BranchScores& branch : scored.branches) {
    const double perplexity = branch.all.perplexity();
    if (branch.name == kFirstBranch)
      out.first = perplexity;
    else if (branch.name == kEveryBranch)
      out.everywhere = perplexity;
    else
      out.perplexity = perplexity;
  }
  if (out.every_edit == out.first_edit) out.everywhere = out.first;
  return out;
}

}  // namespace tepui
