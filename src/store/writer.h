// SPDX-License-Identifier: MIT
// The RowSink behind a scan: rows go into <folder>/scan.sqlite, one transaction for each unit, so
// that a process killed anywhere loses at most the unit in hand. The same identity continues a
// store, another is refused. One writer at a time; readers may look on.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/row_sink.h"
#include "store/database.h"
#include "store/rows.h"
#include "tepui/result.h"

namespace tepui {

// Holds <folder>/scan.lock, or another file there, exclusively; the system lets go of it when the
// process ends, however it ends. A file of its own: closing a second descriptor of the database
// would drop SQLite's locks.
class WriteLock {
 public:
  static Result<WriteLock> acquire(const std::filesystem::path& folder);
  // Makes the folder where it is missing; nothing where another process holds the lock.
  static Result<std::optional<WriteLock>> try_acquire(const std::filesystem::path& folder,
                                                      const std::string& file);
  WriteLock() = default;
  WriteLock(WriteLock&& other) noexcept;
  WriteLock& operator=(WriteLock&& other) noexcept;
  ~WriteLock();

 private:
  int descriptor_ = -1;
};

class StoreWriter final : public RowSink {
 public:
  // `identity` is an object of everything that determines the results: fingerprints of model,
  // tokenizer and text, context, BOS, top, quantiles, sites, keep_ratio and keep_floor (the numbers
  // behind the `above` rows), backend, instruction set, code version. Not how work is divided.
  static Result<StoreWriter> open_or_create(const std::filesystem::path& folder,
                                            const nlohmann::json& identity, const RunInfo& run);

  // The input, once before the first unit. A store that is continued must hold the same.
  Status write_input(std::span<const SequenceRow> sequences,
                     std::span<const VocabularyRow> vocabulary);

  // The branches of a run that has any, and the means that their edits use, once before the first
  // unit. A store that is continued must hold the same branches; its means are what they were.
  Status write_branches(std::span<const BranchRow> branches,
                        std::span<const CalibrationRow> calibration);
  Result<std::vector<BranchRow>> branches();
  Result<std::vector<CalibrationRow>> calibration();

  // Everything about one probe, at once or not at all.
  Status write_probe(std::span<const ProbeRow> rows);
  Result<std::vector<ProbeRow>> probes();

  // All of them, at once or not at all; those that are there stay.
  Status write_weights(std::span<const WeightRow> rows);

  Result<std::vector<UnitRange>> units();
  // [sequences of the input]: true where a unit of this store holds it, so that a run skips it.
  Result<std::vector<bool>> finished_sequences();

  // A unit may be cut in any way, but a sequence belongs to one only.
  Status begin_unit(int first_sequence, int last_sequence) override;
  Status add(const Observation& row) override;
  Status add(const Series& row) override;
  Status add(const LikelihoodRow& row);
  Status end_unit() override;

  // Notes the time and leaves one plain file that can be read from a read-only folder.
  Status finish();

 private:
  Status prepare_statements();
  Status insert_input(std::span<const SequenceRow> sequences,
                      std::span<const VocabularyRow> vocabulary);
  Status insert_branches(std::span<const BranchRow> branches,
                         std::span<const CalibrationRow> calibration);
  // One transaction around `insert`.
  Status all_or_nothing(const std::function<Status()>& insert);
  Status begin_run(const RunInfo& run);
  Status give_up(Status why);  // takes the unit in hand back

  WriteLock lock_;  // declared first: released after the database is closed
  std::filesystem::path file_;
  Database database_;
  Statement add_observation_;
  Statement add_series_;
  Statement add_likelihood_;
  std::int64_t run_ = 0;
  UnitRange unit_;
  bool in_unit_ = false;
};

}  // namespace tepui
