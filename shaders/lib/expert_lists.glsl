// SPDX-License-Identifier: MIT
// Where expert_lists.comp leaves which rows have which experts: the place at which each expert's list
// begins and where the last ends, then the lists: pairs of a row and one of its experts, by their
// number (row * chosen + which), ascending. On matrix units they stand behind what split_rows.comp
// writes.
uint expert_rows(ExpertParams p) { return p.own != 0 ? p.rows * p.chosen : p.rows; }  // of x
