// SPDX-License-Identifier: MIT
#include "support/op_slices.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "ops/elements.h"

namespace tepui::test {
namespace {

// How an op's operands are cut. Parameter blocks begin with the rows or the count of elements.
struct Cut {
  std::vector<std::size_t> by_row;
  std::vector<std::size_t> by_sequence = {};
  std::optional<std::size_t> offsets = {};
  std::optional<std::size_t> edits = {};  // a table, then words by row
  std::size_t sequences_word = 0;         // where the parameter block counts the sequences
  bool counts_elements = false;
  bool outputs_by_row = true;
  std::size_t outputs_by_sequence = 99;  // the outputs from here on are
  bool causal = true;  // of one by sequence and row: the first rows do not depend on the others
};

std::optional<Cut> cut_of(OpCode op) {
  switch (op) {
    case OpCode::embed:
    case OpCode::rms_norm:
    case OpCode::layer_norm:
    case OpCode::token_max_abs:
    case OpCode::l2_norm: return Cut{.by_row = {0}};
    case OpCode::linear: return Cut{.by_row = {0, 3}};
    case OpCode::rope: return Cut{.by_row = {0, 1}};
    case OpCode::l2_distance: return Cut{.by_row = {0, 1}};
    case OpCode::cross_entropy:
    case OpCode::divergence:
    case OpCode::mark_rows:
    case OpCode::arg_max: return Cut{.by_row = {0, 1, 2}};
    case OpCode::route: return Cut{.by_row = {0}};
    case OpCode::expert_linear: return Cut{.by_row = {0, 2}};
    case OpCode::expert_mix: return Cut{.by_row = {0, 1}};
    case OpCode::mark_largest:
      return Cut{.by_row = {0}, .by_sequence = {1}, .offsets = 2, .sequences_word = 2};
    case OpCode::cast:
    case OpCode::scale:
    case OpCode::clamp:
    case OpCode::softcap:
    case OpCode::act: return Cut{.by_row = {0}, .counts_elements = true};
    case OpCode::act_mul:
    case OpCode::add: return Cut{.by_row = {0, 1}, .counts_elements = true};
    case OpCode::attention:
      return Cut{.by_row = {0, 1, 2}, .offsets = 3, .edits = 5, .sequences_word = 4};
    case OpCode::max_abs:
    case OpCode::top_k_abs:
    case OpCode::channel_max_abs:
      return Cut{.by_row = {0}, .offsets = 1, .sequences_word = 2, .outputs_by_row = false};
    case OpCode::quantile_abs:
    case OpCode::above_abs:
      return Cut{.by_row = {0},
                 .by_sequence = {2},
                 .offsets = 1,
                 .sequences_word = 2,
                 .outputs_by_row = false};
    case OpCode::attention_stats:  // keys receive from all later rows
      return Cut{.by_row = {0, 1},
                 .by_sequence = {4},
                 .offsets = 2,
                 .edits = 5,
                 .sequences_word = 4,
                 .causal = false};
    case OpCode::dyt: return Cut{.by_row = {0}};
    case OpCode::dyt_grad: return Cut{.by_row = {0, 3}};
    case OpCode::gate: return Cut{.by_row = {0, 2}};
    case OpCode::gate_grad: return Cut{.by_row = {0, 2, 4}};
    case OpCode::nll:
    case OpCode::nll_grad: return Cut{.by_row = {0, 1}};
    case OpCode::norm_grad: return Cut{.by_row = {0, 2}};
    case OpCode::cross_entropy_grad:
    case OpCode::squared_error:
    case OpCode::squared_error_grad: return Cut{.by_row = {0, 1, 2}};
    case OpCode::act_grad:
    case OpCode::moments:
    case OpCode::adamw: return Cut{.by_row = {0, 1, 2}, .counts_elements = true};
    case OpCode::attention_grad:  // keys get from all later rows
      return Cut{.by_row = {0, 1, 2, 4},
                 .offsets = 3,
                 .sequences_word = 4,
                 .outputs_by_sequence = 3,
                 .causal = false};
    case OpCode::mix_rows:
      return Cut{.by_row = {0}, .by_sequence = {1}, .offsets = 2, .sequences_word = 2};
    case OpCode::constancy:
      return Cut{.by_row = {0, 1, 3}, .offsets = 4, .sequences_word = 2, .outputs_by_row = false};
    case OpCode::attention_map:  // a cell is no row
    case OpCode::head_values:    // nor is a marked token
    case OpCode::put_rows:       // rows come from two operands
    case OpCode::row_level:      // its first operand is a sequence's, not a row's
    case OpCode::edit:           // which operands go by row depends on the case
    case OpCode::transpose:      // its result has no rows of its operand
    case OpCode::column_sum:
    case OpCode::embed_grad:
    case OpCode::sum_squares:
    case OpCode::clip_factor:
    case OpCode::dropout:  // an element's place decides
    case OpCode::pack: break;
  }
  return std::nullopt;
}

HostTensor lines(const HostTensor& tensor, std::size_t begin, std::size_t end) {
  if (!tensor.type.present()) return tensor;
  std::vector<std::int64_t> sizes;
  for (int axis = 0; axis < tensor.type.shape.rank(); ++axis) {
    sizes.push_back(tensor.type.shape[axis]);
  }
  const auto all = static_cast<std::size_t>(sizes.front());
  const std::size_t line = all == 0 ? 0 : tensor.bytes.size() / all;
  sizes.front() = static_cast<std::int64_t>(end - begin);
  const auto first = tensor.bytes.begin() + static_cast<std::ptrdiff_t>(begin * line);
  return {{tensor.type.dtype, Shape(sizes)},
          {first, first + static_cast<std::ptrdiff_t>((end - begin) * line)}};
}

void set_word(ParamBytes& params, std::size_t word, std::size_t value) {
  auto words = params.as<std::array<uint, ParamBytes::kCapacity / sizeof(uint)>>();
  words[word] = static_cast<uint>(value);
  params = ParamBytes(words);
}

OpData cut_rows(const OpData& data, const Cut& cut, std::size_t begin, std::size_t end) {
  OpData part = data;
  for (const std::size_t slot : cut.by_row) {
    part.tensors[slot] = lines(data.tensors[slot], begin, end);
    part.types[slot] = part.tensors[slot].type;
  }
  if (cut.edits && data.types[*cut.edits].present()) {
    const auto rows = static_cast<std::size_t>(data.types[0].shape[0]);
    const HostTensor& whole = data.tensors[*cut.edits];
    const std::size_t table = whole.bytes.size() / sizeof(std::uint32_t) - rows;
    HostTensor& words = part.tensors[*cut.edits];
    words = lines(whole, 0, table + end - begin);
    const HostTensor own = lines(whole, table + begin, table + end);
    std::ranges::copy(own.bytes, words.bytes.end() - std::ssize(own.bytes));
    part.types[*cut.edits] = words.type;
  }
  const auto elements = static_cast<std::size_t>(part.types[0].shape.elements());
  set_word(part.params, 0, cut.counts_elements ? elements : end - begin);
  return part;
}

Outputs cut_outputs(const Outputs& whole, std::size_t begin, std::size_t end) {
  Outputs part;
  for (const HostTensor& tensor : whole) part.push_back(lines(tensor, begin, end));
  return part;
}

void add_rows(std::vector<Part>& parts, const OpData& data, const Outputs& whole, const Cut& cut,
              std::size_t begin, std::size_t end) {
  parts.push_back({fmt::format("rows [{}, {})", begin, end), cut_rows(data, cut, begin, end),
                   cut_outputs(whole, begin, end)});
}

void add_sequence(std::vector<Part>& parts, const OpData& data, const Outputs& whole,
                  const Cut& cut, std::size_t s) {
  const auto rows = static_cast<std::size_t>(data.types[0].shape[0]);
  const SequenceRows at = sequence_rows(data.tensors[*cut.offsets].view(), s, rows);
  const auto one = [&](std::size_t end) {
    OpData part = cut_rows(data, cut, at.begin, end);
    set_word(part.params, cut.sequences_word, 1);
    part.tensors[*cut.offsets] = make_tensor(i32({0, static_cast<double>(end - at.begin)}), 0);
    part.types[*cut.offsets] = part.tensors[*cut.offsets].type;
    for (const std::size_t slot : cut.by_sequence) {
      const auto own = static_cast<std::size_t>(data.types[slot].shape[0] /
                                                (data.types[*cut.offsets].shape[0] - 1));
      part.tensors[slot] = lines(data.tensors[slot], s * own, (s + 1) * own);
      part.types[slot] = part.tensors[slot].type;
    }
    return part;
  };
  const bool by_row = cut.outputs_by_row;
  Outputs own;
  for (std::size_t o = 0; o < whole.size(); ++o) {
    const bool rows_of_it = by_row && o < cut.outputs_by_sequence;
    own.push_back(lines(whole[o], rows_of_it ? at.begin : s, rows_of_it ? at.end : s + 1));
  }
  parts.push_back({fmt::format("sequence {} alone", s), one(at.end), std::move(own)});
  const bool ahead = data.op == OpCode::attention &&  // a prefix mask: rows see what follows
                     (data.params.as<AttentionParams>().form & TEPUI_ATTEND_PREFIX) != 0;
  if (by_row && cut.causal && !ahead && at.end - at.begin > 1) {
    const std::size_t end = at.begin + (at.end - at.begin + 1) / 2;
    parts.push_back(
        {fmt::format("first half of sequence {}", s), one(end), cut_outputs(whole, at.begin, end)});
  }
}

}  // namespace

std::vector<Part> parts_of(const OpData& data, const Outputs& whole) {
  std::vector<Part> parts;
  const std::optional<Cut> cut = cut_of(data.op);
  if (!cut || data.types[0].shape.rank() == 0) return parts;
  if (cut->offsets && data.types[*cut->offsets].shape.rank() == 2) return parts;  // earlier keys
  const bool attends = data.op == OpCode::attention || data.op == OpCode::attention_grad;
  if (attends && data.params.as<AttentionParams>().drop != 0)
    return parts;  // a row's place decides
  if (cut->offsets) {
    const auto sequences = static_cast<std::size_t>(data.types[*cut->offsets].shape[0]) - 1;
    for (std::size_t s = 0; s < std::min<std::size_t>(sequences, 8); ++s) {
      add_sequence(parts, data, whole, *cut, s);
    }
    return parts;
  }
  const auto rows = static_cast<std::size_t>(data.types[0].shape[0]);
  if (rows < 2) return parts;
  const std::size_t counted = data.params.as<std::array<uint, 2>>()[0];
  if (!cut->counts_elements && counted != rows) return parts;  // rows in groups
  for (const std::size_t row : {std::size_t{0}, rows / 2, rows - 1}) {
    add_rows(parts, data, whole, *cut, row, row + 1);
  }
  add_rows(parts, data, whole, *cut, 1, std::min<std::size_t>(rows, 1000));
  return parts;
}

}  // namespace tepui::test
