// SPDX-License-Identifier: MIT
// Who computes what: the parts of a model (embedding, blocks, final norm) in order, and for each
// the lanes that pass through it. A lane is one hidden state; branches share it until an edit sets
// them apart, so that what lies before a branch's first edit, or before the first edit in which two
// branches differ, is computed once. Branch 0 is the unedited run, always in the first lane.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "plan/edit.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

// An edit, and the lanes of the same part whose values it reads beside its own; they run before.
struct LaneEdit {
  static constexpr int kOwn = -1;  // nobody's: its own value serves
  const Edit* edit = nullptr;      // of a branch that was scheduled
  int selection = kOwn;            // by whose value the edit selects
  int patch = kOwn;                // whose value it takes
};

struct Lane {
  int parent = 0;             // the lane of the part before whose state it reads
  std::vector<int> branches;  // ascending; they share the state that this lane leaves
  std::vector<LaneEdit> edits;
  std::vector<Site> kept;  // sites whose values other lanes of this part read
};

struct PartLanes {
  std::vector<Lane> lanes;
  std::vector<int> order;  // in which lanes are run: a source before its readers
  int lane_of(int branch) const;
};

struct Schedule {
  // [layers + 2]: embedding, the layers, final norm.
  std::vector<PartLanes> parts;
  int branches = 1;

  const PartLanes& embedding() const { return parts.front(); }
  const PartLanes& layer(int layer) const { return parts[static_cast<std::size_t>(layer) + 1]; }
  const PartLanes& final_norm() const { return parts.back(); }

  std::int64_t block_runs() const;            // lanes through layers, for each chunk
  std::int64_t block_runs(int layers) const;  // likewise through the first ones
  std::int64_t unshared_block_runs() const;   // if every branch were run alone
};

// `branches` are those beside the unedited run; branch i of the schedule is branches[i - 1]. They
// must outlive the schedule. An error where branches patch from one another in one layer, or from
// one that is not there.
Result<Schedule> make_schedule(std::span<const Branch> branches, int layers);

// The name of the unedited run, for patch:BRANCH.
inline constexpr std::string_view kUnedited = "unedited";

}  // namespace tepui
