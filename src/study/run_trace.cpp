// SPDX-License-Identifier: MIT
#include "study/run_trace.h"

#include <algorithm>

#include "study/text_table.h"

namespace tepui {

namespace {

using Row = RunTrace::Row;
using Rows = std::vector<const Row*>;

// Of all chunks of one part of the model, in order of computation.
std::vector<Rows> by_part(const std::vector<Row>& rows) {
  std::vector<Rows> parts;
  for (const Row& row : rows) {
    const auto same = [&](const Rows& part) {
      return part.front()->part == row.part && part.front()->layer == row.layer;
    };
    const auto found = std::ranges::find_if(parts, same);
    if (found == parts.end())
      parts.push_back({&row});
    else
      found->push_back(&row);
  }
  return parts;
}

// "13", or "13-14" where chunks differ.
template <class Count>
std::string range_of(const Rows& rows, const Count& count) {
  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 0;
  for (const Row* row : rows) {
    least = std::min<std::uint64_t>(least, count(*row));
    most = std::max<std::uint64_t>(most, count(*row));
  }
  return least == most ? fmt::format("{}", most) : fmt::format("{}-{}", least, most);
}

std::uint64_t sum_of(const Rows& rows, std::uint64_t (*count)(const Row&)) {
  std::uint64_t sum = 0;
  for (const Row* row : rows) sum += count(*row);
  return sum;
}

struct CountColumn {
  const char* title;
  std::uint64_t (*count)(const Row&);
  bool of_device;      // says nothing of backends without one
  bool whole = false;  // of all chunks together
};

constexpr CountColumn kColumns[] = {
    {"rows", [](const Row& r) { return static_cast<std::uint64_t>(r.rows); }, false},
    {"taps", [](const Row& r) { return static_cast<std::uint64_t>(r.sites); }, false},
    {"steps", [](const Row& r) { return r.counted.steps; }, false},
    {"dispatches", [](const Row& r) { return r.counted.dispatches; }, true},
    {"barriers", [](const Row& r) { return r.counted.barriers; }, true},
    {"submissions", [](const Row& r) { return r.counted.submissions + r.counted.copy_submissions; },
     true},
    {"waits", [](const Row& r) { return r.counted.waits; }, true},
    {"uploaded",
     [](const Row& r) { return r.weights.ahead.uploaded_bytes + r.weights.still.uploaded_bytes; },
     true, true},
    {"ahead", [](const Row& r) { return r.weights.ahead.uploaded_bytes; }, true, true},
    {"held up", [](const Row& r) { return r.weights.still.waits; }, true, true},
    {"downloaded", [](const Row& r) { return r.counted.downloaded_bytes; }, false},
    {"asked for", [](const Row& r) { return std::uint64_t{r.asked_bytes}; }, false},
};

std::string name_of(const Row& row) {
  return row.layer == kNoLayer ? row.part : fmt::format("{} {}", row.part, row.layer);
}

}  // namespace

void RunTrace::before(const PartRun& /*part*/) { before_ = backend_.counters(); }

void RunTrace::after(const PartRun& part, std::size_t asked_bytes) {
  Row row;
  row.part = part.part;
  row.layer = part.layer;
  row.first_sequence = part.first_sequence;
  row.rows = part.shape.rows();
  row.sites = static_cast<int>(part.work.measured.size() + part.work.streamed.size());
  row.counted = backend_.counters() - before_;
  row.asked_bytes = asked_bytes;
  if (loaded_.first == part.layer) row.weights = loaded_.second;
  loaded_.second = {};
  rows_.push_back(std::move(row));
}

std::string RunTrace::table() const {
  if (rows_.empty()) return "Nothing was computed that could be counted: all results were there.\n";
  const BackendCounters all = backend_.counters() - start_;
  const bool device = all.dispatches > 0;
  const std::vector<Rows> parts = by_part(rows_);
  std::vector<TextColumn> columns(2);
  columns[0] = {"part", Align::left, 1, {}};
  columns[1] = {"chunks", Align::right, 1, {}};
  for (const Rows& part : parts) {
    columns[0].cells.push_back(name_of(*part.front()));
    columns[1].cells.push_back(fmt::format("{}", part.size()));
  }
  for (const CountColumn& one : kColumns) {
    if (one.of_device && !device) continue;
    columns.push_back({one.title, Align::right, 1, {}});
    for (const Rows& part : parts)
      columns.back().cells.push_back(one.whole ? fmt::format("{}", sum_of(part, one.count))
                                               : range_of(part, one.count));
  }
  BackendCounters counted;
  for (const Row& row : rows_) counted += row.counted;
  std::string text = "For each chunk, as it was issued; downloaded and asked for in bytes";
  text += device ? "; uploaded: bytes of the part's weights\n(ahead: of them while earlier parts "
                   "were computed), held up: waits of the host for weights:\n"
                 : ":\n";
  text += put_together(columns);
  if (device) {
    const BackendCounters beside = all - counted;
    BackendCounters ahead;
    for (const Row& row : rows_) ahead += row.weights.ahead;
    text += fmt::format(
        "Beside these: {} submissions that pack weights, {} that copy weights and tokens, {} waits "
        "for what is done;\nwhile layers were computed {} that pack the next one's weights and {} "
        "that copy them.\n",
        beside.submissions, beside.copy_submissions, beside.waits, ahead.submissions,
        ahead.copy_submissions);
    const std::string& detail = backend_.device().detail;
    const std::size_t units = detail.find("matrix units");
    text += fmt::format("Linear layers: {}.\n",
                        units == std::string::npos ? "multiply-adds in f32" : detail.substr(units));
  }
  return text;
}

}  // namespace tepui
