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
