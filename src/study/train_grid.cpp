// SPDX-License-Identifier: MIT
#include "study/train_grid.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "base/new_file.h"
#include "store/reader.h"
#include "study/emergence.h"
#include "study/intervene.h"
#include "study/scores.h"
#include "train/token_data.h"

namespace tepui {
namespace {

constexpr const char* kSummary = "summary.json";
constexpr int kScoredSequences = 20;

class GridRun {
 public:
  GridRun(const GridCommand& command, const GridView& view, const TrainRequest& request,
          std::string name)
      : command_(command), view_(view), request_(request) {
    row_.name = std::move(name);
  }

  // What a finished run of this recipe left.
  bool known() {
    const auto text = read_file(request_.out / kSummary);
    const auto json = text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
    if (!json.is_object() || json.value("recipe", "") != request_.recipe_hash) return false;
    const auto number = [](const nlohmann::json& value) { return value.get<double>(); };
    try {
      row_.validation_loss = number(json.at("validation_loss"));
      row_.sink_rate = number(json.at("sink_rate"));
      row_.perplexity = number(json.at("perplexity"));
      row_.zeroed = number(json.at("zeroed_perplexity"));
      row_.zero_edit = json.at("zero_edit").get<std::string>();
      for (const auto& layer : json.at("layers"))
        row_.layers.push_back(
            {number(layer.at("median")), number(layer.at("top")), number(layer.at("ratio"))});
    } catch (const nlohmann::json::exception&) {
      return false;
    }
    return row_.finished = true;
  }

  // False where it was stopped.
  Result<bool> run() {
    TEPUI_TRY(const TrainResult result, run_request(request_, command_.train, view_.train));
    if (!result.outcome.finished) return false;
    row_.validation_loss = result.outcome.whole_validation;
    TEPUI_TRY(const Emergence watched, read_emergence(request_.out, 100));
    if (watched.states.empty())
      return fail(ErrorKind::data, "{}: expected what was watched at the end, found none",
                  request_.out.string());
    take_layers(watched.states.back());
    TEPUI_TRY(score(result.outcome.checkpoint));
    row_.finished = true;
    TEPUI_TRY(write_new_file(request_.out / kSummary, summary().dump(2) + "\n"));
    return true;
  }

  const GridRow& row() const { return row_; }
  nlohmann::json summary() const {
    nlohmann::json layers = nlohmann::json::array();
    for (const GridLayer& layer : row_.layers)
      layers.push_back({{"median", layer.median}, {"top", layer.top}, {"ratio", layer.ratio}});
    return {{"name", row_.name},
            {"recipe", request_.recipe_hash},
            {"validation_loss", row_.validation_loss},
            {"sink_rate", row_.sink_rate},
            {"perplexity", row_.perplexity},
            {"zeroed_perplexity", row_.zeroed},
            {"zero_edit", row_.zero_edit},
            {"layers", layers}};
  }

 private:
  // The largest ratio's layer and channel are what is made zero.
  void take_layers(const CheckpointState& state) {
    double largest = -1;
    row_.sink_rate = state.sink_rate;
    for (std::size_t layer = 0; layer < state.layers.size(); ++layer) {
      const LayerState& own = state.layers[layer];
      row_.layers.push_back({own.median, own.top, own.ratio});
      if (own.ratio <= largest) continue;
      largest = own.ratio;
      row_.zero_edit = fmt::format("resid_post.{}:largest:{}=zero", layer, own.channel);
    }
  }

  Status score(const std::filesystem::path& checkpoint) {
    TEPUI_TRY(const TokenData data, load_token_data(request_.recipe.data));
    TrainShape shape;
    shape.length = request_.recipe.model.context;
    shape.begin = data.begin;
    nlohmann::json lists = nlohmann::json::array();
    const std::size_t count =
        std::min<std::size_t>(whole_batches(data.validation.size(), shape), kScoredSequences);
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t counted = 0;
      const TokenBatch batch = whole_batch(data.validation, shape, i, counted);
      if (counted == batch.ids.size()) lists.push_back(batch.ids);
    }
    const std::filesystem::path ids = request_.out / "validation-ids.json";
    TEPUI_TRY(write_new_file(ids, lists.dump() + "\n"));
    InterveneRequest request;
    request.model = checkpoint;
    request.corpus.ids = ids;
    request.backend = command_.train.backend;
    request.threads = command_.train.threads;
    request.branches = {{"zeroed", row_.zero_edit, "the grid's edit"}};
    request.out = request_.out / "zeroed";
    request.command = "tepui train --grid";
    TEPUI_TRY(const RunOutcome outcome, run_intervene(request, {}));
    TEPUI_TRY(StoreReader store, StoreReader::open(outcome.folder));
    TEPUI_TRY(const ScoredRun scored, read_scores(store));
    for (const BranchScores& branch : scored.branches)
      (branch.name == "zeroed" ? row_.zeroed : row_.perplexity) = branch.all.perplexity();
    return {};
  }

  const GridCommand& command_;
  const GridView& view_;
  const TrainRequest& request_;
  GridRow row_;
};

}  // namespace

Result<std::vector<GridRow>> run_grid(const GridCommand& command, const GridView& view) {
  TEPUI_TRY(const std::vector<GridRecipe> grid, read_recipe_grid(command.train.recipe));
  std::vector<GridRow> rows;
  bool stopped = false;
  for (std::size_t i = 0; i < grid.size(); ++i) {
    TEPUI_TRY(TrainRequest request, request_of(command.train, grid[i].file));
    request.out /= grid[i].name;
    // What is watched changes nothing; the end is always looked at.
    TrainRecipe& recipe = request.recipe;
    if (recipe.watch_every == 0) recipe.watch_every = recipe.schedule.steps;
    GridRun run(command, view, request, grid[i].name);
    const bool own = static_cast<int>(i) % command.shards == command.shard;
    if (!run.known() && own && !stopped) {
      if (view.begin)
        view.begin(grid[i].name, static_cast<int>(i) + 1, static_cast<int>(grid.size()));
      TEPUI_TRY(const bool finished, run.run());
      stopped = !finished;
    }
    rows.push_back(run.row());
  }
  return rows;
}

}  // namespace tepui
