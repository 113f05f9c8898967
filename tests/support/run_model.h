// SPDX-License-Identifier: MIT
// Runs a model folder over sequences on a backend, for tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "exec/executor.h"
#include "support/capture.h"

namespace tepui::test {

// The backends that whole-model tests cover; the reference is one of them.
std::vector<std::string> model_backends();

struct RunSettings {
  std::string backend = "cpu";
  std::string isa;
  int threads = 2;
  ExecOptions exec;
  std::string sites = "all";
  std::vector<int> last_rows;  // that full_run asks for of each sequence; empty: all
  int surface = 0;             // sequences that scan_lines keeps the surface of
};

// What the scan's metrics give, as sorted lines of exact bits.
std::vector<std::string> scan_lines(const std::filesystem::path& model, Sequences sequences,
                                    const RunSettings& settings);

// All sites whole, and the logits of every sequence, [T, V], or of as many last rows as came.
struct FullRun {
  Captured sites;
  std::vector<std::vector<float>> logits;
  std::vector<std::vector<std::uint32_t>> arg_max;
  std::vector<std::vector<double>> losses;  // of the next token; the last position's is 0
};
FullRun full_run(const Model& model, Sequences sequences, const RunSettings& settings);

}  // namespace tepui::test
