// SPDX-License-Identifier: MIT
#include "store/database.h"

#include <sqlite3.h>

#include <cctype>
#include <cstring>
#include <limits>
#include <system_error>

#include "base/assert.h"

namespace tepui {

namespace {

// One clear line for what SQLite refused. The system's own word is added where SQLite only says
// "disk I/O error".
tl::unexpected<Error> refusal(sqlite3* handle, const std::string& file, std::string_view what) {
  const int code = sqlite3_errcode(handle) & 0xff;
  const int system = sqlite3_system_errno(handle);
  const char* message = sqlite3_errmsg(handle);
  switch (code) {
    case SQLITE_FULL:
      return fail(ErrorKind::io, "{}: {}: the disk is full; finished units are kept", file, what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorKind::io, "{}: {}: another process is using this file", file, what);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return fail(ErrorKind::data, "{}: {}: expected a sound SQLite database, found: {}", file,
                  what, message);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (system != 0)
        return fail(ErrorKind::io, "{}: {}: {} ({})", file, what, message, std::strerror(system));
      [[fallthrough]];
    default: return fail(ErrorKind::io, "{}: {}: {}", file, what, message);
  }
}

tl::unexpected<Error> refusal(sqlite3_stmt* statement) {
  sqlite3* handle = sqlite3_db_handle(statement);
  const char* file = sqlite3_db_filename(handle, "main");
  const char* what = sqlite3_stmt_readonly(statement) != 0 ? "cannot be read" : "cannot be written";
  return refusal(handle, file == nullptr ? "" : file, what);
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int parameter, std::int64_t value) {
  TEPUI_ASSERT(sqlite3_bind_int64(statement_.get(), parameter, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int parameter, double value) {
  TEPUI_ASSERT(sqlite3_bind_double(statement_.get(), parameter, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL; an empty text is not that.
  const char* data = text.data() == nullptr ? "" : text.data();
  TEPUI_ASSERT(sqlite3_bind_text64(statement_.get(), parameter, data, text.size(), SQLITE_STATIC,
                                   SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int parameter, std::span<const std::byte> bytes) {
  const void* data = bytes.data() == nullptr ? "" : static_cast<const void*>(bytes.data());
  TEPUI_ASSERT(sqlite3_bind_blob64(statement_.get(), parameter, data, bytes.size(),
                                   SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  TEPUI_ASSERT(sqlite3_bind_null(statement_.get(), parameter) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  auto error = refusal(statement_.get());
  sqlite3_reset(statement_.get());
  return error;
}

Status Statement::run() {
  TEPUI_TRY(const bool row, step());
  TEPUI_ASSERT(!row);
  return {};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const {
  if (is_null(column)) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::span<const std::byte> Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const std::byte*>(data),
          data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Result<Database> Database::open(const std::filesystem::path& file, Mode mode) {
  const int flags = mode == Mode::read    ? SQLITE_OPEN_READONLY
                    : mode == Mode::write ? SQLITE_OPEN_READWRITE
                                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  return open_with(file, file.string(), flags);
}

Result<Database> Database::open_immutable(const std::filesystem::path& file) {
  std::error_code ignored;
  std::string uri = "file:";
  for (const char letter : std::filesystem::absolute(file, ignored).string()) {
    const bool plain = std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '/';
    uri +=
        plain ? std::string(1, letter) : fmt::format("%{:02X}", static_cast<unsigned char>(letter));
  }
  return open_with(file, uri + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

Result<Database> Database::open_with(const std::filesystem::path& file, const std::string& name,
                                     int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database;
  database.handle_.reset(handle);
  if (handle == nullptr) return fail(ErrorKind::io, "{}: no memory to open it", file.string());
  if (code != SQLITE_OK) return refusal(handle, file.string(), "cannot be opened");
  // Readers and the writer do not block each other in WAL mode; the wait is for the moments of
  // recovery after a kill and of the last checkpoint.
  sqlite3_busy_timeout(handle, 5000);
  return database;
}

Status Database::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    const char* file = sqlite3_db_filename(handle_.get(), "main");
    return refusal(handle_.get(), file == nullptr ? "" : file, "cannot be written");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) {
    const char* file = sqlite3_db_filename(handle_.get(), "main");
    return refusal(handle_.get(), file == nullptr ? "" : file, "cannot be read");
  }
  return Statement(statement);
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  TEPUI_TRY(auto statement, prepare(sql));
  TEPUI_TRY(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

}  // namespace tepui
