// SPDX-License-Identifier: MIT
#include "study/emergence_fit.h"

#include <algorithm>

#include "study/json_values.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {
namespace {

std::string estimate_text(const Estimate& estimate) {
  return fmt::format("{} +- {}", rounded(estimate.value), rounded(estimate.error));
}

TextColumn right_column(std::string_view title) {
  return {std::string(title), Align::right, 9, {}};
}

// AIC of every curve, and the winner with its share of the variance.
std::string choice_text(const std::vector<CurveFits>& layers) {
  std::vector<TextColumn> columns = {
      right_column("layer"), {"least AIC", Align::left, 9, {}}, right_column("R2")};
  for (const Curve curve : kCurves) columns.push_back(right_column(curve_name(curve)));
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const CurveFits& all = layers[layer];
    columns[0].cells.push_back(fmt::format("{}", layer));
    const CurveFit* best = all.best ? &*all.fits[*all.best].second : nullptr;
    columns[1].cells.emplace_back(best ? curve_name(best->curve) : "-");
    columns[2].cells.push_back(best ? fmt::format("{:.3f}", best->r2) : "-");
    for (std::size_t i = 0; i < all.fits.size(); ++i) {
      const auto& fit = all.fits[i].second;
      columns[3 + i].cells.push_back(fit ? fmt::format("{:.1f}", fit->aic) : "-");
    }
  }
  return put_together(columns);
}

// The five parameters with their standard errors; empty where no layer has them.
std::string parameters_text(const std::vector<CurveFits>& layers, std::int64_t last) {
  std::vector<TextColumn> columns = {right_column("layer")};
  for (const CurveParameter& parameter : curve_parameters(Curve::emergence))
    columns.push_back(right_column(parameter.name));
  columns.push_back(right_column("R2"));
  columns.push_back(right_column("peak at step"));
  bool beyond = false;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const auto& fit = layers[layer].fits[static_cast<std::size_t>(Curve::emergence)].second;
    if (!fit) continue;
    std::size_t at = 0;
    columns[at++].cells.push_back(fmt::format("{}", layer));
    for (const Estimate& parameter : fit->parameters)
      columns[at++].cells.push_back(estimate_text(parameter));
    columns[at++].cells.push_back(fmt::format("{:.3f}", fit->r2));
    const bool after = fit->peak && fit->peak->value > static_cast<double>(last);
    columns[at].cells.push_back(fit->peak ? (after ? "*" : "") + estimate_text(*fit->peak) : "-");
    beyond = beyond || after;
  }
  if (columns.front().cells.empty()) return {};
  return fmt::format(
      "\nf(t) = A e^(-lambda x) ln(x) + K, x = gamma t + t0, with standard errors\n{}{}",
      put_together(columns), beyond ? "* after the last checkpoint: not observed\n" : "");
}

// Why curves are missing, once for all layers that it holds for.
std::string failures_text(const std::vector<CurveFits>& layers) {
  std::string text;
  for (std::size_t i = 0; i < kCurves.size(); ++i) {
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> reasons;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      const auto& fit = layers[layer].fits[i].second;
      if (fit) continue;
      auto found = std::ranges::find_if(
          reasons, [&](const auto& one) { return one.first == fit.error().message; });
      if (found == reasons.end()) found = reasons.insert(found, {fit.error().message, {}});
      found->second.push_back(static_cast<std::int64_t>(layer));
    }
    for (const auto& [reason, where] : reasons)
      text += fmt::format("no {} curve in {} {}: {}\n", curve_name(kCurves[i]),
                          where.size() == 1 ? "layer" : "layers", ranges(where), reason);
  }
  return text.empty() ? text : "\n" + text;
}

nlohmann::ordered_json estimate_json(const Estimate& estimate) {
  return {{"value", number(estimate.value)}, {"standard_error", number(estimate.error)}};
}

}  // namespace

std::vector<CurveFits> layer_fits(const std::vector<CheckpointState>& states) {
  std::vector<double> steps;
  for (const CheckpointState& state : states)
    steps.push_back(static_cast<double>(state.checkpoint.step));
  std::vector<CurveFits> out(states.empty() ? 0 : states.front().layers.size());
  for (std::size_t layer = 0; layer < out.size(); ++layer) {
    std::vector<double> values;
    for (const CheckpointState& state : states) values.push_back(state.layers[layer].top_median);
    out[layer] = fit_curves(steps, values);
  }
  return out;
}

std::string fits_text(const std::vector<CheckpointState>& states) {
  const std::vector<CurveFits> layers = layer_fits(states);
  const std::int64_t last = states.empty() ? 0 : states.back().checkpoint.step;
  return fmt::format(
      "AIC of curves through mean largest / mean median (R2 of the one of least AIC)\n{}{}{}",
      choice_text(layers), parameters_text(layers, last), failures_text(layers));
}

nlohmann::ordered_json fits_json(const CurveFits& fits) {
  nlohmann::ordered_json document;
  document["least_aic"] =
      fits.best ? nlohmann::ordered_json(curve_name(fits.fits[*fits.best].first)) : nullptr;
  for (const auto& [curve, fit] : fits.fits) {
    nlohmann::ordered_json one;
    if (!fit) {
      one["failure"] = fit.error().message;
    } else {
      const auto parameters = curve_parameters(curve);
      for (std::size_t i = 0; i < parameters.size(); ++i)
        one["parameters"][std::string(parameters[i].name)] = estimate_json(fit->parameters[i]);
      one["r2"] = number(fit->r2);
      one["aic"] = number(fit->aic);
      if (curve == Curve::emergence)
        one["peak_step"] = fit->peak ? estimate_json(*fit->peak) : nlohmann::ordered_json(nullptr);
    }
    document[std::string(curve_name(curve))] = std::move(one);
  }
  return document;
}

}  // namespace tepui
