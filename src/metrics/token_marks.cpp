// SPDX-License-Identifier: MIT
#include "metrics/token_marks.h"

#include <algorithm>
#include <cstring>

namespace tepui {

namespace {

const std::vector<int>& marks_of(const TokenMarks& marks, int sequence) {
  static const std::vector<int> kNone;
  const auto at = static_cast<std::size_t>(sequence);
  return at < marks.size() ? marks[at] : kNone;
}

}  // namespace

ChunkMarks::ChunkMarks(const TokenMarks& marks, int first_sequence, std::span<const int> lengths)
    : lengths_(lengths.begin(), lengths.end()) {
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    std::vector<int>& own =
        positions_.emplace_back(marks_of(marks, first_sequence + static_cast<int>(s)));
    std::erase_if(own, [&](int position) { return position >= lengths[s]; });
    most_ = std::max(most_, static_cast<int>(own.size()));
  }
}

std::vector<std::uint32_t> ChunkMarks::table() const {
  const auto most = static_cast<std::size_t>(most_);
  std::vector<std::uint32_t> table(positions_.size() * most, 0xffffffffU);
  for (std::size_t s = 0; s < positions_.size(); ++s) {
    for (std::size_t m = 0; m < positions_[s].size(); ++m)
      table[s * most + m] = static_cast<std::uint32_t>(positions_[s][m]);
  }
  return table;
}

RowKind ChunkMarks::kind(std::size_t s, int position) const {
  const std::vector<int>& own = positions_[s];
  if (own.empty() || position < own.front()) return kBefore;
  return std::ranges::binary_search(own, position) ? kMarked : kBehind;
}

std::vector<std::uint32_t> ChunkMarks::kinds() const {
  std::vector<std::uint32_t> kinds;
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    for (int position = 0; position < lengths_[s]; ++position) kinds.push_back(kind(s, position));
  }
  return kinds;
}

std::string marks_key(const TokenMarks& marks, int first_sequence, int last_sequence) {
  std::string key;
  for (int sequence = first_sequence; sequence < last_sequence; ++sequence) {
    for (const int position : marks_of(marks, sequence)) key += fmt::format("{}.", position);
    key += '/';
  }
  return key;
}

Value add_constant(EmitContext& context, const Shape& shape,
                   const std::vector<std::uint32_t>& values, const std::string& name) {
  const Value value = context.builder.input({DType::u32, shape}, name);
  Constant constant{value, std::vector<std::byte>(values.size() * sizeof(std::uint32_t))};
  std::memcpy(constant.bytes.data(), values.data(), constant.bytes.size());
  context.constants.push_back(std::move(constant));
  return value;
}

}  // namespace tepui
