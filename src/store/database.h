// SPDX-License-Identifier: MIT
// SQLite behind RAII and Result: a Database is one open file, a Statement one prepared query. Every
// error says which file, what was attempted and what SQLite (and the system) answered. Knows
// nothing of the tables; the writer and the reader are its users.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tepui/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tepui {

// Parameters and columns count as in SQLite: parameters from 1, columns from 0. A Statement must
// not outlive its Database.
class Statement {
 public:
  Statement() = default;

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, int value) { return bind(parameter, std::int64_t{value}); }
  Statement& bind(int parameter, double value);  // NaN is stored as NULL: SQLite has none
  // Text and bytes are not copied: they must live until the next step has been taken.
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, std::span<const std::byte> bytes);
  Statement& bind_null(int parameter);

  Result<bool> step();  // true: a row can be read; false: there are no more, and it is reset
  Status run();         // for statements without rows

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;  // NaN for NULL
  std::string text(int column) const;
  std::span<const std::byte> bytes(int column) const;  // valid until the next step

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  enum class Mode { read, write, create };  // create: make the file where there is none

  Database() = default;
  static Result<Database> open(const std::filesystem::path& file, Mode mode);
  // For a file that nobody writes, on a medium that cannot be written: no locks, no side files.
  static Result<Database> open_immutable(const std::filesystem::path& file);

  Status execute(const char* sql);  // one or more statements, their rows ignored
  Result<Statement> prepare(std::string_view sql);
  Result<std::int64_t> integer(std::string_view sql);  // the first column of the first row, or 0

 private:
  static Result<Database> open_with(const std::filesystem::path& file, const std::string& name,
                                    int flags);

  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace tepui
