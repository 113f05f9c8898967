// SPDX-License-Identifier: MIT
#include "store/merge.h"

#include <functional>
#include <set>
#include <system_error>

#include "store/identity.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/writer.h"

namespace tepui {

namespace {

// Tables with a row for something of a sequence.
constexpr std::string_view kRowTables[] = {"observation", "series", "likelihood"};
// Tables that must be the same in all parts.
constexpr std::pair<std::string_view, std::string_view> kCommonTables[] = {
    {"sequence", "input"},
    {"vocabulary", "vocabulary"},
    {"branch", "branches"},
    {"calibration", "calibration"}};

class Merge {
 public:
  explicit Merge(const std::filesystem::path& folder) : folder_(folder) {}

  Status open(const std::filesystem::path& first) {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error)
      return fail(ErrorKind::io, "{}: the folder cannot be made: {}", folder_.string(),
                  error.message());
    file_ = folder_ / kStoreFile;
    TEPUI_TRY(lock_, WriteLock::acquire(folder_));
    TEPUI_TRY(database_, Database::open(file_, Database::Mode::create));
    TEPUI_TRY(const bool is_new, needs_schema(database_, file_));
    TEPUI_TRY(database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"));
    if (!is_new) return {};
    TEPUI_TRY(StoreReader::open(first));  // which says what is wrong with it
    TEPUI_TRY(attach(first));
    TEPUI_TRY(transaction([this]() -> Status {
      TEPUI_TRY(create_schema(database_));
      TEPUI_TRY(run("INSERT INTO main.meta SELECT * FROM part.meta"));
      for (const auto& [table, what] : kCommonTables)
        TEPUI_TRY(run(fmt::format("INSERT INTO main.{0} SELECT * FROM part.{0}", table)));
      return {};
    }));
    return run("DETACH part");
  }

  Status add(const std::filesystem::path& store) {
    TEPUI_TRY(StoreReader reader, StoreReader::open(store));
    TEPUI_TRY(const auto theirs, reader.identity());
    const std::string kind = theirs.is_object() ? theirs.value("kind", std::string()) : "";
    if (kind == "probe" || kind == "watch")
      return fail(ErrorKind::usage,
                  "{}: expected a store that holds part of a run's sequences, found one of tepui "
                  "{}",
                  reader.file().string(),
                  kind == "probe" ? "probe: probes are of all of them" : "emergence or train");
    TEPUI_TRY(const auto own, read_identity(database_, file_));
    if (auto same = same_identity(own, theirs, reader.file()); !same) return same;
    TEPUI_TRY(const auto finished, reader.finished());
    TEPUI_TRY(attach(store));
    TEPUI_TRY(check_common(reader.file()));
    TEPUI_TRY(const std::set<int> held, own_sequences());
    TEPUI_TRY(transaction([&] { return take(finished, held, reader.file()); }));
    return run("DETACH part");
  }

  // As StoreWriter::finish.
  void finish() {
    static_cast<void>(database_.execute("PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE"));
  }

 private:
  Status run(const std::string& sql) { return database_.execute(sql.c_str()); }

  Status transaction(const std::function<Status()>& change) {
    TEPUI_TRY(run("BEGIN IMMEDIATE"));
    auto done = change();
    if (done) done = run("COMMIT");
    // SQLite may have rolled back by itself (full disk); then this fails, which is no second error.
    if (!done) static_cast<void>(run("ROLLBACK"));
    return done;
  }

  Status attach(const std::filesystem::path& store) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(store, ignored);
    const std::string name = (folder ? store / kStoreFile : store).string();
    TEPUI_TRY(auto statement, database_.prepare("ATTACH ?1 AS part"));
    return statement.bind(1, std::string_view(name)).run();
  }

  Status check_common(const std::filesystem::path& file) {
    for (const auto& [table, what] : kCommonTables) {
      const std::string differs = fmt::format(
          "SELECT (SELECT count(*) FROM (SELECT * FROM main.{0} EXCEPT SELECT * FROM part.{0})) + "
          "(SELECT count(*) FROM (SELECT * FROM part.{0} EXCEPT SELECT * FROM main.{0}))",
          table);
      TEPUI_TRY(const auto rows, database_.integer(differs));
      if (rows != 0)
        return fail(ErrorKind::data, "{}: expected the same {} as in {}, found {} rows that differ",
                    file.string(), what, file_.string(), rows);
    }
    return {};
  }

  Result<std::set<int>> own_sequences() {
    TEPUI_TRY(const auto units, read_units(database_));
    std::set<int> held;
    for (const UnitRange& unit : units)
      for (int sequence = unit.first; sequence < unit.last; ++sequence) held.insert(sequence);
    return held;
  }

  // What both hold must be equal; the rest is copied.
  Status take(const std::vector<int>& sequences, const std::set<int>& held,
              const std::filesystem::path& file) {
    bool any = false;
    for (std::size_t at = 0; at < sequences.size();) {
      const bool there = held.contains(sequences[at]);
      std::size_t end = at + 1;
      while (end < sequences.size() && sequences[end] == sequences[end - 1] + 1 &&
             held.contains(sequences[end]) == there)
        ++end;
      const UnitRange range{sequences[at], sequences[end - 1] + 1};
      TEPUI_TRY(there ? check_equal(range, file) : copy(range));
      any = any || !there;
      at = end;
    }
    if (!any) return {};
    return run(
        "INSERT INTO main.run SELECT NULL, options, model, model_path, model_fingerprint, "
        "tokenizer, tokenizer_fingerprint, text, text_fingerprint, backend, device, detail, "
        "version, started, finished FROM part.run ORDER BY id");
  }

  static std::string where(const UnitRange& range) {
    return fmt::format("WHERE sequence >= {} AND sequence < {}", range.first, range.last);
  }

  Status copy(const UnitRange& range) {
    for (const auto table : kRowTables)
      TEPUI_TRY(
          run(fmt::format("INSERT INTO main.{0} SELECT * FROM part.{0} {1}", table, where(range))));
    return run(fmt::format("INSERT INTO main.unit VALUES ({}, {})", range.first, range.last));
  }

  Status check_equal(const UnitRange& range, const std::filesystem::path& file) {
    for (const auto table : kRowTables) {
      TEPUI_TRY(const auto rows,
                database_.integer(fmt::format(
                    "SELECT (SELECT count(*) FROM (SELECT * FROM main.{0} {1} EXCEPT SELECT * FROM "
                    "part.{0} {1})) + (SELECT count(*) FROM (SELECT * FROM part.{0} {1} EXCEPT "
                    "SELECT * FROM main.{0} {1}))",
                    table, where(range))));
      if (rows != 0)
        return fail(ErrorKind::data,
                    "{}: expected the results of sequences {} to {} to be those in {}, found {} "
                    "rows that differ",
                    file.string(), range.first, range.last - 1, file_.string(), rows);
    }
    return {};
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
  WriteLock lock_;  // before the database: released after it is closed
  Database database_;
};

}  // namespace

Status merge_stores(std::span<const std::filesystem::path> stores,
                    const std::filesystem::path& out) {
  Merge merge(out);
  TEPUI_TRY(merge.open(stores.front()));
  for (const auto& store : stores) TEPUI_TRY(merge.add(store));
  merge.finish();
  return {};
}

}  // namespace tepui
