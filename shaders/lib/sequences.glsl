// SPDX-License-Identifier: MIT
// The sequences of a chunk from their offsets, which ascend from 0 to the number of rows; sequences
// may be empty.

// The last sequence that begins at or before the row: the one that holds it.
uint sequence_of_row(Ints offsets, uint sequences, uint row) {
  uint low = 0;
  uint high = sequences;
  while (low + 1 < high) {
    const uint middle = (low + high) / 2;
    if (uint(offsets.v[middle]) <= row) low = middle;
    else high = middle;
  }
  return low;
}

shared uvec2 sequences_room;

// The first sequence and the last that hold rows [row, row + rows); every lane must call it, once.
// One lane searches and tells the others: Mesa 26's compiler takes minutes over loops whose bounds
// it knows to come from a search.
uvec2 sequences_of_rows(Ints offsets, uint sequences, uint row, uint rows) {
  if (lane() == 0)
    sequences_room = uvec2(sequence_of_row(offsets, sequences, row),
                           sequence_of_row(offsets, sequences, row + rows - 1));
  barrier();
  return sequences_room;
}
