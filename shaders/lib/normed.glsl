// SPDX-License-Identifier: MIT
// What a norm gives for one element, computed where its result is loaded, by the formulas of
// rms_norm.comp and layer_norm.comp. `factors` is what these leave in place of their result: a scale
// for each row; of a layer_norm then the mean of each row, then a copy of its bias, so that readers
// need no more addresses than there are.
#define NORMED_RMS 1
#define NORMED_LAYER 2
#define NORMED_LAYER_BIAS 3

// From what of the factors, weights and biases is for one element.
float normed_from(uint kind, float x, float scale, float mean, float weight, float bias) {
  if (kind == NORMED_RMS) {
    precise float value = x * scale * weight;
    return value;
  }
  precise float value = (x - mean) * scale;
  value = value * weight;
  if (kind == NORMED_LAYER_BIAS) value = value + bias;
  return value;
}

// The same of four neighbouring elements, whose weights and biases are given.
vec4 normed_four(uint kind, vec4 x, Floats factors, vec4 weight, vec4 bias, uint rows, uint row) {
  if (kind == NORMED_RMS) {
    precise vec4 scaled = x * factors.v[row] * weight;
    return scaled;
  }
  precise vec4 value = (x - factors.v[rows + row]) * factors.v[row];
  value = value * weight;
  if (kind == NORMED_LAYER_BIAS) value = value + bias;
  return value;
}
vec4 normed_bias(Floats factors, uint rows, uint k) {
  const uint at = 2 * rows + k;  // of any alignment
  return vec4(factors.v[at], factors.v[at + 1], factors.v[at + 2], factors.v[at + 3]);
}
