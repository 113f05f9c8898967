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
    double frequency = std::pow(theta, -2.0 * i / rope.rotary_dim);
    if (rope.scaling == RopeScaling::linear) frequency /= rope.factor;
    if (rope.scaling == RopeScaling::llama3) frequency = llama3_frequency(rope, frequency);
    out[static_cast<std::size_t>(i)] = frequency;
  }
  return out;
}

}  // namespace

std::vector<float> rope_table(const RopeSpec& rope, int positions, int sequence_length) {
  const std::vector<double> frequency = frequencies(rope, sequence_length);
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(positions) * 2 * frequency.size());
  for (int position = 0; position < positions; ++position) {
    for (const double f : frequency) table.push_back(static_cast<float>(std::cos(position * f)));
    for (const double f : frequency) table.push_back(static_cast<float>(std::sin(position * f)));
  }
  return table;
}

int rope_length_class(const RopeSpec& rope, int sequence_length) {
  if (rope.scaling != RopeScaling::dynamic) return 0;
  return std::max(sequence_length, rope.original_context);
}

int longest_context(const Dims& dims) {
  if (dims.rope.scaling != RopeScaling::dynamic) return dims.context;
  constexpr double kMost = 1 << 30;  // factors are only known to be positive
  return static_cast<int>(
      std::min(kMost, static_cast<double>(dims.context) * std::max(1.0, dims.rope.factor)));
}

}  // namespace tepui
