// SPDX-License-Identifier: MIT
#include "exec/row_journal.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

namespace tepui {

namespace {

constexpr std::size_t kBuffer = std::size_t{4} << 20;

template <class T>
void put(std::string& to, const T& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class T>
void put_all(std::string& to, std::span<const T> values) {
  put(to, static_cast<std::uint64_t>(values.size()));
  to.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

// Takes apart what was put together, and never reads past the end.
class Reading {
 public:
  explicit Reading(std::string_view bytes) : bytes_(bytes) {}

  bool is_whole() const { return !failed_; }
  std::size_t left() const { return bytes_.size(); }

  template <class T>
  T get() {
    T value{};
    if (take(sizeof(T))) std::memcpy(&value, taken_.data(), sizeof(T));
    return value;
  }
  template <class T>
  std::vector<T> get_all() {
    const auto count = get<std::uint64_t>();
    if (failed_ || count > bytes_.size() / sizeof(T)) {
      failed_ = true;
      return {};
    }
    std::vector<T> values(static_cast<std::size_t>(count));
    if (take(values.size() * sizeof(T)) && !values.empty())
      std::memcpy(values.data(), taken_.data(), taken_.size());
    return values;
  }
  std::string text() {
    const std::vector<char> all = get_all<char>();
    return {all.begin(), all.end()};
  }

 private:
  bool take(std::size_t count) {
    failed_ = failed_ || count > bytes_.size();
    if (failed_) return false;
    taken_ = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return true;
  }
  std::string_view bytes_;
  std::string_view taken_;
  bool failed_ = false;
};

struct RowHead {
  std::int32_t sequence, layer, site, branch;
};

template <class Row>
RowHead head_of(const Row& row) {
  return {row.sequence, row.point.layer, static_cast<std::int32_t>(row.point.site), row.branch};
}

template <class Row>
void set_head(Row& row, const RowHead& head) {
  row.sequence = head.sequence;
  row.point = {head.layer, static_cast<Site>(head.site)};
  row.branch = head.branch;
}

constexpr char kObservation = 'o';
constexpr char kSeries = 's';

// Hands on the row that the bytes begin with: how long it is, or 0 where it is not whole.
Result<std::size_t> replay_row(std::string_view bytes, RowSink& to) {
  Reading reading(bytes);
  const char kind = reading.get<char>();
  const RowHead head = reading.get<RowHead>();
  const std::string metric = reading.text();
  if (kind == kObservation) {
    Observation row;
    set_head(row, head);
    row.metric = metric;
    row.rank = reading.get<int>();
    row.parameter = reading.get<double>();
    row.position = reading.get<std::int64_t>();
    row.channel = reading.get<std::int64_t>();
    row.value = reading.get<float>();
    if (!reading.is_whole()) return std::size_t{0};
    TEPUI_TRY(to.add(row));
    return bytes.size() - reading.left();
  }
  const auto values = reading.get_all<float>();
  const auto indices = reading.get_all<std::uint32_t>();
  Series row;
  set_head(row, head);
  row.metric = metric;
  row.values = values;
  row.indices = indices;
  if (!reading.is_whole()) return std::size_t{0};
  TEPUI_TRY(to.add(row));
  return bytes.size() - reading.left();
}

}  // namespace

Status RowJournal::begin_unit(int first_sequence, int last_sequence) {
  buffer_.clear();
  written_ = 0;
  return to_.begin_unit(first_sequence, last_sequence);
}

Status RowJournal::flush() {
  if (buffer_.empty()) return {};
  if (!file_.is_open()) {
    TEPUI_TRY(file_, PositionedFile::open(path_));
  }
  TEPUI_TRY(file_.write(written_, std::as_bytes(std::span(buffer_))));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Status RowJournal::make_room() { return buffer_.size() < kBuffer ? Status() : flush(); }

Status RowJournal::add(const Observation& row) {
  TEPUI_TRY(to_.add(row));
  put(buffer_, kObservation);
  put(buffer_, head_of(row));
  put_all(buffer_, std::span(row.metric));
  put(buffer_, row.rank);
  put(buffer_, row.parameter);
  put(buffer_, row.position);
  put(buffer_, row.channel);
  put(buffer_, row.value);
  return make_room();
}

Status RowJournal::add(const Series& row) {
  TEPUI_TRY(to_.add(row));
  put(buffer_, kSeries);
  put(buffer_, head_of(row));
  put_all(buffer_, std::span(row.metric));
  put_all(buffer_, row.values);
  put_all(buffer_, row.indices);
  return make_room();
}

Result<std::uint64_t> RowJournal::sync() {
  TEPUI_TRY(flush());
  if (file_.is_open()) TEPUI_TRY(file_.sync());
  return written_;
}

Status RowJournal::replay(std::uint64_t length) {
  if (length > 0) {
    TEPUI_TRY(file_, PositionedFile::open(path_));
  }
  std::string window;  // what was read and not yet handed on
  std::uint64_t read = 0;
  while (read < length || !window.empty()) {
    std::string_view left(window);
    for (;;) {
      TEPUI_TRY(const std::size_t row, replay_row(left, to_));
      if (row == 0) break;
      left.remove_prefix(row);
    }
    if (read == length && !left.empty())
      return fail(ErrorKind::data,
                  "{}: expected whole rows in its first {} bytes; delete this folder",
                  path_.string(), length);
    window.erase(0, window.size() - left.size());
    const auto more = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, length - read));
    const std::size_t had = window.size();
    window.resize(had + more);
    TEPUI_TRY(file_.read(read, std::as_writable_bytes(std::span(window)).subspan(had)));
    read += more;
  }
  written_ = length;
  return {};
}

}  // namespace tepui
