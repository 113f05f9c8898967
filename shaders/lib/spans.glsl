// SPDX-License-Identifier: MIT
// The rows and elements of each sequence. Needs `offsets` and parameters that hold dim.
uint first_row(uint s) { return uint(offsets.v[s]); }
uint rows_of(uint s) { return first_row(s + 1) - first_row(s); }
uint begin_of(uint s) { return first_row(s) * p.dim; }
uint count_of(uint s) { return rows_of(s) * p.dim; }
