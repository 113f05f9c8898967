// SPDX-License-Identifier: MIT
// A series as text and as JSON.
#include <cmath>

#include "study/coherence.h"
#include "study/emergence.h"
#include "study/emergence_fit.h"
#include "study/json_values.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {
namespace {

std::optional<std::int64_t> first_onset(const std::vector<LayerCourse>& courses) {
  std::optional<std::int64_t> first;
  for (const LayerCourse& course : courses) {
    if (course.onset && (!first || *course.onset < *first)) first = course.onset;
  }
  return first;
}

std::string signed_number(double value) {
  return std::isfinite(value) ? fmt::format("{:+.3f}", value) : "-";
}

// What attention, losses and the spread of the weights are beside the ratio, by checkpoint.
std::string beside_text(const Emergence& emergence) {
  std::vector<TextColumn> columns;
  for (const char* title : {"step", "at sentence starts", "elsewhere", "gap", "sink rate",
                            "attention to first", "|k| first", "others", "|v| first", "others"})
    columns.push_back({title, Align::right, 9, {}});
  const auto plain = [](double value) {
    return std::isfinite(value) ? fmt::format("{:.3f}", value) : std::string("-");
  };
  for (const CheckpointState& state : emergence.states) {
    const auto mean = [&](double LayerState::*of) {
      double sum = 0;
      for (const LayerState& layer : state.layers) sum += layer.*of;
      return sum / static_cast<double>(state.layers.size());
    };
    const std::string cells[] = {fmt::format("{}", state.checkpoint.step),
                                 plain(state.start_loss),
                                 plain(state.other_loss),
                                 signed_number(state.boundary_gap()),
                                 plain(state.sink_rate),
                                 plain(mean(&LayerState::sink)),
                                 plain(mean(&LayerState::key_first)),
                                 plain(mean(&LayerState::key_others)),
                                 plain(mean(&LayerState::value_first)),
                                 plain(mean(&LayerState::value_others))};
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].cells.push_back(cells[i]);
  }
  return fmt::format(
      "loss in nats a token; sink rate: heads whose attention to the first token is above 0.3; "
      "the rest: means\nover layers and heads\n{}",
      put_together(columns));
}

nlohmann::ordered_json layer_json(const LayerState& layer) {
  return {{"median", number(layer.median)},
          {"top", number(layer.top)},
          {"top_over_median", number(layer.top_median)},
          {"ratio", number(layer.ratio)},
          {"value", number(layer.value)},
          {"position", layer.position},
          {"channel", layer.channel},
          {"sink", number(layer.sink)},
          {"sink_rate", number(layer.sink_rate)},
          {"key_norm_first", number(layer.key_first)},
          {"key_norm_others", number(layer.key_others)},
          {"value_norm_first", number(layer.value_first)},
          {"value_norm_others", number(layer.value_others)}};
}

nlohmann::ordered_json weights_json(const std::vector<WeightRow>& rows) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const WeightRow& row : rows) {
    nlohmann::ordered_json layer;
    if (row.layer != kNoLayer) layer = row.layer;
    if (all.empty() || all.back()["weight"] != row.weight || all.back()["layer"] != layer)
      all.push_back({{"layer", layer}, {"weight", row.weight}});
    all.back()[row.metric] = number(row.value);
  }
  return all;
}

Coherence coherence_of(const Emergence& emergence) {
  return coherence(emergence.states, first_onset(courses(emergence.states, emergence.threshold)));
}

}  // namespace

std::string coherence_text(const Emergence& emergence) {
  const Coherence found = coherence_of(emergence);
  std::string text = fmt::format(
      "Rank correlation of the largest ratio with the loss {}, with the gap at sentence starts {} "
      "({}).\n",
      signed_number(found.loss_correlation), signed_number(found.gap_correlation),
      counted(static_cast<std::int64_t>(found.checkpoints), "checkpoint"));
  if (found.gap_lag)
    text += fmt::format("The gap goes with the ratio best {} steps {} ({}).\n",
                        std::abs(found.gap_lag->steps),
                        found.gap_lag->steps < 0 ? "before it" : "behind it",
                        signed_number(found.gap_lag->correlation));
  if (found.onset && found.gap_half)
    text += fmt::format(
        "The first layer's onset is at step {}; half of the gap's way was gone at "
        "step {}.\n",
        *found.onset, *found.gap_half);
  return text;
}

nlohmann::ordered_json coherence_json(const Emergence& emergence) {
  const Coherence found = coherence_of(emergence);
  const auto step = [](const std::optional<std::int64_t>& at) {
    return at ? nlohmann::ordered_json(*at) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json json;
  json["checkpoints"] = found.checkpoints;
  json["ratio_with_loss"] = number(found.loss_correlation);
  json["ratio_with_gap"] = number(found.gap_correlation);
  json["gap_lag"] = nullptr;
  if (found.gap_lag)
    json["gap_lag"] = {{"steps", found.gap_lag->steps},
                       {"correlation", number(found.gap_lag->correlation)}};
  json["onset"] = step(found.onset);
  json["gap_half"] = step(found.gap_half);
  return json;
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
      "{}\nonset: the first of two checkpoints in a row above {}\n{}\n{}\n{}",
      put_together(fitted(std::move(columns), 120)), beside_text(emergence),
      rounded(emergence.threshold), put_together(course), coherence_text(emergence),
      fits_text(emergence.states));
}

nlohmann::ordered_json emergence_json(const Emergence& emergence) {
  nlohmann::ordered_json document;
  document["threshold"] = number(emergence.threshold);
  document["failures"] = emergence.failures;
  for (const CheckpointState& state : emergence.states) {
    nlohmann::ordered_json one;
    one["step"] = state.checkpoint.step;
    one["model"] = state.checkpoint.path.string();
    one["loss"] = number(state.loss);
    one["sentence_start_loss"] = number(state.start_loss);
    one["other_loss"] = number(state.other_loss);
    one["sentence_starts"] = state.starts;
    one["massive"] = state.massive;
    one["sink_rate"] = number(state.sink_rate);
    for (const LayerState& layer : state.layers) one["layers"].push_back(layer_json(layer));
    one["weights"] = weights_json(state.weights);
    document["checkpoints"].push_back(std::move(one));
  }
  document["coherence"] = coherence_json(emergence);
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
