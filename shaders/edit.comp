#version 460
// SPDX-License-Identifier: MIT
// One lane an element, all by bits.
#include "lib/common.glsl"
#include "lib/multiply.glsl"
#include "lib/divide.glsl"
#include "lib/threshold.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Uints rows;
  SLOT(2) Uints where_;
  SLOT(3) Uints reference;
  SLOT(4) Uints operand;
  SLOT(5) Uints y;
  PARAMS EditParams p;
};

const uint kInfinity = 0x7f800000u;
const uint kNan = 0x7fc00000u;

// Rounds away the low bits of a magnitude, to nearest even.
uint drop_bits(uint bits, uint count) {
  const uint low = (1u << count) - 1;
  return (bits + (low >> 1) + ((bits >> count) & 1u)) & ~low;
}

// A magnitude below a format's smallest normal number, to a multiple of 1 / steps.
uint to_steps(uint bits, float steps) {
  return floatBitsToUint(roundEven(uintBitsToFloat(bits) * steps) / steps);
}

uint f16_of(uint bits) {
  if (bits < 0x38800000u) return to_steps(bits, 16777216.0);
  const uint rounded = drop_bits(bits, 13);
  return rounded < 0x47800000u ? rounded : kInfinity;
}

uint fp8_of(uint bits) {
  const uint top = 0x43e00000u;  // 448
  if (bits >= top) return top;
  if (bits < 0x3c800000u) return to_steps(bits, 512.0);
  return min(drop_bits(bits, 20), top);
}

uint int8_of(uint bits) {
  const uint top = 0x42fe0000u;  // 127
  return floatBitsToUint(roundEven(uintBitsToFloat(min(bits, top))));
}

uint scaled(uint size, uint largest, bool fp8) {
  const uint top = fp8 ? 0x43e00000u : 0x42fe0000u;
  const uint up = multiply(size, divide(top, largest));
  if (up > kInfinity) return kNan;
  return multiply(fp8 ? fp8_of(up) : int8_of(up), divide(largest, top));
}

uint rounded(uint size, uint own) {
  if (size > kInfinity) return kNan;
  switch (p.rule) {
    case TEPUI_EDIT_F16: return f16_of(size);
    case TEPUI_EDIT_BF16: return drop_bits(size, 16);
    default: return scaled(size, magnitude(own), p.rule == TEPUI_EDIT_FP8);
  }
}

uint edited(uint from, uint own) {
  const uint size = magnitude(from);
  switch (p.rule) {
    case TEPUI_EDIT_SET:
    case TEPUI_EDIT_PATCH: return own;
    case TEPUI_EDIT_TABLE: return magnitude(own) > kInfinity ? from : own;
    case TEPUI_EDIT_CLIP: {
      const bool above = size <= kInfinity && size >= least_above(own);
      return above ? (from & 0x80000000u) | magnitude(own) : from;
    }
    case TEPUI_EDIT_RAISE: {
      const bool below = own <= kInfinity && size < own;
      return below ? (from & 0x80000000u) | own : from;
    }
    case TEPUI_EDIT_SCALE: return multiply(from, own);
    case TEPUI_EDIT_ONLY: return from;
  }
  if (size == 0) return from;
  const uint result = rounded(size, own);
  return result > kInfinity ? kNan : (from & 0x80000000u) | result;
}

bool selected(uint i, uint row, uint column) {
  if (rows.v[row] == 0) return false;
  if (p.where == TEPUI_WHERE_CHANNELS) return where_.v[column] != 0;
  if (p.where != TEPUI_WHERE_ABOVE) return true;
  const bool own = uvec2(reference) == uvec2(0);
  return magnitude(own ? x.v[i] : reference.v[i]) >= least_above(where_.v[row]);
}

uint own_operand(uint i, uint row, uint column) {
  switch (p.operand) {
    case TEPUI_OPERAND_ROW: return operand.v[row];
    case TEPUI_OPERAND_TABLE: return operand.v[(rows.v[row] - 1) * p.dim + column];
    case TEPUI_OPERAND_WHOLE: return operand.v[i];
    default: return floatBitsToUint(p.value);
  }
}

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.dim) return;
  const uint row = i / p.dim;
  const uint column = i % p.dim;
  const uint from = x.v[i];
  if (selected(i, row, column)) y.v[i] = edited(from, own_operand(i, row, column));
  else y.v[i] = p.rule == TEPUI_EDIT_ONLY ? 0 : from;
}
