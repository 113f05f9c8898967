// SPDX-License-Identifier: MIT
#include "backend/vulkan/shared_memory.h"

#include <algorithm>
#include <map>

#include "backend/vulkan/spirv.h"

namespace tepui::vulkan {
namespace {

using Words = std::span<const std::uint32_t>;
using Number = std::optional<std::uint64_t>;

struct Layout {
  std::uint64_t bytes = 0;
  std::uint64_t alignment = 1;
};

std::uint64_t round_up(std::uint64_t bytes, std::uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

Number compute(spirv::Op op, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  switch (op) {
    case spirv::kIAdd: return a + b;
    case spirv::kISub: return a - b;
    case spirv::kIMul: return a * b;
    case spirv::kUDiv: return b == 0 ? Number() : a / b;
    case spirv::kUMod: return b == 0 ? Number() : a % b;
    case spirv::kLogicalOr: return a | b;
    case spirv::kLogicalAnd: return a & b;
    case spirv::kLogicalNot: return a ^ 1;
    case spirv::kSelect: return a != 0 ? b : c;
    case spirv::kIEqual: return a == b;
    case spirv::kINotEqual: return a != b;
    case spirv::kUGreaterThan: return a > b;
    case spirv::kUGreaterThanEqual: return a >= b;
    case spirv::kULessThan: return a < b;
    case spirv::kULessThanEqual: return a <= b;
    case spirv::kShiftRightLogical: return a >> (b & 31);
    case spirv::kShiftLeftLogical: return a << (b & 31);
    case spirv::kBitwiseAnd: return a & b;
    default: return std::nullopt;
  }
}

// The types and constants of a module, by id.
class Module {
 public:
  Module(Words code, const Constants& constants) : constants_(constants) {
    spirv::each_instruction(code, [&](spirv::Op op, Words words) { read(op, words); });
  }

  Number shared() const {
    std::uint64_t bytes = 0;
    for (const std::uint32_t type : shared_) {
      const std::optional<Layout> one = layout(type);
      if (!one) return std::nullopt;
      bytes = round_up(bytes, one->alignment) + one->bytes;
    }
    return bytes;
  }

 private:
  void read(spirv::Op op, Words words) {
    switch (op) {
      case spirv::kDecorate:
        if (words.size() > 3 && words[2] == spirv::kDecorationSpecId)
          number_of_[words[1]] = words[3];
        break;
      case spirv::kVariable:
        if (words[3] == spirv::kStorageWorkgroup) shared_.push_back(types_[words[1]][3]);
        break;
      case spirv::kTypeBool:
      case spirv::kTypeInt:
      case spirv::kTypeFloat:
      case spirv::kTypeVector:
      case spirv::kTypeArray:
      case spirv::kTypeStruct:
      case spirv::kTypePointer: types_[words[1]] = words; break;
      case spirv::kConstant: values_[words[2]] = words[3]; break;
      case spirv::kSpecConstantTrue:
      case spirv::kSpecConstantFalse:
      case spirv::kSpecConstant: values_[words[2]] = special(op, words); break;
      case spirv::kSpecConstantComposite: parts_[words[2]] = words.subspan(3); break;
      case spirv::kSpecConstantOp: values_[words[2]] = computed(words); break;
      default: break;
    }
  }

  // What the pipeline says of it, else the shader's default.
  std::uint64_t special(spirv::Op op, Words words) const {
    const auto number = number_of_.find(words[2]);
    if (number != number_of_.end() && number->second < constants_.size())
      return constants_.at(number->second);
    return op == spirv::kSpecConstant ? words[3] : op == spirv::kSpecConstantTrue;
  }

  Number computed(Words words) const {
    const auto op = static_cast<spirv::Op>(words[3]);
    if (op == spirv::kCompositeExtract) {
      const auto composite = parts_.find(words[4]);
      if (composite == parts_.end() || words.size() != 6) return std::nullopt;
      return value(composite->second[words[5]]);
    }
    std::array<Number, 3> of{0, 0, 0};
    for (std::size_t i = 4; i < words.size(); ++i) {
      if (i - 4 == of.size()) return std::nullopt;
      of.at(i - 4) = value(words[i]);
    }
    if (std::ranges::any_of(of, [](const Number& one) { return !one; })) return std::nullopt;
    const Number result = compute(op, *of[0], *of[1], *of[2]);
    return result ? Number(*result & 0xffffffff) : result;
  }

  Number value(std::uint32_t id) const {
    const auto found = values_.find(id);
    return found == values_.end() ? std::nullopt : found->second;
  }

  std::optional<Layout> layout(std::uint32_t id) const {
    const auto found = types_.find(id);
    if (found == types_.end()) return std::nullopt;
    const Words words = found->second;
    switch (spirv::op_of_word(words[0])) {
      case spirv::kTypeBool: return Layout{4, 4};
      case spirv::kTypeInt:
      case spirv::kTypeFloat: return Layout{words[2] / 8, words[2] / 8};
      case spirv::kTypeVector: {
        const auto part = layout(words[2]);
        if (!part) return std::nullopt;
        const std::uint64_t aligned_as = words[3] == 2 ? 2 : 4;  // three as four
        return Layout{words[3] * part->bytes, aligned_as * part->bytes};
      }
      case spirv::kTypeArray: {
        const auto part = layout(words[2]);
        const Number length = value(words[3]);
        if (!part || !length) return std::nullopt;
        return Layout{*length * round_up(part->bytes, part->alignment), part->alignment};
      }
      case spirv::kTypeStruct: {
        Layout all;
        for (const std::uint32_t member : words.subspan(2)) {
          const auto part = layout(member);
          if (!part) return std::nullopt;
          all.bytes = round_up(all.bytes, part->alignment) + part->bytes;
          all.alignment = std::max(all.alignment, part->alignment);
        }
        return Layout{round_up(all.bytes, all.alignment), all.alignment};
      }
      default: return std::nullopt;
    }
  }

  const Constants& constants_;
  std::map<std::uint32_t, Words> types_;
  std::map<std::uint32_t, Words> parts_;  // of composite constants
  std::map<std::uint32_t, Number> values_;
  std::map<std::uint32_t, std::uint32_t> number_of_;  // specialization constants
  std::vector<std::uint32_t> shared_;                 // types of the variables
};

}  // namespace

std::optional<std::uint64_t> shared_bytes(std::span<const std::uint32_t> code,
                                          const Constants& constants) {
  return Module(code, constants).shared();
}

}  // namespace tepui::vulkan
