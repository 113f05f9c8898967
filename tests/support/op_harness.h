// SPDX-License-Identifier: MIT
// Holds every backend of the registry to an op's definition. check_op makes the operands, runs the
// op's reference and each backend, and compares every element under the op's bound, or bit for bit
// where it has none; then it demands equal bits for any number of threads, for some of the rows
// alone, and for a sequence alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/op_data.h"
#include "tepui/backend.h"
#include "tepui/op.h"

namespace tepui::test {

struct OpCase {
  OpCode op;
  std::vector<Operand> in;
  ParamBytes params;
  std::uint64_t seed = 1;
};

std::string describe(const OpCase& op_case);

// A case with its data: what both the reference and the backends read.
struct OpData {
  OpCode op;
  ParamBytes params;
  Types types;                      // the op's operands
  std::vector<HostTensor> tensors;  // packed operands as they are stored
  std::vector<PackParams> packs;
};

using Outputs = std::vector<HostTensor>;

OpData make_data(const OpCase& op_case);
Outputs run_reference(const OpData& data);
Outputs run_backend(Backend& backend, const OpData& data);

void check_op(const OpCase& op_case);

// Every name of the registry but the reference, or the one that TEPUI_TEST_BACKEND names; the
// reference itself where there is no other.
std::vector<std::string> backends_under_test();

// The first difference or the worst one against the bound, as a sentence; empty: they agree.
// `allowance`: of the op's bound.
std::string compare(const OpData& data, const Outputs& expected, const Outputs& found,
                    double allowance = 1);
std::string compare_bits(const Outputs& expected, const Outputs& found);

}  // namespace tepui::test
