// SPDX-License-Identifier: MIT
// The massive activations that a pass has found so far, on disk: a run that is killed behind it, or
// in it, does not look for them again. A line of JSON for the run and one for each unit; a line
// that a kill cut short counts for nothing.
#pragma once

#include "exec/state_file.h"
#include "study/massive_tokens.h"

namespace tepui {

class MassiveJournal {
 public:
  // What a run of the same name left goes into `found`; what another left is dropped. Without a
  // folder nothing is kept.
  static Result<MassiveJournal> open(const StateKeeping& keeping, MassiveActivations& found);

  bool holds(int sequence) const { return held_[static_cast<std::size_t>(sequence)]; }
  // Those of [first, last) are found, and safe when this returns.
  Status add(SequenceRange unit, const MassiveActivations& found);

 private:
  // A unit's line; false where it is none.
  bool take(const std::string& line, MassiveActivations& found);
  Status write(const std::string& line);

  PositionedFile file_;
  std::uint64_t end_ = 0;
  std::vector<bool> held_;  // by sequence
};

}  // namespace tepui
