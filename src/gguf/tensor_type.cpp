// SPDX-License-Identifier: MIT
#include "gguf/tensor_type.h"

#include <algorithm>
#include <iterator>

namespace tepui {
namespace {

struct Known {
  std::uint32_t id;
  std::string_view name;
  std::optional<DType> dtype;
};

constexpr Known kKnown[] = {
    {0, "F32", DType::f32},
    {1, "F16", DType::f16},
    {2, "Q4_0", DType::q4_0},
    {3, "Q4_1", DType::q4_1},
    {6, "Q5_0", DType::q5_0},
    {7, "Q5_1", DType::q5_1},
    {8, "Q8_0", DType::q8_0},
    {9, "Q8_1", {}},
    {10, "Q2_K", DType::q2_k},
    {11, "Q3_K", DType::q3_k},
    {12, "Q4_K", DType::q4_k},
    {13, "Q5_K", DType::q5_k},
    {14, "Q6_K", DType::q6_k},
    {15, "Q8_K", {}},
    {16, "IQ2_XXS", {}},
    {17, "IQ2_XS", {}},
    {18, "IQ3_XXS", {}},
    {19, "IQ1_S", {}},
    {20, "IQ4_NL", {}},
    {21, "IQ3_S", {}},
    {22, "IQ2_S", {}},
    {23, "IQ4_XS", {}},
    {24, "I8", {}},
    {25, "I16", {}},
    {26, "I32", DType::i32},
    {27, "I64", DType::i64},
    {28, "F64", DType::f64},
    {29, "IQ1_M", {}},
    {30, "BF16", DType::bf16},
    {34, "TQ1_0", {}},
    {35, "TQ2_0", {}},
    {39, "MXFP4", {}},
    {40, "NVFP4", {}},
    {41, "Q1_0", {}},
    {42, "Q2_0", {}},
};

const Known* find(std::uint32_t id) {
  const auto* at = std::ranges::find(kKnown, id, &Known::id);
  return at == std::end(kKnown) ? nullptr : at;
}

}  // namespace

std::optional<DType> dtype_from_ggml(std::uint32_t id) {
  const Known* known = find(id);
  return known == nullptr ? std::nullopt : known->dtype;
}

std::string_view ggml_type_name(std::uint32_t id) {
  const Known* known = find(id);
  return known == nullptr ? std::string_view() : known->name;
}

}  // namespace tepui
