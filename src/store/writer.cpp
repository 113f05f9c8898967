// SPDX-License-Identifier: MIT
#include "store/writer.h"

#include <fmt/chrono.h>

#include <chrono>
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
  return same_identity(stored, wanted, file);
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
                              "?9)"));
  TEPUI_TRY(add_series_, database_.prepare("INSERT INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
  return {};
}

Status StoreWriter::write_input(std::span<const SequenceRow> sequences,
                                std::span<const VocabularyRow> vocabulary) {
  TEPUI_TRY(const auto stored, database_.integer("SELECT count(*) FROM sequence"));
  if (stored != 0) {
    TEPUI_TRY(const auto rows, read_sequences(database_, file_));
    if (!std::equal(rows.begin(), rows.end(), sequences.begin(), sequences.end()))
      return fail(ErrorKind::data,
                  "{}: expected the {} sequences of this run's input, found {} sequences that "
                  "differ; choose another --out",
                  file_.string(), sequences.size(), rows.size());
    return {};
  }
  TEPUI_TRY(database_.execute("BEGIN IMMEDIATE"));
  in_unit_ = true;
  TEPUI_TRY(auto sequence, database_.prepare("INSERT INTO sequence VALUES (?1, ?2, ?3, ?4, ?5)"));
  std::int64_t index = 0;
  for (const SequenceRow& row : sequences) {
    const auto tokens = to_blob<std::int32_t>(row.tokens);
    sequence.bind(1, index++).bind(2, std::string_view(row.source)).bind(3, row.first_token);
    sequence.bind(4, row.has_bos ? 1 : 0).bind(5, std::span<const std::byte>(tokens));
    if (auto done = sequence.run(); !done) return give_up(done);
  }
  TEPUI_TRY(auto token, database_.prepare("INSERT INTO vocabulary VALUES (?1, ?2, ?3)"));
  for (const VocabularyRow& row : vocabulary) {
    token.bind(1, row.token_id).bind(2, as_bytes(row.piece)).bind(3, as_bytes(row.bytes));
    if (auto done = token.run(); !done) return give_up(done);
  }
  if (auto done = database_.execute("COMMIT"); !done) return give_up(done);
  in_unit_ = false;
  return {};
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
  add_observation_.bind(1, row.sequence).bind(2, layer).bind(3, site_name(row.point.site));
  add_observation_.bind(4, row.metric).bind(5, row.rank).bind(6, row.parameter);
  add_observation_.bind(7, row.position).bind(8, row.channel).bind(9, double{row.value});
  if (auto done = add_observation_.run(); !done) return give_up(done);
  return {};
}

Status StoreWriter::add(const Series& row) {
  TEPUI_ASSERT(in_unit_ && row.sequence >= unit_.first && row.sequence < unit_.last);
  TEPUI_ASSERT(row.indices.empty() || row.indices.size() == row.values.size());
  const int layer = site_has_layer(row.point.site) ? row.point.layer : kNoLayer;
  const auto values = to_blob<float>(row.values);
  const auto indices = to_blob<std::uint32_t>(row.indices);
  add_series_.bind(1, row.sequence).bind(2, layer).bind(3, site_name(row.point.site));
  add_series_.bind(4, row.metric).bind(5, std::span<const std::byte>(values));
  add_series_.bind(6, std::span<const std::byte>(indices));
  if (auto done = add_series_.run(); !done) return give_up(done);
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
