// SPDX-License-Identifier: MIT
// exp and the activations, by the same formulas as the CPU's kernels: a device's own exp may be wrong by
// 3 + 2|x| ulp and need not know infinities. All of it is `precise`: each kernel that has an activation
// in it gives the bits of the activation alone, whatever compiled it.

// e^x = 2^n e^r, |r| <= ln2 / 2: the series to r^7 / 7!, whose rest is below 6e-9 of it.
float exp_of(float x) {
  const float magic = 12582912.0;  // adding it rounds to an integer, found in the low bits
  x = x < -110.0 ? -110.0 : x;     // rounds to 0
  x = x > 90.0 ? 90.0 : x;         // rounds to infinity
  precise float shifted = fma(x, 1.44269502, magic);
  precise float n = shifted - magic;
  // ln2 in two parts; the first has few bits: n times it is exact.
  precise float r = fma(n, -0.693145752, x);
  r = fma(n, -1.42860677e-6, r);
  precise float sum = 1.0 / 5040.0;
  sum = fma(sum, r, 1.0 / 720.0);
  sum = fma(sum, r, 1.0 / 120.0);
  sum = fma(sum, r, 1.0 / 24.0);
  sum = fma(sum, r, 1.0 / 6.0);
  sum = fma(sum, r, 0.5);
  sum = fma(sum * r, r, r) + 1.0;
  // 2^n in two factors, so that subnormal results are rounded once.
  const int exponent = floatBitsToInt(shifted) - floatBitsToInt(magic);
  const int first = exponent >> 1;
  precise float result = sum * intBitsToFloat((first + 127) << 23);
  result = result * intBitsToFloat((exponent - first + 127) << 23);
  return result;
}

// x / (1 + e^-u) without overflow: for negative u, x e^u / (1 + e^u).
float times_sigmoid(float x, float u) {
  const float e = exp_of(-abs(u));
  precise float above = x * (u < 0.0 ? e : 1.0);
  precise float below = 1.0 + e;
  precise float result = above / below;
  return result;
}

// (1 + tanh u) / 2 = 1 / (1 + e^-2u)
float gelu_tanh(float x) {
  precise float cubic = fma(0.044715 * x * x, x, x);
  precise float u = 1.59576912 * cubic;  // 2 sqrt(2 / pi)
  return times_sigmoid(x, u);
}

// Half of erfc(z), z >= 0, is t P(t) e^(-z^2) with t = 1 / (1 + 0.38 z).
float half_erfc(float z) {
  precise float t = 1.0 / fma(0.38, z, 1.0);
  precise float sum = 0.0298959926;
  sum = fma(sum, t, -0.133179276);
  sum = fma(sum, t, 0.186205568);
  sum = fma(sum, t, -0.0856810623);
  sum = fma(sum, t, 0.118465498);
  sum = fma(sum, t, 0.067845814);
  sum = fma(sum, t, 0.102332126);
  sum = fma(sum, t, 0.106906795);
  sum = fma(sum, t, 0.107208555);
  precise float square = -z * z;
  precise float result = sum * t * exp_of(square);
  return result;
}

float gelu_erf(float x) {
  precise float z = abs(x) * 0.707106769;
  const float tail = half_erfc(z);
  precise float above = 1.0 - tail;
  precise float result = x * (x < 0.0 ? tail : above);
  return result;
}

// Near 0 its series, else 1 - 2 / (e^2|x| + 1).
float tanh_of(float x) {
  const float u = abs(x);
  if (u < 0.625) {
    precise float z = x * x;
    precise float sum = -0.006096714176237583;
    sum = fma(sum, z, 0.020997179672122);
    sum = fma(sum, z, -0.05385090783238411);
    sum = fma(sum, z, 0.1333276927471161);
    sum = fma(sum, z, -0.333333283662796);
    precise float near = fma(sum * z, x, x);
    return near;
  }
  precise float far = 1.0 - 2.0 / (exp_of(u + u) + 1.0);
  return x < 0.0 ? -far : far;
}

float activate(uint act, float x) {
  switch (act) {
    case TEPUI_ACT_SILU: return times_sigmoid(x, x);
    case TEPUI_ACT_GELU_ERF: return gelu_erf(x);
    case TEPUI_ACT_GELU_TANH: return gelu_tanh(x);
    case TEPUI_ACT_RELU: return x < 0.0 ? 0.0 : x;
    case TEPUI_ACT_SIGMOID: return times_sigmoid(1.0, x);
    default: return x;
  }
}
