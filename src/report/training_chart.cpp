// SPDX-License-Identifier: MIT
#include "report/training_chart.h"

#include <algorithm>
#include <cmath>

#include "base/utf8_text.h"
#include "report/run_facts.h"
#include "study/emergence_fit.h"
#include "study/wording.h"

namespace tepui {
namespace {

constexpr std::size_t kMostLogged = 800;  // points of the loss; a point is the mean of some steps
constexpr std::size_t kMostWatched = 600;
constexpr std::size_t kCurvePoints = 120;

ChartJson log_json(const TrainingLog& log) {
  ChartJson json;
  const std::size_t by =
      (log.steps.size() + kMostLogged - 1) / std::max<std::size_t>(kMostLogged, 1);
  json["thinned"] = std::max<std::size_t>(by, 1);
  json["step"] = ChartJson::array();
  json["loss"] = ChartJson::array();
  for (std::size_t at = 0; at < log.steps.size(); at += by) {
    const std::size_t end = std::min(at + by, log.steps.size());
    double sum = 0;
    for (std::size_t i = at; i < end; ++i) sum += log.steps[i].loss;
    json["step"].push_back(log.steps[(at + end - 1) / 2].step);
    json["loss"].push_back(chart_number(sum / static_cast<double>(end - at)));
  }
  return json;
}

ChartJson evaluations_json(const TrainingLog& log) {
  ChartJson json;
  for (const char* list : {"step", "training", "validation"}) json[list] = ChartJson::array();
  for (const EvaluationReport& one : log.evaluations) {
    json["step"].push_back(one.step);
    json["training"].push_back(chart_number(one.training));
    json["validation"].push_back(chart_number(one.validation));
  }
  return json;
}

// A curve over the whole of the series.
ChartJson curve_json(const CurveFit& fit, double first, double last) {
  ChartJson json;
  json["name"] = curve_name(fit.curve);
  json["r2"] = chart_number(fit.r2);
  json["aic"] = chart_number(fit.aic);
  json["steps"] = ChartJson::array();
  json["values"] = ChartJson::array();
  std::vector<double> parameters;
  for (const Estimate& parameter : fit.parameters) parameters.push_back(parameter.value);
  std::vector<double> gradient(parameters.size());
  for (std::size_t i = 0; i < kCurvePoints; ++i) {
    const double step =
        first + (last - first) * static_cast<double>(i) / static_cast<double>(kCurvePoints - 1);
    json["steps"].push_back(chart_number(step));
    json["values"].push_back(chart_number(curve_at(fit.curve, parameters, step, gradient)));
  }
  json["peak_step"] = fit.peak ? chart_number(fit.peak->value) : ChartJson();
  json["peak_error"] = fit.peak ? chart_number(fit.peak->error) : ChartJson();
  return json;
}

ChartJson fit_json(const CurveFits& fits, double first, double last) {
  ChartJson json;
  json["best"] = fits.best ? ChartJson(curve_name(fits.fits[*fits.best].first)) : ChartJson();
  json["curves"] = ChartJson::array();
  json["missing"] = ChartJson::array();
  for (const auto& [curve, fit] : fits.fits) {
    if (fit) json["curves"].push_back(curve_json(*fit, first, last));
    if (!fit)
      json["missing"].push_back(
          fmt::format("no {} curve: {}", curve_name(curve), valid_utf8(fit.error().message)));
  }
  return json;
}

// Of many watched steps every n-th, with the last one.
std::vector<CheckpointState> thinned(const std::vector<CheckpointState>& states) {
  if (states.size() <= kMostWatched) return states;
  std::vector<CheckpointState> kept;
  const std::size_t by = (states.size() + kMostWatched - 1) / kMostWatched;
  for (std::size_t at = 0; at < states.size(); at += by) kept.push_back(states[at]);
  if ((states.size() - 1) % by != 0) kept.push_back(states.back());
  return kept;
}

using LayerNumber = double LayerState::*;
constexpr std::pair<const char*, LayerNumber> kLayerNumbers[] = {
    {"median", &LayerState::median},
    {"top", &LayerState::top},
    {"ratio", &LayerState::ratio},
    {"top_median", &LayerState::top_median},
    {"sink", &LayerState::sink},
    {"sink_rate", &LayerState::sink_rate},
    {"key_first", &LayerState::key_first},
    {"key_others", &LayerState::key_others},
    {"value_first", &LayerState::value_first},
    {"value_others", &LayerState::value_others}};

ChartJson layers_json(const Emergence& emergence, const std::vector<CheckpointState>& shown) {
  ChartJson layers = ChartJson::array();
  const std::vector<LayerCourse> all = courses(emergence.states, emergence.threshold);
  const std::vector<CurveFits> fits = layer_fits(emergence.states);
  const auto first = static_cast<double>(emergence.states.front().checkpoint.step);
  const auto last = static_cast<double>(emergence.states.back().checkpoint.step);
  for (std::size_t layer = 0; layer < all.size(); ++layer) {
    ChartJson one;
    one["layer"] = layer;
    for (const auto& [name, of] : kLayerNumbers) {
      one[name] = ChartJson::array();
      for (const CheckpointState& state : shown)
        one[name].push_back(chart_number(state.layers[layer].*of));
    }
    one["onset"] = all[layer].onset ? ChartJson(*all[layer].onset) : ChartJson();
    one["peak"] = chart_number(all[layer].peak);
    one["peak_step"] = all[layer].peak_step;
    one["end"] = chart_number(all[layer].end);
    one["fit"] = fit_json(fits[layer], first, last);
    layers.push_back(std::move(one));
  }
  return layers;
}

ChartJson weights_json(const std::vector<CheckpointState>& shown) {
  ChartJson weights = ChartJson::array();
  const std::vector<WeightRow>& known = shown.back().weights;
  for (const WeightRow& row : known) {
    if (row.metric != "deviation") continue;
    ChartJson one;
    one["layer"] = row.layer == kNoLayer ? ChartJson() : ChartJson(row.layer);
    one["weight"] = row.weight;
    for (const char* metric : {"deviation", "kurtosis"}) {
      one[metric] = ChartJson::array();
      for (const CheckpointState& state : shown) {
        const auto found = std::ranges::find_if(state.weights, [&](const WeightRow& other) {
          return other.layer == row.layer && other.weight == row.weight && other.metric == metric;
        });
        one[metric].push_back(found == state.weights.end() ? ChartJson()
                                                           : chart_number(found->value));
      }
    }
    weights.push_back(std::move(one));
  }
  return weights;
}

ChartJson watched_json(const Emergence& emergence) {
  const std::vector<CheckpointState> shown = thinned(emergence.states);
  ChartJson json;
  json["threshold"] = chart_number(emergence.threshold);
  json["left_out"] = emergence.states.size() - shown.size();
  for (const char* list : {"steps", "loss", "start_loss", "other_loss", "massive", "sink_rate"})
    json[list] = ChartJson::array();
  for (const CheckpointState& state : shown) {
    json["steps"].push_back(state.checkpoint.step);
    json["loss"].push_back(chart_number(state.loss));
    json["start_loss"].push_back(chart_number(state.start_loss));
    json["other_loss"].push_back(chart_number(state.other_loss));
    json["massive"].push_back(state.massive);
    json["sink_rate"].push_back(chart_number(state.sink_rate));
  }
  json["layers"] = layers_json(emergence, shown);
  json["weights"] = weights_json(shown);
  json["coherence"] = coherence_json(emergence);
  return json;
}

std::string training_finding(const TrainingSource& source) {
  std::string text;
  if (!source.log.evaluations.empty()) {
    const EvaluationReport& last = source.log.evaluations.back();
    text += fmt::format(
        "Trained for {}: validation loss {:.4f} nats a token, {:.4f} on training data.\n",
        counted(last.step, "step"), last.validation, last.training);
  }
  if (source.watched.states.empty()) return text + "No step was watched (watch_every).\n";
  const std::vector<LayerCourse> all = courses(source.watched.states, source.watched.threshold);
  std::vector<std::int64_t> begun;
  std::size_t first = 0;
  std::size_t largest = 0;
  for (std::size_t layer = 0; layer < all.size(); ++layer) {
    if (all[layer].peak > all[largest].peak) largest = layer;
    if (!all[layer].onset) continue;
    if (begun.empty() || *all[layer].onset < *all[first].onset) first = layer;
    begun.push_back(static_cast<std::int64_t>(layer));
  }
  const std::string threshold = rounded(source.watched.threshold);
  text += fmt::format("The largest |x| over the median peaks at {} in layer {}, step {}. ",
                      rounded(all[largest].peak), largest, all[largest].peak_step);
  if (begun.empty())
    text += fmt::format("No layer stays above {}.\n", threshold);
  else
    text += fmt::format("It goes above {} first in layer {}, at step {}, and in {} of {}.\n",
                        threshold, first, *all[first].onset, begun.size(),
                        counted(static_cast<std::int64_t>(all.size()), "layer"));
  return text + coherence_text(source.watched);
}

ChartJson facts_json(const TrainingSource& source) {
  ChartJson facts = ChartJson::array();
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts.push_back({{"name", name}, {"value", valid_utf8(value)}});
  };
  add("Folder", source.folder);
  if (!source.log.steps.empty()) add("Steps", fmt::format("{}", source.log.steps.back().step + 1));
  const std::size_t watched = source.watched.states.size();
  add("Watched", counted(static_cast<std::int64_t>(watched), "step"));
  if (!source.run) return facts;
  const RunInfo& run = source.run->info;
  add("Text", run.text);
  add("Tokenizer", run.tokenizer);
  add("Backend", fmt::format("{} ({})", run.backend, run.detail));
  add("Device", run.device);
  add("Version", "tepui " + run.version);
  add("Last watched", source.run->started);
  return facts;
}

}  // namespace

ChartJson training_run(const TrainingSource& source, const std::string& label) {
  ChartJson run;
  run["label"] = label;
  run["folder"] = valid_utf8(source.folder);
  run["command"] = source.run ? valid_utf8(command_of(source.run->info)) : "";
  run["finding"] = valid_utf8(training_finding(source));
  const MassiveRule rule;
  run["rule"] = {{"min_abs", chart_number(rule.min_abs)},
                 {"min_ratio", chart_number(rule.min_ratio)}};
  run["notes"] = ChartJson::array();
  run["facts"] = facts_json(source);
  ChartJson training;
  training["log"] = log_json(source.log);
  training["evaluations"] = evaluations_json(source.log);
  training["watched"] = source.watched.states.empty() ? ChartJson() : watched_json(source.watched);
  training["edited"] = ChartJson::array();
  for (const BranchScores& branch : source.edited)
    training["edited"].push_back(
        {{"name", valid_utf8(branch.name)}, {"perplexity", chart_number(branch.all.perplexity())}});
  run["training"] = std::move(training);
  run["tokens"] = ChartJson::object();
  run["sequences"] = ChartJson::object();
  run["sites"] = ChartJson::array();
  return run;
}

}  // namespace tepui
