// SPDX-License-Identifier: MIT
#include "models/tables.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/half.h"
#include "models/rope_table.h"

namespace tepui {

namespace {

float to_bf16(double value) { return f32_from_bf16(bf16_from_f32(static_cast<float>(value))); }

std::vector<float> key_bias(const ModelSpec& spec, int positions) {
  const Dims& dims = spec.dims;
  std::vector<float> bias;
  bias.reserve(static_cast<std::size_t>(dims.heads) * static_cast<std::size_t>(positions));
  for (int head = 0; head < dims.heads; ++head) {
    const double slope = alibi_slope(head, dims.heads, dims.alibi_max);
    for (int position = 0; position < positions; ++position) {
      double value = slope * position;
      if (dims.alibi_rounded) {
        const double rounded = static_cast<double>(to_bf16(slope)) * position;
        value = static_cast<double>(to_bf16(rounded)) * spec.attention_scale(0);
      }
      bias.push_back(static_cast<float>(value));
    }
  }
  return bias;
}

bool is_used(const ModelSpec& spec, RopeUse use) {
  if (spec.layers.empty()) return use == RopeUse::rope;
  return std::ranges::count(spec.layers, use, &LayerSpec::rope) != 0;
}

}  // namespace

double alibi_slope(int head, int heads, double max) {
  const int power = static_cast<int>(std::bit_floor(static_cast<unsigned>(heads)));
  if (head < power) return std::exp2(-max * (head + 1) / power);
  return std::exp2(-max * (2 * (head - power) + 1) / (2 * power));
}

std::vector<Table> tables_of(const ModelSpec& spec) {
  std::vector<Table> tables;
  if (spec.form.positions == PositionKind::alibi) tables.push_back(Table::key_bias);
  if (spec.form.positions != PositionKind::rotary) return tables;
  if (is_used(spec, RopeUse::rope)) tables.push_back(Table::rope);
  if (is_used(spec, RopeUse::local_rope)) tables.push_back(Table::local_rope);
  return tables;
}

TensorType table_type(const ModelSpec& spec, Table table, int positions) {
  switch (table) {
    case Table::rope: return {DType::f32, Shape{positions, spec.dims.rope.rotary_dim}};
    case Table::local_rope: return {DType::f32, Shape{positions, spec.dims.local_rope.rotary_dim}};
    case Table::key_bias: break;
  }
  return {DType::f32, Shape{spec.dims.heads, positions}};
}

std::vector<float> table_values(const ModelSpec& spec, Table table, int positions,
                                int sequence_length) {
  switch (table) {
    case Table::rope: return rope_table(spec.dims.rope, positions, sequence_length);
    case Table::local_rope: return rope_table(spec.dims.local_rope, positions, sequence_length);
    case Table::key_bias: break;
  }
  return key_bias(spec, positions);
}

std::vector<int> length_classes(const ModelSpec& spec, int sequence_length) {
  return {rope_length_class(spec.dims.rope, sequence_length),
          rope_length_class(spec.dims.local_rope, sequence_length)};
}

}  // namespace tepui
