// SPDX-License-Identifier: MIT
// The command line.
int main() { return 0; }
