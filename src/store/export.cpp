// SPDX-License-Identifier: MIT
#include "store/export.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/utf8_text.h"
#include "store/export_row.h"
#include "store/output_file.h"

namespace tepui {

namespace {

constexpr std::size_t kFlushBytes = std::size_t{1} << 16;

// Collects lines and hands them on in large pieces.
class Lines {
 public:
  Lines(ExportFormat format, const TextSink& sink) : row_(format, text_), sink_(sink) {}

  ExportRow& begin() {
    row_.begin();
    return row_;
  }
  Status end() {
    row_.end();
    return text_.size() < kFlushBytes ? Status{} : flush();
  }
  Status flush() {
    Status done = sink_(text_);
    text_.clear();
    return done;
  }

 private:
  std::string text_;
  ExportRow row_;
  const TextSink& sink_;
};

// A place of one sequence under one branch.
struct Place {
  int branch = 0;
  int sequence = 0;
  Point point;
};

void put_place(ExportRow& row, const Place& place) {
  row.number("branch", place.branch);
  row.number("sequence", place.sequence);
  row.layer(place.point.layer);
  row.text("site", site_name(place.point.site));
}

Status put_sequences(StoreReader& store, Lines& lines) {
  TEPUI_TRY(const auto sequences, store.sequences());
  std::int64_t index = 0;
  for (const SequenceRow& sequence : sequences) {
    ExportRow& row = lines.begin();
    row.number("sequence", index++);
    row.text("source", escape_bytes(sequence.source));
    row.number("first_token", sequence.first_token);
    row.number("has_bos", sequence.has_bos ? 1 : 0);
    row.list("tokens", sequence.tokens);
    TEPUI_TRY(lines.end());
  }
  return {};
}

Status put_vocabulary(StoreReader& store, Lines& lines) {
  TEPUI_TRY(const auto vocabulary, store.vocabulary());
  for (const VocabularyRow& token : vocabulary) {
    ExportRow& row = lines.begin();
    row.number("token_id", token.token_id);
    row.text("piece", escape_bytes(token.piece));
    row.text("bytes", escape_bytes(token.bytes));
    TEPUI_TRY(lines.end());
  }
  return {};
}

Status put_observations(StoreReader& store, const Place& place, Lines& lines) {
  TEPUI_TRY(const auto rows, store.observations(place.sequence, place.point, place.branch));
  for (const ObservationRow& observation : rows) {
    ExportRow& row = lines.begin();
    put_place(row, place);
    row.text("metric", observation.metric);
    row.number("rank", observation.rank);
    row.real("parameter", observation.parameter);
    row.number("position", observation.position);
    row.number("channel", observation.channel);
    row.real("value", observation.value);
    TEPUI_TRY(lines.end());
  }
  return {};
}

Status put_series(StoreReader& store, const Place& place, Lines& lines) {
  TEPUI_TRY(const auto all, store.series(place.sequence, place.point, place.branch));
  for (const SeriesRow& series : all) {
    for (std::size_t index = 0; index < series.values.size(); ++index) {
      ExportRow& row = lines.begin();
      put_place(row, place);
      row.text("metric", series.metric);
      row.number("index", static_cast<std::int64_t>(index));
      row.real("value", series.values[index]);
      if (series.indices.empty())
        row.nothing("at");
      else
        row.number("at", series.indices[index]);
      TEPUI_TRY(lines.end());
    }
  }
  return {};
}

using PutPlace = Status (*)(StoreReader&, const Place&, Lines&);

Status put_places(StoreReader& store, Lines& lines, PutPlace put) {
  TEPUI_TRY(const auto sequences, store.finished());
  TEPUI_TRY(const auto branches, store.branches());
  const int count = std::max(1, static_cast<int>(branches.size()));
  for (int branch = 0; branch < count; ++branch) {
    for (const int sequence : sequences) {
      TEPUI_TRY(const auto points, store.points(sequence, branch));
      for (const Point point : points) TEPUI_TRY(put(store, {branch, sequence, point}, lines));
    }
  }
  return {};
}

std::string_view header(ExportTable table) {
  switch (table) {
    case ExportTable::sequences: return "sequence,source,first_token,has_bos,tokens\n";
    case ExportTable::vocabulary: return "token_id,piece,bytes\n";
    case ExportTable::observations:
      return "branch,sequence,layer,site,metric,rank,parameter,position,channel,value\n";
    case ExportTable::series: return "branch,sequence,layer,site,metric,index,value,at\n";
  }
  return {};
}

constexpr std::array<std::string_view, 4> kNames = {"sequences", "vocabulary", "observations",
                                                    "series"};

}  // namespace

std::string_view export_table_name(ExportTable table) {
  return kNames[static_cast<std::size_t>(table)];
}

std::optional<ExportTable> export_table_from_name(std::string_view name) {
  for (const ExportTable table : kExportTables)
    if (export_table_name(table) == name) return table;
  return std::nullopt;
}

Status export_table(StoreReader& store, ExportTable table, ExportFormat format,
                    const TextSink& sink) {
  Lines lines(format, sink);
  if (format == ExportFormat::csv) TEPUI_TRY(sink(header(table)));
  switch (table) {
    case ExportTable::sequences: TEPUI_TRY(put_sequences(store, lines)); break;
    case ExportTable::vocabulary: TEPUI_TRY(put_vocabulary(store, lines)); break;
    case ExportTable::observations: TEPUI_TRY(put_places(store, lines, put_observations)); break;
    case ExportTable::series: TEPUI_TRY(put_places(store, lines, put_series)); break;
  }
  return lines.flush();
}

Status export_to_folder(StoreReader& store, std::span<const ExportTable> tables,
                        ExportFormat format, const std::filesystem::path& folder) {
  const std::string_view ending = format == ExportFormat::csv ? "csv" : "jsonl";
  for (const ExportTable table : tables) {
    TEPUI_TRY(auto file,
              OutputFile::create(folder / fmt::format("{}.{}", export_table_name(table), ending)));
    TEPUI_TRY(export_table(store, table, format,
                           [&](std::string_view text) { return file.write(text); }));
    TEPUI_TRY(file.commit());
  }
  return {};
}

Status export_to_stdout(StoreReader& store, ExportTable table, ExportFormat format) {
  return export_table(store, table, format,
                      [](std::string_view text) { return write_to_stdout(text); });
}

}  // namespace tepui
