// SPDX-License-Identifier: MIT
// What this backend reads of SPIR-V, a shader's binary form (Khronos, SPIR-V specification 1.6,
// section 2.3 for its layout, 3 for the numbers).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tepui::vulkan::spirv {

constexpr std::size_t kHeaderWords = 5;
constexpr std::size_t kBound = 3;  // of the header: all ids are below it

enum Op : std::uint16_t {
  kCapability = 17,
  kTypeBool = 20,
  kTypeInt = 21,
  kTypeFloat = 22,
  kTypeVector = 23,
  kTypeArray = 28,
  kTypeStruct = 30,
  kTypePointer = 32,
  kConstant = 43,
  kSpecConstantTrue = 48,
  kSpecConstantFalse = 49,
  kSpecConstant = 50,
  kSpecConstantComposite = 51,
  kSpecConstantOp = 52,
  kFunction = 54,
  kVariable = 59,
  kLoad = 61,
  kAccessChain = 65,
  kDecorate = 71,
  kCompositeExtract = 81,
  kIAdd = 128,
  kFAdd = 129,
  kISub = 130,
  kIMul = 132,
  kFMul = 133,
  kUDiv = 134,
  kUMod = 137,
  kLogicalOr = 166,
  kLogicalAnd = 167,
  kLogicalNot = 168,
  kSelect = 169,
  kIEqual = 170,
  kINotEqual = 171,
  kUGreaterThan = 172,
  kUGreaterThanEqual = 174,
  kULessThan = 176,
  kULessThanEqual = 178,
  kShiftRightLogical = 194,
  kShiftLeftLogical = 196,
  kBitwiseAnd = 199,
  kNot = 200,
  kControlBarrier = 224,
};

constexpr std::uint32_t kStorageWorkgroup = 4;
constexpr std::uint32_t kDecorationSpecId = 1;
constexpr std::uint32_t kDecorationBuiltIn = 11;
constexpr std::uint32_t kBuiltInLocalInvocationId = 27;

constexpr std::uint32_t first_word(Op op, std::size_t words) {
  return static_cast<std::uint32_t>(words << 16) | op;
}
constexpr Op op_of_word(std::uint32_t first) { return static_cast<Op>(first & 0xffff); }

// Calls f(op, words) for each instruction in turn; words[0] is the one that says op and length.
template <typename F>
void each_instruction(std::span<const std::uint32_t> code, F&& f) {
  for (std::size_t at = kHeaderWords; at < code.size();) {
    const std::size_t length = code[at] >> 16;
    if (length == 0 || length > code.size() - at) return;  // no SPIR-V
    f(op_of_word(code[at]), code.subspan(at, length));
    at += length;
  }
}

}  // namespace tepui::vulkan::spirv
