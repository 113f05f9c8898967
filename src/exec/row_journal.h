// SPDX-License-Identifier: MIT
// Passes rows on to a RowSink and keeps a copy of those of the unit in hand in a file, so that a
// run that goes on in the middle of a unit can give the sink again what it had been given before.
#pragma once

#include <filesystem>
#include <string>

#include "exec/state_file.h"
#include "metrics/row_sink.h"

namespace tepui {

class RowJournal final : public RowSink {
 public:
  RowJournal(RowSink& to, std::filesystem::path file) : to_(to), path_(std::move(file)) {}

  Status begin_unit(int first_sequence, int last_sequence) override;  // forgets what it kept
  Status add(const Observation& row) override;
  Status add(const Series& row) override;
  Status end_unit() override { return to_.end_unit(); }

  // What was added so far is safe when this returns: the length to replay.
  Result<std::uint64_t> sync();
  // After begin_unit: the rows in the first `length` bytes of the file go to the sink once more.
  Status replay(std::uint64_t length);

 private:
  Status make_room();
  Status flush();

  RowSink& to_;
  std::filesystem::path path_;
  PositionedFile file_;  // made when the first rows are written
  std::string buffer_;
  std::uint64_t written_ = 0;
};

}  // namespace tepui
