// SPDX-License-Identifier: MIT
// A packed matrix lies in panels of 256 columns, one behind the other, so that it can be packed in
// pieces and the weights that a workgroup reads lie together: each is [K, W], W being its columns
// rounded up to a multiple of 4, those beyond the last zero, f16 and bf16 as they are stored, all
// else f32; for matrix units a row of factors is behind it (pack_scale.comp). Lengths and places are
// in vectors of four columns.
#define PANEL 64u

uint panel_width(uint vectors, uint first) { return min(PANEL, vectors - first); }
// Of row k of the panel that begins at this vector of a row; `lines` are K and the factors' rows.
uint panel_at(uint vectors, uint first, uint lines, uint k) {
  return first * lines + k * panel_width(vectors, first);
}
