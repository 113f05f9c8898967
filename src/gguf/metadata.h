// SPDX-License-Identifier: MIT
// The key-value part of a GGUF file, typed at the moment of asking: a key that holds another kind
// of value than was asked for is an error that names file, key and what was found. Values point
// into the file's mapping, so that a vocabulary costs nothing until someone reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tepui/result.h"

namespace tepui {

// As numbered in files.
enum class GgufType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64,
};

// A value, or an array of `count` values of type `type`. The reader has checked that the bytes hold
// as many, strings with their lengths included.
struct GgufValue {
  GgufType type = GgufType::u8;
  bool is_array = false;
  std::uint64_t count = 1;
  std::span<const std::byte> bytes;
};

class GgufMetadata {
 public:
  explicit GgufMetadata(std::string file) : file_(std::move(file)) {}

  const std::string& file() const { return file_; }
  const std::map<std::string, GgufValue, std::less<>>& values() const { return values_; }
  bool has(std::string_view key) const { return values_.contains(key); }
  void add(std::string key, GgufValue value) { values_.emplace(std::move(key), value); }

  // Nothing where the key is absent.
  Result<std::optional<std::int64_t>> integer(std::string_view key) const;  // any integer type
  Result<std::optional<double>> number(std::string_view key) const;         // any numeric type
  Result<std::optional<bool>> boolean(std::string_view key) const;
  Result<std::optional<std::string>> text(std::string_view key) const;
  // A list; empty where the key is absent.
  Result<std::vector<std::string_view>> texts(std::string_view key) const;
  Result<std::vector<double>> numbers(std::string_view key) const;
  Result<std::vector<std::int64_t>> integers(std::string_view key) const;

  // "a list of 3 strings", "the number 7": a value as it stands in a message.
  std::string shown(std::string_view key) const;

 private:
  // Null where it is absent; an error where it is (not) an array against the asker's wish.
  Result<const GgufValue*> value(std::string_view key, bool array, std::string_view wanted) const;
  tl::unexpected<Error> wrong(std::string_view key, std::string_view wanted) const;

  std::string file_;
  std::map<std::string, GgufValue, std::less<>> values_;
};

}  // namespace tepui
