// SPDX-License-Identifier: MIT
// The options of commands that run edited branches beside the unedited one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "study/branch_setup.h"
#include "tepui/result.h"

namespace tepui {

struct EditWords {
  std::vector<std::string> edits;
  std::vector<std::string> branches;
};

// --edit and --branch.
void add_edit_options(CLI::App& command, EditWords& words);
// --calibrate, --calibration-sequences, --min-abs and --min-ratio.
void add_calibration_options(CLI::App& command, CalibrationRequest& calibration, MassiveRule& rule);

Result<std::vector<BranchRequest>> branch_requests(const EditWords& words);

// The grammar of an edit, for a command's footer.
extern const char* const kEditGrammar;

}  // namespace tepui
