// SPDX-License-Identifier: MIT
#include "store/writer.h"

#include <fmt/chrono.h>

#include <chrono>
#include <cmath>
#include <system_error>

#include "base/assert.h"
#include "store/identity.h"
#include "store/little_endian.h"
#include "store/reader.h"
#include "store/schema.h"

namespace tepui {

namespace {

std::string now() {
  const auto seconds =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%FT%TZ}", seconds);
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// As a run leaves its store that ended before its first result: that its options were no good must
// not be in the way of others.
Result<bool> holds_no_results(Database& database) {
  for (const char* table : {"branch", "unit", "observation", "series", "likelihood", "calibration",
                            "probe", "weight"}) {
    TEPUI_TRY(const auto rows,
              database.integer(fmt::format("SELECT EXISTS(SELECT 1 FROM {})", table)));
    if (rows != 0) return false;
  }
  return true;
}

Status check_or_set_identity(Database& database, const nlohmann::json& identity,
                             const std::filesystem::path& file) {
  TEPUI_TRY(const bool is_new, needs_schema(database, file));
  if (is_new) {
    TEPUI_TRY(create_schema(database));
    TEPUI_TRY(auto insert, database.prepare("INSERT INTO meta VALUES ('identity', ?1)"));
    const std::string text =
        identity.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return insert.bind(1, std::string_view(text)).run();
  }
  TEPUI_TRY(const auto stored, read_identity(database, file));
  // Through text and back, as the stored one went, so that only the content is compared.
  const auto wanted = nlohmann::json::parse(
      identity.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), nullptr, false);
  const Status same = same_identity(stored, wanted, file);
  if (same) return {};
  TEPUI_TRY(const bool empty, holds_no_results(database));
  if (!empty || command_of_identity(stored) != command_of_identity(wanted)) return same;
  for (const char* table : {"run", "sequence", "vocabulary"})
    TEPUI_TRY(database.execute(fmt::format("DELETE FROM {}", table).c_str()));
  TEPUI_TRY(auto update, database.prepare("UPDATE meta SET value = ?1 WHERE key = 'identity'"));
  const std::string text = wanted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return update.bind(1, std::string_view(text)).run();
}

}  // namespace

Result<StoreWriter> StoreWriter::open_or_create(const std::filesystem::path& folder,
                                                const nlohmann::json& identity,
                                                const RunInfo& run) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", folder.string(),
                error.message());
  StoreWriter writer;
  writer.file_ = folder / kStoreFile;
  TEPUI_TRY(writer.lock_, WriteLock::acquire(folder));
  TEPUI_TRY(writer.database_, Database::open(writer.file_, Database::Mode::create));
  Database& database = writer.database_;
  // Another database's mode is not changed: first see what it is.
  TEPUI_TRY(needs_schema(database, writer.file_));
  // WAL: a commit is one append, and readers see whole units while a scan runs. FULL: the log is
  // synced at every commit, so that a unit that was reported done survives a loss of power (with
  // NORMAL only a kill of the process is survived).
  TEPUI_TRY(database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"));
  TEPUI_TRY(database.execute("BEGIN IMMEDIATE"));
  TEPUI_TRY(check_or_set_identity(database, identity, writer.file_));
  TEPUI_TRY(writer.begin_run(run));
  TEPUI_TRY(database.execute("COMMIT"));
  TEPUI_TRY(writer.prepare_statements());
  return writer;
}

Status StoreWriter::begin_run(const RunInfo& run) {
  TEPUI_TRY(auto insert, database_.prepare("INSERT INTO run VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, "
                                           "?7, ?8, ?9, ?10, ?11, ?12, ?13, NULL)"));
  const std::string started = now();
  const std::string_view columns[] = {run.options,    run.model,
                                      run.model_path, run.model_fingerprint,
                                      run.tokenizer,  run.tokenizer_fingerprint,
                                      run.text,       run.text_fingerprint,
                                      run.backend,    run.device,
                                      run.detail,     run.version,
                                      started};
  int parameter = 0;
  for (const auto column : columns) insert.bind(++parameter, column);
  TEPUI_TRY(insert.run());
  TEPUI_TRY(run_, database_.integer("SELECT max(id) FROM run"));
  return {};
}

Status StoreWriter::prepare_statements() {
  TEPUI_TRY(add_observation_,
            database_.prepare("INSERT INTO observation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                              "?9, ?10)"));
  TEPUI_TRY(add_series_,
            database_.prepare("INSERT INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  TEPUI_TRY(add_likelihood_,
            database_.prepare("INSERT INTO likelihood VALUES (?1, ?2, ?3, ?4, ?5)"));
  return {};
}

Status StoreWriter::all_or_nothing(const std::function<Status()>& insert) {
  TEPUI_TRY(database_.execute("BEGIN IMMEDIATE"));
  in_unit_ = true;
  if (auto done = insert(); !done) return give_up(done);
  if (auto done = database_.execute("COMMIT"); !done) return give_up(done);
  in_unit_ = false;
  return {};
}

Status StoreWriter::write_input(std::span<const SequenceRow> sequences,
                                std::span<const VocabularyRow> vocabulary) {
  TEPUI_TRY(const auto stored, database_.integer("SELECT count(*) FROM sequence"));
  if (stored == 0) return all_or_nothing([&] { return insert_input(sequences, vocabulary); });
  TEPUI_TRY(const auto rows, read_sequences(database_, file_));
  if (!std::equal(rows.begin(), rows.end(), sequences.begin(), sequences.end()))
    return fail(ErrorKind::data,
                "{}: expected the {} sequences of this run's input, found {} sequences that "
                "differ; choose another --out",
                file_.string(), sequences.size(), rows.size());
  return {};
}

Status StoreWriter::insert_input(std::span<const SequenceRow> sequences,
                                 std::span<const VocabularyRow> vocabulary) {
  TEPUI_TRY(auto sequence, database_.prepare("INSERT INTO sequence VALUES (?1, ?2, ?3, ?4, ?5)"));
  std::int64_t index = 0;
  for (const SequenceRow& row : sequences) {
    const auto tokens = to_blob<std::int32_t>(row.tokens);
    sequence.bind(1, index++).bind(2, std::string_view(row.source)).bind(3, row.first_token);
    sequence.bind(4, row.has_bos ? 1 : 0).bind(5, std::span<const std::byte>(tokens));
    TEPUI_TRY(sequence.run());
  }
  TEPUI_TRY(auto token, database_.prepare("INSERT INTO vocabulary VALUES (?1, ?2, ?3)"));
  for (const VocabularyRow& row : vocabulary) {
    token.bind(1, row.token_id).bind(2, as_bytes(row.piece)).bind(3, as_bytes(row.bytes));
    TEPUI_TRY(token.run());
  }
  return {};
}

Status StoreWriter::write_branches(std::span<const BranchRow> branches,
                                   std::span<const CalibrationRow> calibration) {
  TEPUI_TRY(const auto stored, read_branches(database_));
  if (stored.empty()) return all_or_nothing([&] { return insert_branches(branches, calibration); });
  if (std::equal(stored.begin(), stored.end(), branches.begin(), branches.end())) return {};
  return fail(ErrorKind::data,
              "{}: expected the {} branches of this run, found {} branches that differ; choose "
              "another --out",
              file_.string(), branches.size(), stored.size());
}

Status StoreWriter::insert_branches(std::span<const BranchRow> branches,
                                    std::span<const CalibrationRow> calibration) {
  TEPUI_TRY(auto branch, database_.prepare("INSERT INTO branch VALUES (?1, ?2, ?3)"));
  std::int64_t index = 0;
  for (const BranchRow& row : branches) {
    branch.bind(1, index++).bind(2, std::string_view(row.name));
    TEPUI_TRY(branch.bind(3, std::string_view(row.edits)).run());
  }
  TEPUI_TRY(auto mean,
            database_.prepare("INSERT INTO calibration VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  for (const CalibrationRow& row : calibration) {
    mean.bind(1, row.point.layer).bind(2, site_name(row.point.site)).bind(3, row.channel);
    mean.bind(4, std::string_view(row.first ? "first" : "other")).bind(5, row.count);
    TEPUI_TRY(mean.bind(6, row.mean).bind(7, row.deviation).run());
  }
  return {};
}

Result<std::vector<BranchRow>> StoreWriter::branches() { return read_branches(database_); }

Result<std::vector<CalibrationRow>> StoreWriter::calibration() {
  return read_calibration(database_, file_);
}

Status StoreWriter::write_probe(std::span<const ProbeRow> rows) {
  return all_or_nothing([&]() -> Status {
    TEPUI_TRY(auto insert,
              database_.prepare("INSERT INTO probe VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
    for (const ProbeRow& row : rows) {
      const int layer = site_has_layer(row.point.site) ? row.point.layer : kNoLayer;
      insert.bind(1, std::string_view(row.model)).bind(2, std::string_view(row.target));
      insert.bind(3, layer).bind(4, site_name(row.point.site));
      insert.bind(5, std::string_view(row.features)).bind(6, std::string_view(row.probe));
      insert.bind(7, row.seed).bind(8, std::string_view(row.metric));
      TEPUI_TRY(insert.bind(9, std::isfinite(row.value) ? row.value : std::nan("")).run());
    }
    return {};
  });
}

Result<std::vector<ProbeRow>> StoreWriter::probes() { return read_probes(database_, file_); }

Status StoreWriter::write_weights(std::span<const WeightRow> rows) {
  return all_or_nothing([&]() -> Status {
    TEPUI_TRY(auto insert,
              database_.prepare("INSERT OR IGNORE INTO weight VALUES (?1, ?2, ?3, ?4)"));
    for (const WeightRow& row : rows) {
      insert.bind(1, row.layer).bind(2, std::string_view(row.weight));
      insert.bind(3, std::string_view(row.metric));
      TEPUI_TRY(insert.bind(4, std::isfinite(row.value) ? row.value : std::nan("")).run());
    }
    return {};
  });
}

Result<std::vector<UnitRange>> StoreWriter::units() { return read_units(database_); }

Result<std::vector<bool>> StoreWriter::finished_sequences() {
  TEPUI_TRY(const auto count, database_.integer("SELECT count(*) FROM sequence"));
  TEPUI_TRY(const auto ranges, read_units(database_));
  std::vector<bool> finished(static_cast<std::size_t>(count), false);
  for (const UnitRange& unit : ranges)
    for (int sequence = unit.first; sequence < unit.last; ++sequence) {
      if (sequence < 0 || sequence >= count)
        return fail(ErrorKind::data, "{}: unit {} to {} lies outside the {} sequences",
                    file_.string(), unit.first, unit.last, count);
      finished[static_cast<std::size_t>(sequence)] = true;
    }
  return finished;
}

Status StoreWriter::begin_unit(int first_sequence, int last_sequence) {
  TEPUI_ASSERT(!in_unit_ && first_sequence >= 0 && first_sequence < last_sequence);
  TEPUI_TRY(const auto overlap, database_.integer(fmt::format(
                                    "SELECT count(*) FROM unit WHERE first < {} AND last > {}",
                                    last_sequence, first_sequence)));
  if (overlap != 0)
    return fail(ErrorKind::data, "{}: sequences {} to {}: expected none of them to be done already",
                file_.string(), first_sequence, last_sequence - 1);
  TEPUI_TRY(database_.execute("BEGIN IMMEDIATE"));
  unit_ = {first_sequence, last_sequence};
  in_unit_ = true;
  return {};
}

Status StoreWriter::add(const Observation& row) {
  TEPUI_ASSERT(in_unit_ && row.sequence >= unit_.first && row.sequence < unit_.last);
  const int layer = site_has_layer(row.point.site) ? row.point.layer : kNoLayer;
  add_observation_.bind(1, row.branch).bind(2, row.sequence).bind(3, layer);
  add_observation_.bind(4, site_name(row.point.site)).bind(5, row.metric).bind(6, row.rank);
  add_observation_.bind(7, row.parameter).bind(8, row.position).bind(9, row.channel);
  add_observation_.bind(10, double{row.value});
  if (auto done = add_observation_.run(); !done) return give_up(done);
  return {};
}

Status StoreWriter::add(const Series& row) {
  TEPUI_ASSERT(in_unit_ && row.sequence >= unit_.first && row.sequence < unit_.last);
  TEPUI_ASSERT(row.indices.empty() || row.indices.size() == row.values.size());
  const int layer = site_has_layer(row.point.site) ? row.point.layer : kNoLayer;
  const auto values = to_blob<float>(row.values);
  const auto indices = to_blob<std::uint32_t>(row.indices);
  add_series_.bind(1, row.branch).bind(2, row.sequence).bind(3, layer);
  add_series_.bind(4, site_name(row.point.site)).bind(5, row.metric);
  add_series_.bind(6, std::span<const std::byte>(values));
  add_series_.bind(7, std::span<const std::byte>(indices));
  if (auto done = add_series_.run(); !done) return give_up(done);
  return {};
}

Status StoreWriter::add(const LikelihoodRow& row) {
  TEPUI_ASSERT(in_unit_ && row.sequence >= unit_.first && row.sequence < unit_.last);
  const auto finite = [](double x) { return std::isfinite(x) ? x : std::nan(""); };
  add_likelihood_.bind(1, row.branch).bind(2, row.sequence).bind(3, row.tokens);
  add_likelihood_.bind(4, finite(row.nll)).bind(5, finite(row.kl));
  if (auto done = add_likelihood_.run(); !done) return give_up(done);
  return {};
}

Status StoreWriter::end_unit() {
  TEPUI_ASSERT(in_unit_);
  const std::string mark =
      fmt::format("INSERT INTO unit VALUES ({}, {}); COMMIT", unit_.first, unit_.last);
  if (auto done = database_.execute(mark.c_str()); !done) return give_up(done);
  in_unit_ = false;
  return {};
}

Status StoreWriter::give_up(Status why) {
  // SQLite may have rolled back by itself (full disk); then this fails, which is no second error.
  static_cast<void>(database_.execute("ROLLBACK"));
  in_unit_ = false;
  return why;
}

Status StoreWriter::finish() {
  TEPUI_ASSERT(!in_unit_);
  TEPUI_TRY(auto update, database_.prepare("UPDATE run SET finished = ?1 WHERE id = ?2"));
  const std::string time = now();
  TEPUI_TRY(update.bind(1, std::string_view(time)).bind(2, run_).run());
  // Folds the log into the file. While a reader looks on this is refused; then the log stays until
  // the next writer, and nothing is lost.
  static_cast<void>(database_.execute("PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE"));
  return {};
}

}  // namespace tepui
