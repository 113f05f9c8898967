// SPDX-License-Identifier: MIT
// The tables of positions that blocks read beside their weights. All hold positions from 0 on, and
// depend on the length of the sequences alone.
#pragma once

#include <cstdint>
#include <vector>

#include "models/spec.h"
#include "tepui/tensor.h"

namespace tepui {

enum class Table : std::uint8_t {
  rope,        // see models/rope_table.h
  local_rope,  // the same for layers that use local_rope
  key_bias,    // ALiBi: f32 [heads, positions], what op `attention` adds to scores
};

// Those that the model's layers read.
std::vector<Table> tables_of(const ModelSpec& spec);

TensorType table_type(const ModelSpec& spec, Table table, int positions);
// sequence_length: see rope_table.
std::vector<float> table_values(const ModelSpec& spec, Table table, int positions,
                                int sequence_length);

// ALiBi's slope of a head: of 2^n heads the i-th (from 1) has 2^(-max i / 2^n); for other numbers
// those of the next lower power, then every other one of the next higher.
double alibi_slope(int head, int heads, double max);

// Sequences may share tables exactly when these are equal.
std::vector<int> length_classes(const ModelSpec& spec, int sequence_length);

}  // namespace tepui
