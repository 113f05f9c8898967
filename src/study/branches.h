// SPDX-License-Identifier: MIT
// The branches of an intervention: as they were asked for, and ready to run once a calibration has
// said where the massive layers are and what their means.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exec/wave.h"
#include "plan/schedule.h"
#include "plan/site_selection.h"
#include "store/rows.h"
#include "study/calibration.h"
#include "tepui/result.h"

namespace tepui {

struct BranchRequest {
  std::string name;         // empty: its edits are its name
  std::string edits;        // separated by ';'
  std::string option = "";  // how they are called in errors
};

struct BranchSpec {
  std::string name;
  std::vector<EditSpec> edits;
  std::string text() const;
};

// "NAME=EDIT[;EDIT]" of --branch.
Result<BranchRequest> parse_branch_option(std::string_view text);

// Names must differ. `option` is how edits are called in errors, where the request does not say.
Result<std::vector<BranchSpec>> parse_branches(std::span<const BranchRequest> requests,
                                               const ModelSpec& spec, std::string_view option);

// Where calibration has to look: every layer of a site whose edits need it; empty where none does.
std::string calibration_sites(std::span<const BranchSpec> branches);

// `first-massive` and `massive` layers become numbers: in the order and with the names of `specs`.
// An error where no layer is massive.
Result<std::vector<BranchSpec>> with_layers(std::span<const BranchSpec> specs,
                                            const Calibration& calibration);

// Edits at single places, in order of computation, with their means. An error where an edit asks
// for means and there is none; a note where some of its channels have none.
Result<std::vector<Branch>> ready_branches(std::span<const BranchSpec> specs,
                                           const ModelSpec& model, const Calibration& calibration,
                                           std::vector<std::string>& notes);

// What none of the sequences has of a list of positions and ids, as a note says it: "no sequence
// has 999 or id:7 (positions are 0 to 3)"; empty where each is there at least once.
std::string note_of_absent_tokens(const TokenSelector& tokens, Sequences sequences);

// Tokens of the longest.
std::size_t longest_of(Sequences sequences);

// An error where an edit names positions alone and each is behind the last that any sequence can
// have, of `longest` tokens: its run would be the unedited one.
Status check_positions(std::span<const BranchSpec> specs, std::size_t longest);

// A note for each edit with TOKENS that none of the sequences has, and whether any is left to edit.
std::vector<std::string> notes_of_idle_edits(std::span<const BranchSpec> specs,
                                             Sequences sequences);

}  // namespace tepui
