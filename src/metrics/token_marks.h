// SPDX-License-Identifier: MIT
// The marked tokens of a chunk, and which of its rows are queries that come behind one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tepui/metric.h"

namespace tepui {

// What a row is to the marked tokens of its sequence.
enum RowKind : std::uint32_t { kBefore = 0, kMarked = 1, kBehind = 2 };

class ChunkMarks {
 public:
  // Of the sequences from `first_sequence` on that have these lengths.
  ChunkMarks(const TokenMarks& marks, int first_sequence, std::span<const int> lengths);

  const std::vector<int>& of_sequence(std::size_t s) const { return positions_[s]; }
  int most() const { return most_; }         // tokens of one sequence, at least 1
  std::vector<std::uint32_t> table() const;  // [S, most]: positions, 0xffffffff where none is left
  std::vector<std::uint32_t> kinds() const;  // [R]: RowKind
  RowKind kind(std::size_t s, int position) const;

 private:
  std::vector<std::vector<int>> positions_;
  std::vector<int> lengths_;
  int most_ = 1;
};

// Says of chunks whether ChunkMarks of equal lengths are equal.
std::string marks_key(const TokenMarks& marks, int first_sequence, int last_sequence);

// A u32 input with these contents.
Value add_constant(EmitContext& context, const Shape& shape,
                   const std::vector<std::uint32_t>& values, const std::string& name);

}  // namespace tepui
