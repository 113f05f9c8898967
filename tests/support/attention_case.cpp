// SPDX-License-Identifier: MIT
#include "support/attention_case.h"

#include <algorithm>

namespace tepui::test {
namespace {

std::size_t line_of(const OpData& data) {
  const auto p = data.params.as<AttentionParams>();
  return std::size_t{p.heads} * p.head_dim * sizeof(float);
}

void append(std::vector<std::byte>& to, const std::vector<std::byte>& from, std::size_t begin,
            std::size_t end) {
  to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
            from.begin() + static_cast<std::ptrdiff_t>(end));
}

}  // namespace

OpData rows_alone(const OpData& whole, const std::vector<double>& offsets,
                  const std::vector<RowRange>& kept) {
  OpData alone = whole;
  auto params = whole.params.as<AttentionParams>();
  const std::size_t line = line_of(whole);
  std::vector<double> words{0};
  alone.tensors[0].bytes.clear();
  for (const auto& [begin, end] : kept) {
    words.push_back(words.back() + static_cast<double>(end - begin));
    append(alone.tensors[0].bytes, whole.tensors[0].bytes, begin * line, end * line);
  }
  params.rows = static_cast<uint>(words.back());
  params.cached = static_cast<uint>(offsets.back());
  params.form |= TEPUI_ATTEND_ROWS;
  alone.params = ParamBytes(params);
  words.insert(words.end(), offsets.begin(), offsets.end());
  for (const RowRange& range : kept) words.push_back(static_cast<double>(range.end));
  words.push_back(0);
  alone.types[0] = alone.tensors[0].type = {
      DType::f32, {std::int64_t{params.rows}, std::int64_t{params.heads} * params.head_dim}};
  alone.tensors[3] = make_tensor(exact(DType::i32, {3, std::ssize(offsets)}, words), 0);
  alone.types[3] = alone.tensors[3].type;
  return alone;
}

OpData keys_by_head(const OpData& alone) {
  OpData changed = alone;
  auto params = alone.params.as<AttentionParams>();
  const std::size_t rows = params.cached;
  const std::size_t heads = params.kv_heads;
  const std::size_t dim = params.head_dim * sizeof(float);
  params.form &= ~TEPUI_ATTEND_ROWS;
  changed.params = ParamBytes(params);
  for (const std::size_t i : {1U, 2U}) {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t h = 0; h < heads; ++h)
        std::copy_n(
            alone.tensors[i].bytes.begin() + static_cast<std::ptrdiff_t>((row * heads + h) * dim),
            dim,
            changed.tensors[i].bytes.begin() + static_cast<std::ptrdiff_t>((h * rows + row) * dim));
    changed.types[i] = changed.tensors[i].type = {
        DType::f32, {static_cast<std::int64_t>(heads * rows), params.head_dim}};
  }
  return changed;
}

Outputs rows_among(const OpData& whole, const Outputs& all, const std::vector<RowRange>& kept) {
  const std::size_t line = line_of(whole);
  Outputs some = all;
  some[0].bytes.clear();
  std::int64_t rows = 0;
  for (const auto& [begin, end] : kept) {
    append(some[0].bytes, all[0].bytes, begin * line, end * line);
    rows += static_cast<std::int64_t>(end - begin);
  }
  some[0].type.shape = {rows, static_cast<std::int64_t>(line / sizeof(float))};
  return some;
}

}  // namespace tepui::test
