// SPDX-License-Identifier: MIT
// The rows of a tile of kRows, in x and in y: those that one expert was chosen for, by the lists of
// expert_lists.comp. An expert's tiles are counted from begin / kRows + its number on, where its
// list begins: no two share one so, and each tile's expert is found without a sum over all of them.
shared uint pair_of[kRows];  // a row and one of its experts; NO_INDEX: none
shared uvec3 tile_of;        // expert, first place in its list, end of the list

bool there(uint r) { return pair_of[r] != NO_INDEX; }
uint row_of_y(uint r) { return pair_of[r]; }
uint row_of_x(uint r) { return p.own != 0 ? pair_of[r] : pair_of[r] / p.chosen; }

// False: the grid has room for more tiles than these choices make. `lists` is the lists' place.
bool find_rows(Uints scratch, uint lists, uint tile) {
  if (lane() == 0) tile_of = uvec3(NO_INDEX, 0, 0);
  barrier();
  for (uint e = lane(); e < p.experts; e += LANES) {
    const uint begin = scratch.v[lists + e];
    const uint end = scratch.v[lists + e + 1];
    const uint before = begin / kRows + e;
    const uint place = begin + (tile - before) * kRows;
    if (tile >= before && tile <= end / kRows + e && place < end) tile_of = uvec3(e, place, end);
  }
  barrier();
  if (tile_of.x == NO_INDEX) return false;
  for (uint r = lane(); r < kRows; r += LANES) {
    const uint place = tile_of.y + r;
    pair_of[r] = place < tile_of.z ? scratch.v[lists + p.experts + 1 + place] : NO_INDEX;
  }
  barrier();
  return true;
}
// Of the tile's expert, in vectors from one matrix to the next.
uint matrix_at(uint lines) { return tile_of.x * lines * ((p.n + 3) / 4); }
