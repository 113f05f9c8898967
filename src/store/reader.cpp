// SPDX-License-Identifier: MIT
#include "store/reader.h"

#include <algorithm>
#include <cmath>

#include "store/little_endian.h"
#include "store/store_file.h"

namespace tepui {

namespace {

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<Site> site_of(const std::string& name, const std::filesystem::path& file) {
  const auto site = site_from_name(name);
  if (site) return *site;
  return fail(ErrorKind::data, "{}: expected the name of a site, found '{}'", file.string(), name);
}

}  // namespace

Result<StoreReader> StoreReader::open(const std::filesystem::path& folder_or_file) {
  StoreReader reader;
  TEPUI_TRY(auto store, open_store_file(folder_or_file));
  reader.file_ = std::move(store.file);
  reader.database_ = std::move(store.database);
  TEPUI_TRY(reader.prepare_statements());
  return reader;
}

Status StoreReader::prepare_statements() {
  TEPUI_TRY(points_of_sequence_,
            database_.prepare("SELECT layer, site FROM observation WHERE sequence = ?1 AND "
                              "branch = ?2 UNION SELECT layer, site FROM series WHERE sequence = "
                              "?1 AND branch = ?2"));
  TEPUI_TRY(observations_,
            database_.prepare("SELECT metric, rank, parameter, position, channel, value FROM "
                              "observation WHERE sequence = ?1 AND layer = ?2 AND site = ?3 "
                              "AND branch = ?4 ORDER BY metric, rank"));
  TEPUI_TRY(observations_of_metric_,
            database_.prepare("SELECT metric, rank, parameter, position, channel, value FROM "
                              "observation WHERE sequence = ?1 AND layer = ?2 AND site = ?3 "
                              "AND branch = ?4 AND metric = ?5 ORDER BY rank"));
  TEPUI_TRY(series_,
            database_.prepare("SELECT metric, \"values\", indices FROM series WHERE sequence = ?1 "
                              "AND layer = ?2 AND site = ?3 AND branch = ?4 ORDER BY metric"));
  TEPUI_TRY(series_of_metric_,
            database_.prepare("SELECT metric, \"values\", indices FROM series WHERE sequence = ?1 "
                              "AND layer = ?2 AND site = ?3 AND branch = ?4 AND metric = ?5"));
  return {};
}

Result<nlohmann::json> StoreReader::identity() { return read_identity(database_, file_); }

Result<RunInfo> StoreReader::run() {
  TEPUI_TRY(auto all, runs());
  return std::move(all.back().info);
}

Result<std::vector<RunRecord>> StoreReader::runs() {
  TEPUI_TRY(auto query,
            database_.prepare("SELECT options, model, model_path, model_fingerprint, tokenizer, "
                              "tokenizer_fingerprint, text, text_fingerprint, backend, device, "
                              "detail, version, started, finished FROM run ORDER BY id"));
  std::vector<RunRecord> records;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) break;
    RunRecord record;
    RunInfo& run = record.info;
    std::string* columns[] = {&run.options,    &run.model,
                              &run.model_path, &run.model_fingerprint,
                              &run.tokenizer,  &run.tokenizer_fingerprint,
                              &run.text,       &run.text_fingerprint,
                              &run.backend,    &run.device,
                              &run.detail,     &run.version,
                              &record.started, &record.finished};
    int column = 0;
    for (std::string* target : columns) *target = query.text(column++);
    records.push_back(std::move(record));
  }
  if (records.empty())
    return fail(ErrorKind::data, "{}: expected a row in table run", file_.string());
  return records;
}

Result<std::vector<SequenceRow>> StoreReader::sequences() {
  return read_sequences(database_, file_);
}

Result<std::vector<VocabularyRow>> StoreReader::vocabulary() {
  TEPUI_TRY(auto query,
            database_.prepare("SELECT token_id, piece, bytes FROM vocabulary ORDER BY token_id"));
  std::vector<VocabularyRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) return rows;
    rows.push_back({static_cast<std::int32_t>(query.integer(0)), as_text(query.bytes(1)),
                    as_text(query.bytes(2))});
  }
}

Result<std::vector<UnitRange>> StoreReader::units() { return read_units(database_); }

Result<std::vector<BranchRow>> StoreReader::branches() { return read_branches(database_); }

Result<std::vector<CalibrationRow>> StoreReader::calibration() {
  return read_calibration(database_, file_);
}

Result<std::vector<LikelihoodRow>> StoreReader::likelihoods() {
  TEPUI_TRY(auto query,
            database_.prepare("SELECT branch, sequence, tokens, nll, kl FROM likelihood "
                              "ORDER BY branch, sequence"));
  std::vector<LikelihoodRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) return rows;
    rows.push_back({static_cast<int>(query.integer(0)), static_cast<int>(query.integer(1)),
                    query.integer(2), query.real(3), query.real(4)});
  }
}

Result<std::vector<int>> StoreReader::finished() {
  TEPUI_TRY(const auto ranges, units());
  TEPUI_TRY(const auto count, database_.integer("SELECT count(*) FROM sequence"));
  std::vector<int> finished;
  for (const UnitRange& unit : ranges) {
    if (unit.first < 0 || unit.last > count)
      return fail(ErrorKind::data, "{}: unit {} to {} lies outside the {} sequences",
                  file_.string(), unit.first, unit.last, count);
    for (int sequence = unit.first; sequence < unit.last; ++sequence) finished.push_back(sequence);
  }
  return finished;
}

Result<std::vector<Point>> StoreReader::points(int sequence, int branch) {
  points_of_sequence_.bind(1, sequence).bind(2, branch);
  return read_points(points_of_sequence_);
}

Result<std::vector<Point>> StoreReader::points() {
  TEPUI_TRY(auto query, database_.prepare("SELECT DISTINCT layer, site FROM observation WHERE "
                                          "branch = 0 UNION SELECT DISTINCT layer, site FROM "
                                          "series WHERE branch = 0"));
  return read_points(query);
}

Result<std::vector<Point>> StoreReader::read_points(Statement& statement) {
  std::vector<Point> points;
  for (;;) {
    TEPUI_TRY(const bool more, statement.step());
    if (!more) break;
    TEPUI_TRY(const Site site, site_of(statement.text(1), file_));
    points.push_back({static_cast<int>(statement.integer(0)), site});
  }
  std::sort(points.begin(), points.end());
  return points;
}

Result<std::vector<ObservationRow>> StoreReader::observations(int sequence, Point point,
                                                              int branch) {
  observations_.bind(1, sequence).bind(2, point.layer).bind(3, site_name(point.site));
  observations_.bind(4, branch);
  return read_observations(observations_);
}

Result<std::vector<ObservationRow>> StoreReader::observations(int sequence, Point point,
                                                              std::string_view metric, int branch) {
  observations_of_metric_.bind(1, sequence).bind(2, point.layer).bind(3, site_name(point.site));
  observations_of_metric_.bind(4, branch).bind(5, metric);
  return read_observations(observations_of_metric_);
}

Result<std::vector<ObservationRow>> StoreReader::read_observations(Statement& statement) {
  std::vector<ObservationRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, statement.step());
    if (!more) return rows;
    rows.push_back({statement.text(0), static_cast<int>(statement.integer(1)), statement.real(2),
                    statement.integer(3), statement.integer(4),
                    static_cast<float>(statement.real(5))});
  }
}

Result<std::vector<SeriesRow>> StoreReader::series(int sequence, Point point, int branch) {
  series_.bind(1, sequence).bind(2, point.layer).bind(3, site_name(point.site)).bind(4, branch);
  return read_series(series_, sequence);
}

Result<std::vector<SeriesRow>> StoreReader::series(int sequence, Point point,
                                                   std::string_view metric, int branch) {
  series_of_metric_.bind(1, sequence).bind(2, point.layer).bind(3, site_name(point.site));
  series_of_metric_.bind(4, branch).bind(5, metric);
  return read_series(series_of_metric_, sequence);
}

Result<std::vector<SeriesRow>> StoreReader::read_series(Statement& statement, int sequence) {
  std::vector<SeriesRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, statement.step());
    if (!more) return rows;
    rows.push_back({statement.text(0), from_blob<float>(statement.bytes(1)),
                    from_blob<std::uint32_t>(statement.bytes(2))});
    const SeriesRow& row = rows.back();
    if (!row.indices.empty() && row.indices.size() != row.values.size())
      return fail(ErrorKind::data, "{}: series {} of sequence {}: {} values but {} indices",
                  file_.string(), row.metric, sequence, row.values.size(), row.indices.size());
  }
}

Result<std::vector<MeanRow>> StoreReader::branch_means() {
  TEPUI_TRY(auto query,
            database_.prepare("SELECT branch, layer, site, metric, rank, avg(abs(value)), "
                              "count(*), count(value) FROM observation WHERE metric = 'change' OR "
                              "(metric = 'top_k' AND rank = 0) OR (metric = 'quantile' AND "
                              "parameter = 0.5) GROUP BY branch, layer, site, metric, rank"));
  std::vector<MeanRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) break;
    TEPUI_TRY(const Site site, site_of(query.text(2), file_));
    const bool whole = query.integer(6) == query.integer(7);
    rows.push_back({static_cast<int>(query.integer(0)),
                    {static_cast<int>(query.integer(1)), site},
                    query.text(3),
                    static_cast<int>(query.integer(4)),
                    whole ? query.real(5) : std::nan("")});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const MeanRow& a, const MeanRow& b) {
    return a.branch != b.branch ? a.branch < b.branch : a.point < b.point;
  });
  return rows;
}

Result<nlohmann::json> read_identity(Database& database, const std::filesystem::path& file) {
  TEPUI_TRY(auto query, database.prepare("SELECT value FROM meta WHERE key = 'identity'"));
  TEPUI_TRY(const bool found, query.step());
  auto identity = found ? nlohmann::json::parse(query.text(0), nullptr, false)
                        : nlohmann::json(nlohmann::json::value_t::discarded);
  if (!identity.is_object())
    return fail(ErrorKind::data, "{}: expected a JSON object under meta.identity", file.string());
  return identity;
}

Result<std::vector<SequenceRow>> read_sequences(Database& database,
                                                const std::filesystem::path& file) {
  TEPUI_TRY(auto query, database.prepare("SELECT sequence, source, first_token, has_bos, tokens "
                                         "FROM sequence ORDER BY sequence"));
  std::vector<SequenceRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) return rows;
    if (query.integer(0) != static_cast<std::int64_t>(rows.size()) || query.bytes(4).size() % 4)
      return fail(ErrorKind::data, "{}: table sequence: expected sequence {} with whole tokens",
                  file.string(), rows.size());
    rows.push_back({query.text(1), query.integer(2), query.integer(3) != 0,
                    from_blob<std::int32_t>(query.bytes(4))});
  }
}

Result<std::vector<UnitRange>> read_units(Database& database) {
  TEPUI_TRY(auto query, database.prepare("SELECT first, last FROM unit ORDER BY first"));
  std::vector<UnitRange> units;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) return units;
    units.push_back({static_cast<int>(query.integer(0)), static_cast<int>(query.integer(1))});
  }
}

Result<std::vector<BranchRow>> read_branches(Database& database) {
  TEPUI_TRY(auto query, database.prepare("SELECT name, edits FROM branch ORDER BY branch"));
  std::vector<BranchRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) return rows;
    rows.push_back({query.text(0), query.text(1)});
  }
}

Result<std::vector<CalibrationRow>> read_calibration(Database& database,
                                                     const std::filesystem::path& file) {
  TEPUI_TRY(auto query, database.prepare("SELECT layer, site, channel, token_class, count, mean, "
                                         "deviation FROM calibration"));
  std::vector<CalibrationRow> rows;
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) break;
    const std::string name = query.text(1);
    const auto site = site_from_name(name);
    if (!site)
      return fail(ErrorKind::data, "{}: expected the name of a site, found '{}'", file.string(),
                  name);
    rows.push_back({{static_cast<int>(query.integer(0)), *site},
                    query.integer(2),
                    query.text(3) == "first",
                    query.integer(4),
                    query.real(5),
                    query.real(6)});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    if (a.point != b.point) return a.point < b.point;
    return std::pair(a.channel, !a.first) < std::pair(b.channel, !b.first);
  });
  return rows;
}

}  // namespace tepui
