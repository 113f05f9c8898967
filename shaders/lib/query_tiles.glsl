// SPDX-License-Identifier: MIT
// The queries that a workgroup takes: of one sequence, some rows by the query heads of one key head,
// in parts where these are more than kSlots. As with lib/blocks.glsl, sequence s has its tiles from
// floor(its first row / rows of a tile) + s on, some of them idle (attention_tiles of step_plan.cpp
// counts them). Needs `offsets` and AttentionParams p.

struct Tile {
  bool idle;
  uint sequence;
  uint row;    // its first
  uint rows;
  uint head;   // its first
  uint heads;
};

uint heads_of_key() { return p.heads / p.kv_heads; }
uint parts_of_key() { return (heads_of_key() + kSlots - 1) / kSlots; }
uint heads_of_tile() { return (heads_of_key() + parts_of_key() - 1) / parts_of_key(); }
uint rows_of_tile() { return kSlots / heads_of_tile(); }
uint first_tile(uint s) { return uint(offsets.v[s]) / rows_of_tile() + s; }

uint count_tiles() { return p.rows / rows_of_tile() + p.sequences; }
uint groups_of_tiles() { return count_tiles() * p.kv_heads * parts_of_key(); }

// The longest first, since a workgroup's work grows with the keys before it.
Tile tile_of(uint index) {
  const uint parts = parts_of_key();
  const uint tiles = count_tiles();
  const uint from_last = index / (p.kv_heads * parts);
  Tile at;
  at.idle = from_last >= tiles;
  if (at.idle) return at;
  const uint tile = tiles - 1 - from_last;
  uint low = 0;
  uint high = p.sequences;
  while (low + 1 < high) {
    const uint middle = (low + high) / 2;
    if (first_tile(middle) <= tile) low = middle;
    else high = middle;
  }
  const uint end = uint(offsets.v[low + 1]);
  at.sequence = low;
  at.row = uint(offsets.v[low]) + (tile - first_tile(low)) * rows_of_tile();
  at.idle = at.row >= end;
  at.rows = min(rows_of_tile(), end - min(at.row, end));
  const uint part = index % (p.kv_heads * parts);
  const uint first = part % parts * heads_of_tile();
  at.head = part / parts * heads_of_key() + first;
  at.heads = min(heads_of_tile(), heads_of_key() - first);
  return at;
}
