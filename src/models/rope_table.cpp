// SPDX-License-Identifier: MIT
#include "models/rope_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tepui {

namespace {

double llama3_frequency(const RopeSpec& rope, double frequency) {
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  const double context = rope.original_context;
  if (wavelength < context / rope.high_freq_factor) return frequency;
  if (wavelength > context / rope.low_freq_factor) return frequency / rope.factor;
  const double smooth = (context / wavelength - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

// The pair (not whole) that turns `turns` times over the original context.
double yarn_pair(const RopeSpec& rope, double turns) {
  const double context = rope.original_context;
  return rope.rotary_dim * std::log(context / (turns * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(rope.theta));
}

double yarn_frequency(const RopeSpec& rope, double frequency, int pair) {
  double low = yarn_pair(rope, rope.beta_fast);
  double high = yarn_pair(rope, rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, rope.rotary_dim - 1.0);
  if (low == high) high += 0.001;
  const double ramp = std::clamp((pair - low) / (high - low), 0.0, 1.0);
  return frequency / rope.factor * ramp + frequency * (1.0 - ramp);
}

bool is_beyond(const RopeSpec& rope, int sequence_length) {
  return rope.scaling == RopeScaling::longrope && sequence_length > rope.original_context;
}

double scaled(const RopeSpec& rope, double frequency, int pair, int sequence_length) {
  const auto at = static_cast<std::size_t>(pair);
  switch (rope.scaling) {
    case RopeScaling::none:
    case RopeScaling::dynamic: return frequency;
    case RopeScaling::linear: return frequency / rope.factor;
    case RopeScaling::llama3: return llama3_frequency(rope, frequency);
    case RopeScaling::yarn: return yarn_frequency(rope, frequency, pair);
    case RopeScaling::longrope: break;
  }
  return frequency /
         (is_beyond(rope, sequence_length) ? rope.long_factors : rope.short_factors)[at];
}

std::vector<double> frequencies(const RopeSpec& rope, int sequence_length) {
  const int pairs = rope.rotary_dim / 2;
  double theta = rope.theta;
  if (rope.scaling == RopeScaling::dynamic && rope.rotary_dim > 2) {
    const double context = rope.original_context;
    const double reach = std::max<double>(sequence_length, context);
    const double dim = rope.rotary_dim;
    theta *= std::pow(rope.factor * reach / context - (rope.factor - 1.0), dim / (dim - 2.0));
  }
  std::vector<double> out(static_cast<std::size_t>(pairs));
  for (int i = 0; i < pairs; ++i) {
    const double frequency = std::pow(theta, -2.0 * i / rope.rotary_dim);
    out[static_cast<std::size_t>(i)] = scaled(rope, frequency, i, sequence_length);
  }
  return out;
}

}  // namespace

std::vector<float> rope_table(const RopeSpec& rope, int positions, int sequence_length) {
  const std::vector<double> frequency = frequencies(rope, sequence_length);
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(positions) * 2 * frequency.size());
  for (int position = 0; position < positions; ++position) {
    for (const double f : frequency)
      table.push_back(static_cast<float>(rope.magnitude * std::cos(position * f)));
    for (const double f : frequency)
      table.push_back(static_cast<float>(rope.magnitude * std::sin(position * f)));
  }
  return table;
}

int rope_length_class(const RopeSpec& rope, int sequence_length) {
  if (rope.scaling == RopeScaling::longrope) return is_beyond(rope, sequence_length) ? 1 : 0;
  if (rope.scaling != RopeScaling::dynamic) return 0;
  return std::max(sequence_length, rope.original_context);
}

int longest_context(const Dims& dims) {
  const RopeScaling scaling = dims.rope.scaling;
  if (scaling != RopeScaling::dynamic && scaling != RopeScaling::yarn) return dims.context;
  const int context = scaling == RopeScaling::yarn ? dims.rope.original_context : dims.context;
  constexpr double kMost = 1 << 30;  // factors are only known to be positive
  const double reach = std::min(kMost, context * std::max(1.0, dims.rope.factor));
  return std::max(dims.context, static_cast<int>(reach));
}

}  // namespace tepui
