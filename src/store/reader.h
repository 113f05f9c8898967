// SPDX-License-Identifier: MIT
// Typed questions to a store. Read-only; may be used beside a running scan and then sees the units
// that are done. Whatever the file holds is checked before it becomes a value.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/rows.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

class StoreReader {
 public:
  // A folder that holds a scan.sqlite, or such a file itself.
  static Result<StoreReader> open(const std::filesystem::path& folder_or_file);

  const std::filesystem::path& file() const { return file_; }

  Result<nlohmann::json> identity();
  Result<RunInfo> run();                  // the latest
  Result<std::vector<RunRecord>> runs();  // all, the first one first
  Result<std::vector<SequenceRow>> sequences();
  Result<std::vector<VocabularyRow>> vocabulary();  // ascending token_id
  Result<std::vector<UnitRange>> units();           // ascending
  Result<std::vector<int>> finished();              // sequences that are in a unit, ascending

  Result<std::vector<BranchRow>> branches();          // the unedited run first; empty for a scan
  Result<std::vector<LikelihoodRow>> likelihoods();   // by branch, then sequence
  Result<std::vector<CalibrationRow>> calibration();  // in order of computation
  Result<std::vector<MeanRow>> branch_means();        // by branch, place in order of computation

  Result<std::vector<ProbeRow>> probes();  // by model, target, place; else by name

  Result<std::vector<WeightRow>> weights();  // by layer, else by name

  // Places that have rows, in order of computation: of one sequence, or of all. What follows is of
  // the unedited run unless another branch is named.
  Result<std::vector<Point>> points(int sequence, int branch = 0);
  Result<std::vector<Point>> points();

  // Ordered by metric (its name) and rank. Empty where there are none.
  Result<std::vector<ObservationRow>> observations(int sequence, Point point, int branch = 0);
  Result<std::vector<ObservationRow>> observations(int sequence, Point point,
                                                   std::string_view metric, int branch = 0);
  // Ordered by metric.
  Result<std::vector<SeriesRow>> series(int sequence, Point point, int branch = 0);
  // Of one metric: one row, or none.
  Result<std::vector<SeriesRow>> series(int sequence, Point point, std::string_view metric,
                                        int branch = 0);

 private:
  Status prepare_statements();
  Result<std::vector<Point>> read_points(Statement& statement);
  Result<std::vector<ObservationRow>> read_observations(Statement& statement);
  Result<std::vector<SeriesRow>> read_series(Statement& statement, int sequence);

  std::filesystem::path file_;
  Database database_;
  Statement points_of_sequence_;
  Statement observations_;
  Statement observations_of_metric_;
  Statement series_;
  Statement series_of_metric_;
};

// What the writer, too, must read.
Result<nlohmann::json> read_identity(Database& database, const std::filesystem::path& file);
Result<std::vector<SequenceRow>> read_sequences(Database& database,
                                                const std::filesystem::path& file);
Result<std::vector<UnitRange>> read_units(Database& database);
Result<std::vector<BranchRow>> read_branches(Database& database);
Result<std::vector<ProbeRow>> read_probes(Database& database, const std::filesystem::path& file);
Result<std::vector<CalibrationRow>> read_calibration(Database& database,
                                                     const std::filesystem::path& file);

}  // namespace tepui
