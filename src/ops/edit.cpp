// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "base/half.h"
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

constexpr float kTopFp8 = 448;
constexpr float kTopInt8 = 127;

bool fits(uint rule, uint operand) {
  switch (rule) {
    case TEPUI_EDIT_TABLE: return operand == TEPUI_OPERAND_TABLE;
    case TEPUI_EDIT_PATCH: return operand == TEPUI_OPERAND_WHOLE;
    case TEPUI_EDIT_RAISE:
    case TEPUI_EDIT_CLIP: return operand == TEPUI_OPERAND_NONE || operand == TEPUI_OPERAND_ROW;
    case TEPUI_EDIT_FP8:
    case TEPUI_EDIT_INT8: return operand == TEPUI_OPERAND_ROW || operand == TEPUI_OPERAND_TABLE;
    default: return rule <= TEPUI_EDIT_INT8 && operand == TEPUI_OPERAND_NONE;
  }
}

TensorType where_type(const EditParams& p) {
  if (p.where == TEPUI_WHERE_CHANNELS) return {DType::u32, shape_of(p.dim)};
  if (p.where == TEPUI_WHERE_ABOVE) return {DType::f32, shape_of(p.rows)};
  return TensorType::absent();
}

TensorType operand_type(const EditParams& p) {
  switch (p.operand) {
    case TEPUI_OPERAND_ROW: return {DType::f32, shape_of(p.rows)};
    case TEPUI_OPERAND_TABLE: return {DType::f32, shape_of(p.tables, p.dim)};
    case TEPUI_OPERAND_WHOLE: return {DType::f32, shape_of(p.rows, p.dim)};
    default: return TensorType::absent();
  }
}

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<EditParams>();
  const TensorType where = where_type(p);
  const TensorType operand = operand_type(p);
  return OperandCheck("edit", in, {"x", "rows", "where", "reference", "operand"})
      .holds(p.where <= TEPUI_WHERE_ABOVE, "expected a known way to choose elements")
      .holds(fits(p.rule, p.operand), "expected an operand that fits the rule")
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .is(1, DType::u32, shape_of(p.rows))
      .is(2, where.dtype, where.shape)
      .is_absent_or(3, DType::f32, shape_of(p.rows, p.dim))
      .is(4, operand.dtype, operand.shape)
      .gives({{DType::f32, shape_of(p.rows, p.dim)}});
}

// A magnitude to E4M3: 3 bits of mantissa, steps of 2^-9 below 2^-6, at most 448.
float fp8_of(float magnitude) {
  if (std::isnan(magnitude)) return magnitude;
  if (magnitude >= kTopFp8) return kTopFp8;
  if (magnitude < 0x1p-6F) return std::nearbyint(magnitude * 512) / 512;
  const int exponent = std::ilogb(magnitude);
  const float step = std::ldexp(1.0F, exponent - 3);
  return std::min(std::nearbyint(magnitude / step) * step, kTopFp8);
}

float scaled(float x, float largest, uint rule) {
  if (x == 0) return x;
  const float top = rule == TEPUI_EDIT_FP8 ? kTopFp8 : kTopInt8;
  const float a = std::abs(largest);
  const float up = std::abs(x) * (top / a);
  const float rounded = rule == TEPUI_EDIT_FP8
                            ? fp8_of(up)
                            : (std::isnan(up) ? up : std::nearbyint(std::min(up, kTopInt8)));
  return std::copysign(rounded * (a / top), x);
}

float clipped(float x, float limit) {
  if (!(std::abs(x) > limit)) return x;
  return std::copysign(limit, x);
}

float raised(float x, float limit) { return std::abs(x) < limit ? std::copysign(limit, x) : x; }

float number_or_nan(float x) { return std::isnan(x) ? std::numeric_limits<float>::quiet_NaN() : x; }

class Editor {
 public:
  Editor(std::span<const HostView> in, const EditParams& p)
      : p_(p), x_(in[0]), rows_(in[1]), where_(in[2]), reference_(in[3]), operand_(in[4]) {
    has_reference_ = in[3].present();
  }

  float at(std::size_t r, std::size_t d) const {
    const float x = x_[r * p_.dim + d];
    const bool selected = rows_[r] != 0 && chosen(r, d);
    if (p_.rule == TEPUI_EDIT_ONLY) return selected ? x : 0;
    return selected ? rule(x, r, d) : x;
  }

 private:
  bool chosen(std::size_t r, std::size_t d) const {
    if (p_.where == TEPUI_WHERE_ALL) return true;
    if (p_.where == TEPUI_WHERE_CHANNELS) return word(where_, d) != 0;
    const std::size_t i = r * p_.dim + d;
    return is_above(has_reference_ ? reference_[i] : x_[i], where_[r]);
  }

  static std::uint32_t word(const Elements<float>& of, std::size_t i) {
    return std::bit_cast<std::uint32_t>(of[i]);
  }

  float operand(std::size_t r, std::size_t d) const {
    switch (p_.operand) {
      case TEPUI_OPERAND_ROW: return operand_[r];
      case TEPUI_OPERAND_TABLE: {
        TEPUI_ASSERT(rows_[r] <= p_.tables);
        return operand_[(rows_[r] - 1) * p_.dim + d];
      }
      case TEPUI_OPERAND_WHOLE: return operand_[r * p_.dim + d];
      default: return p_.value;
    }
  }

  float rule(float x, std::size_t r, std::size_t d) const {
    const float own = operand(r, d);
    switch (p_.rule) {
      case TEPUI_EDIT_SET:
      case TEPUI_EDIT_PATCH: return own;
      case TEPUI_EDIT_TABLE: return std::isnan(own) ? x : own;
      case TEPUI_EDIT_CLIP: return clipped(x, own);
      case TEPUI_EDIT_RAISE: return raised(x, own);
      case TEPUI_EDIT_SCALE: return number_or_nan(x * own);
      case TEPUI_EDIT_F16: return number_or_nan(f32_from_f16(f16_from_f32(x)));
      case TEPUI_EDIT_BF16: return number_or_nan(f32_from_bf16(bf16_from_f32(x)));
      default: return number_or_nan(scaled(x, own, p_.rule));
    }
  }

  EditParams p_;
  Elements<float> x_;
  Elements<std::uint32_t> rows_;
  Elements<float> where_;
  Elements<float> reference_;
  Elements<float> operand_;
  bool has_reference_ = false;
};

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<EditParams>();
  const Editor editor(in, p);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r)
    for (std::size_t d = 0; d < p.dim; ++d) y[r * p.dim + d] = editor.at(r, d);
}

}  // namespace

const Op& edit_op() {
  static constexpr Op kOp{"edit", 5, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
