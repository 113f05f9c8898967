// SPDX-License-Identifier: MIT
// Where a run stands in the unit in hand, on disk: the hidden states that a part of the model left,
// the rows that were measured up to there, and a note that both are whole. A run that is killed
// goes on behind that part, with the same bits.
//
//   progress.json  which run, which sequences, which part is next, on which side its states lie; it
//                  replaces the one before it in one step, after what it speaks of was synced
//   states.0, .1   f32 [lanes, rows, width] each
//   rows           what the metrics gave
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "exec/row_journal.h"
#include "exec/state_file.h"
#include "exec/wave.h"
#include "plan/schedule.h"
#include "plan/site_selection.h"

namespace tepui {

// What was computed before is of use for the same sequences, branches and sites of the same `run`
// alone.
std::string state_identity(const std::string& run, Sequences sequences, const SiteSelection& sites,
                           const Schedule& schedule);

class WaveState {
 public:
  struct Progress {
    std::pair<int, int> unit;  // [first, last) of the sequences
    int next_part = 0;         // in Schedule::parts
    int side = 0;              // where its states lie
    std::uint64_t row_bytes = 0;
  };

  // `identity` names the run: what was left by another is of no use. Makes the folder.
  static Result<std::unique_ptr<WaveState>> open(const std::filesystem::path& folder,
                                                 const std::string& identity, RowSink& sink);

  // What was left by a run that did not end; the unit that it was at.
  const std::optional<Progress>& found() const { return found_; }

  // The files of a unit of so many rows.
  Status begin(std::int64_t rows, std::size_t row_bytes);
  StateFile& states() { return states_; }
  RowJournal& journal() { return journal_; }

  // The states on `side` are those before `next_part`. Syncs them and the rows, then says so.
  Status commit(std::pair<int, int> unit, int next_part, int side);
  // The unit is in the store: what was kept of it is of no use any more.
  void forget();
  // The run is complete.
  void remove();

 private:
  WaveState(std::filesystem::path folder, std::string identity, RowSink& sink);
  std::filesystem::path note_path() const { return folder_ / "progress.json"; }

  std::filesystem::path folder_;
  std::string identity_;
  StateFile states_;
  RowJournal journal_;
  std::optional<Progress> found_;
};

}  // namespace tepui
