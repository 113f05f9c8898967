// SPDX-License-Identifier: MIT
// The factor of a group of a row, for the buffers bias, of and weight and the parameters p of the
// shader that includes it.
float factor_of(uint row, uint of_row) {
  precise float sum = bias.v[of_row];
  if (present(weight)) {
    const uint from = (row * p.groups + of_row) * p.dim;
    for (uint c = 0; c < p.dim; ++c) sum = fma(of.v[from + c], weight.v[of_row * p.dim + c], sum);
  }
  return p.act == TEPUI_ACT_NONE ? sum : times_sigmoid(1.0, sum);
}
