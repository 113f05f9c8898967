// SPDX-License-Identifier: MIT
// The runs of a grid side by side, in text and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8_text.h"
#include "study/checkpoint_state.h"
#include "study/text_table.h"
#include "study/train_grid.h"

namespace tepui {

static bool is_massive(const GridRow& row) {
  return std::ranges::any_of(row.layers,
                             [](const GridLayer& layer) { return layer.ratio > kLargeRatio; });
}

std::string grid_table(const std::vector<GridRow>& rows) {
  std::size_t layers = 0;
  for (const GridRow& row : rows) layers = std::max(layers, row.layers.size());
  std::vector<TextColumn> columns{{"run", Align::left, 0, {}},  {"loss", Align::right, 0, {}},
                                  {"ppl", Align::right, 0, {}}, {"zeroed", Align::right, 0, {}},
                                  {"all", Align::right, 0, {}}, {"sinks", Align::right, 0, {}}};
  for (std::size_t layer = 0; layer < layers; ++layer)
    columns.push_back({std::to_string(layer), Align::right, 0, {}});
  std::string left_out;
  bool starred = false;
  for (const GridRow& row : rows) {
    if (!row.finished) {
      left_out += row.failure.empty() ? fmt::format("not finished: {}\n", row.name)
                                      : fmt::format("failed: {}: {}\n", row.name, row.failure);
      continue;
    }
    columns[0].cells.push_back(row.name);
    columns[1].cells.push_back(fmt::format("{:.4f}", row.validation_loss));
    columns[2].cells.push_back(fmt::format("{:.4g}", row.zeroing.perplexity));
    const char* const mark = is_massive(row) ? "" : "*";
    starred = starred || !is_massive(row);
    columns[3].cells.push_back(fmt::format("{:.4g}{}", row.zeroing.first, mark));
    columns[4].cells.push_back(fmt::format("{:.4g}{}", row.zeroing.everywhere, mark));
    columns[5].cells.push_back(fmt::format("{:.0f} %", 100 * row.sink_rate));
    for (std::size_t layer = 0; layer < layers; ++layer)
      columns[6 + layer].cells.push_back(
          layer < row.layers.size() ? fmt::format("{:.4g}", row.layers[layer].ratio) : "");
  }
  if (columns[0].cells.empty()) return left_out;
  return "loss: of the whole validation data, nats a token; ppl: of its first sequences; zeroed: "
         "with the\nchannels above 100 medians zero at the largest |x|'s token, in the first such "
         "layer; all: in all\nof them; sinks: heads above 0.3; then largest |x| / median by "
         "layer\n" +
         put_together(columns) +
         (starred ? "* no layer is above 100 medians: the channel of the largest |x| of the layer "
                    "whose ratio is largest\n"
                  : "") +
         left_out;
}

std::string grid_plan_text(const GridCommand& command, const GridPlan& plan) {
  std::vector<TextColumn> columns{{"run", Align::left, 0, {}},
                                  {"parameters", Align::right, 0, {}},
                                  {"steps", Align::right, 0, {}},
                                  {"tokens", Align::right, 0, {}},
                                  {"", Align::left, 0, {}}};
  for (const GridPlanRow& run : plan.runs) {
    const std::string cells[] = {run.name, fmt::format("{}", run.plan.parameters),
                                 fmt::format("{}", run.steps), fmt::format("{}", run.left()),
                                 run.state};
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c].cells.push_back(cells[c]);
  }
  return fmt::format(
      "{}\n{} runs, {} of them finished; {} tokens to learn from in the others{}\n"
      "in {}\n",
      put_together(columns), plan.runs.size(), plan.finished, plan.left,
      command.shards > 1 ? " of this shard" : "", plan.folder.string());
}

std::string grid_plan_json(const GridPlan& plan) {
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  for (const GridPlanRow& run : plan.runs)
    runs.push_back({{"name", run.name},
                    {"parameters", run.plan.parameters},
                    {"steps", run.steps},
                    {"first_step", run.plan.first},
                    {"tokens_per_step", run.plan.tokens_per_step},
                    {"tokens_left", run.left()},
                    {"finished", run.finished},
                    {"state", run.state}});
  return nlohmann::ordered_json{{"folder", valid_utf8(plan.folder.string())},
                                {"finished", plan.finished},
                                {"tokens_left", plan.left},
                                {"runs", runs}}
             .dump(2) +
         "\n";
}

std::string grid_json(const std::vector<GridRow>& rows) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const GridRow& row : rows) {
    nlohmann::ordered_json entry = {{"name", row.name}, {"finished", row.finished}};
    if (!row.failure.empty()) entry["failure"] = valid_utf8(row.failure);
    if (row.finished) {
      entry["validation_loss"] = row.validation_loss;
      entry["perplexity"] = row.zeroing.perplexity;
      entry["zeroed_perplexity"] = row.zeroing.first;
      entry["zeroed_everywhere"] = row.zeroing.everywhere;
      entry["zeroed_massive"] = is_massive(row);
      entry["zero_edit"] = row.zeroing.first_edit;
      entry["zero_edits"] = row.zeroing.every_edit;
      entry["sink_rate"] = row.sink_rate;
      entry["layers"] = nlohmann::ordered_json::array();
      for (const GridLayer& layer : row.layers)
        entry["layers"].push_back(
            {{"median", layer.median}, {"top", layer.top}, {"ratio", layer.ratio}});
    }
    out.push_back(std::move(entry));
  }
  return nlohmann::ordered_json{{"runs", out}}.dump(2) + "\n";
}

}  // namespace tepui
