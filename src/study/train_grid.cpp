// SPDX-License-Identifier: MIT
#include "study/train_grid.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/mapped_file.h"
#include "base/new_file.h"
#include "study/emergence.h"
#include "train/token_data.h"

namespace tepui {
namespace {

constexpr const char* kSummary = "summary.json";
constexpr const char* kAnotherShard = "another shard's";

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
    if (!json.is_object() || json.value("recipe", "") != request_.record.hash) return false;
    const auto number = [](const nlohmann::json& value) { return value.get<double>(); };
    try {
      row_.validation_loss = number(json.at("validation_loss"));
      row_.sink_rate = number(json.at("sink_rate"));
      row_.zeroing = {number(json.at("perplexity")), number(json.at("zeroed_perplexity")),
                      number(json.at("zeroed_everywhere")), json.at("zero_edit").get<std::string>(),
                      json.at("zero_edits").get<std::string>()};
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
    row_.zeroing = *result.zeroing;
    TEPUI_TRY(const Emergence watched, read_emergence(request_.out, 100));
    const CheckpointState& end = watched.states.back();
    row_.sink_rate = end.sink_rate;
    for (const LayerState& layer : end.layers)
      row_.layers.push_back({layer.median, layer.top, layer.ratio});
    row_.finished = true;
    TEPUI_TRY(write_new_file(request_.out / kSummary, summary().dump(2) + "\n"));
    return true;
  }

  void fails(const std::string& message) { row_.failure = message; }
  const GridRow& row() const { return row_; }
  nlohmann::json summary() const {
    nlohmann::json layers = nlohmann::json::array();
    for (const GridLayer& layer : row_.layers)
      layers.push_back({{"median", layer.median}, {"top", layer.top}, {"ratio", layer.ratio}});
    return {{"name", row_.name},
            {"recipe", request_.record.hash},
            {"validation_loss", row_.validation_loss},
            {"sink_rate", row_.sink_rate},
            {"perplexity", row_.zeroing.perplexity},
            {"zeroed_perplexity", row_.zeroing.first},
            {"zeroed_everywhere", row_.zeroing.everywhere},
            {"zero_edit", row_.zeroing.first_edit},
            {"zero_edits", row_.zeroing.every_edit},
            {"layers", layers}};
  }

 private:
  const GridCommand& command_;
  const GridView& view_;
  const TrainRequest& request_;
  GridRow row_;
};

// What is left of a run to do.
std::string state_text(const GridCommand& command, std::size_t number, bool known,
                       const TrainPlan& plan, std::int64_t steps) {
  if (known) return "finished";
  if (static_cast<int>(number) % command.shards != command.shard) return kAnotherShard;
  if (plan.first >= steps) return "to be measured";
  return plan.first > 0 ? fmt::format("goes on at {}", plan.first) : "to be run";
}

}  // namespace

Result<GridPlan> plan_grid(const GridCommand& command) {
  TEPUI_TRY(const std::vector<GridRecipe> grid, read_recipe_grid(command.train.recipe));
  const GridView view;
  std::optional<DataRecipe> of;  // the data that is loaded
  TokenData data;
  GridPlan out;
  for (std::size_t i = 0; i < grid.size(); ++i) {
    TEPUI_TRY(TrainRequest request, request_of(command.train, grid[i].file));
    out.folder = request.out;
    request.out /= grid[i].name;
    look_at_the_end(request.recipe);
    if (of != request.recipe.data) {
      TEPUI_TRY(data, load_token_data(request.recipe.data));
      of = request.recipe.data;
    }
    GridPlanRow row{grid[i].name, {}, request.recipe.schedule.steps, false, {}};
    TEPUI_TRY(row.plan, plan_training(request, data));
    row.finished = GridRun(command, view, request, grid[i].name).known();
    row.state = state_text(command, i, row.finished, row.plan, row.steps);
    out.finished += row.finished ? 1 : 0;
    if (row.state != kAnotherShard) out.left += row.left();
    out.runs.push_back(std::move(row));
  }
  return out;
}

Result<std::vector<GridRow>> run_grid(const GridCommand& command, const GridView& view) {
  TEPUI_TRY(const std::vector<GridRecipe> grid, read_recipe_grid(command.train.recipe));
  std::vector<GridRow> rows;
  bool stopped = false;
  for (std::size_t i = 0; i < grid.size(); ++i) {
    TEPUI_TRY(TrainRequest request, request_of(command.train, grid[i].file));
    request.out /= grid[i].name;
    // What is watched and zeroed changes nothing; the end is always looked at.
    look_at_the_end(request.recipe);
    GridRun run(command, view, request, grid[i].name);
    const bool own = static_cast<int>(i) % command.shards == command.shard;
    if (!run.known() && own && !stopped) {
      if (view.begin)
        view.begin(grid[i].name, static_cast<int>(i) + 1, static_cast<int>(grid.size()));
      const Result<bool> finished = run.run();
      if (!finished && finished.error().kind != ErrorKind::data)
        return tl::unexpected(finished.error());
      if (!finished) run.fails(finished.error().message);
      stopped = finished && !*finished;
    }
    rows.push_back(run.row());
  }
  return rows;
}

}  // namespace tepui
