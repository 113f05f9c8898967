// SPDX-License-Identifier: MIT
// A packed matrix lies in panels of 256 columns, one behind the other, so that it can be packed in
// pieces and the weights that a workgroup reads lie together. A panel is lines of W columns, W being
// its columns rounded up to a multiple of 4, those beyond the last zero. f16 and bf16 are as they
// are stored, or f32, and each of the K rows is a line. The quantised types are as they are stored as
// well, turned by bytes: each block of rows is a line for each of its bytes, so that whole words are
// read and four columns are one of them (lib/weights.glsl). For matrix units lines of factors are
// behind it (pack_scale.comp), but of f16, and f32 is split where it lies (pack_split.comp). Lengths
// and places are in vectors of four columns.
#define PANEL 64u

uint panel_width(uint vectors, uint first) { return min(PANEL, vectors - first); }
// Of a line of the panel that begins at this vector of a row; panels have so many of them.
uint panel_at(uint vectors, uint first, uint lines, uint line) {
  return first * lines + line * panel_width(vectors, first);
}
