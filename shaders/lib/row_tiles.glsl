// SPDX-License-Identifier: MIT
// The rows of each sequence in tiles, none of which holds rows of two: as with lib/blocks.glsl,
// sequence s has its tiles from floor(its first row / rows of a tile) + s on, some of them idle, of
// rows / rows of a tile + sequences in all. Needs `offsets` and the parameters ATTENTION.
struct RowTile {
  bool idle;
  uint sequence;
  uint row;  // its first
  uint end;  // behind its last
};

uint row_tiles(uint rows) { return ATTENTION.rows / rows + ATTENTION.sequences; }

RowTile row_tile(uint tile, uint rows) {
  uint low = 0;
  uint high = ATTENTION.sequences;
  while (low + 1 < high) {
    const uint middle = (low + high) / 2;
    if (uint(offsets.v[middle]) / rows + middle <= tile) low = middle;
    else high = middle;
  }
  const uint begin = uint(offsets.v[low]);
  const uint end = uint(offsets.v[low + 1]);
  RowTile at;
  at.sequence = low;
  at.row = begin + (tile - begin / rows - low) * rows;
  at.end = min(at.row + rows, end);
  at.idle = at.row >= end;
  return at;
}
