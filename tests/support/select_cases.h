// SPDX-License-Identifier: MIT
// The inputs that every selection is tried on: sequences of unequal length, empty ones among them,
// and fills with ties, NaN, infinities, denormals and zeros of both signs.
#pragma once

#include <vector>

#include "support/op_harness.h"

namespace tepui::test {

struct SelectInput {
  std::vector<double> offsets;
  uint dim;
  Fill fill;

  uint rows() const { return static_cast<uint>(offsets.back()); }
  uint sequences() const { return static_cast<uint>(offsets.size() - 1); }
  Operand x() const { return f32({rows(), dim}, fill); }
};

inline std::vector<SelectInput> select_inputs() {
  std::vector<SelectInput> inputs;
  for (const Fill fill : {Fill::normal, Fill::massive, Fill::ties, Fill::special}) {
    for (const uint dim : {1U, 7U, 64U, 130U}) {
      inputs.push_back({{0}, dim, fill});
      inputs.push_back({{0, 0}, dim, fill});
      inputs.push_back({{0, 1}, dim, fill});
      inputs.push_back({{0, 0, 1, 6, 6, 39, 40}, dim, fill});
    }
    inputs.push_back({{0, 300}, 65, fill});
  }
  inputs.push_back({{0, 66000, 70000}, 2, Fill::ties});
  return inputs;
}

// What a reference gave, for comparing with values written by hand.
template <class T>
std::vector<T> output(const Outputs& outputs, std::size_t index) {
  const auto span = outputs[index].view().as<T>();
  return {span.begin(), span.end()};
}

inline constexpr std::uint32_t kAbsent = 0xffffffffU;

}  // namespace tepui::test
