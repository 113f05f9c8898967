// SPDX-License-Identifier: MIT
// A store as plain files: CSV or JSON lines, one file a table, rows in a fixed order (sequence,
// place in order of computation, metric, rank), floats in the shortest form that reads back the
// same. What depends on when and in which units the work was done is left out, so that the export
// of a resumed run is byte-equal to that of an uninterrupted one.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

enum class ExportFormat { csv, json_lines };

// Columns, in order (a layer that does not exist is empty in CSV and null in JSON):
//   sequences     sequence, source, first_token, has_bos, tokens (CSV: separated by blanks)
//   vocabulary    token_id, piece, bytes
//   observations  branch, sequence, layer, site, metric, rank, parameter, position, channel, value
//   series        branch, sequence, layer, site, metric, index, value, at (one row an element; at:
//                 its entry in `indices`, empty or null where the series has none)
// In source, piece and bytes what is not UTF-8 stands as \xHH and a backslash is doubled, so that
// the bytes can be had back. A value that is no number is nan, inf or -inf (in JSON the same words
// as strings).
enum class ExportTable { sequences, vocabulary, observations, series };
inline constexpr ExportTable kExportTables[] = {ExportTable::sequences, ExportTable::vocabulary,
                                                ExportTable::observations, ExportTable::series};

std::string_view export_table_name(ExportTable table);
std::optional<ExportTable> export_table_from_name(std::string_view name);

// Takes a piece of output; an error ends the export.
using TextSink = std::function<Status(std::string_view)>;

Status export_table(StoreReader& store, ExportTable table, ExportFormat format,
                    const TextSink& sink);

// One file per table, <name>.csv or <name>.jsonl; each appears whole or not at all.
Status export_to_folder(StoreReader& store, std::span<const ExportTable> tables,
                        ExportFormat format, const std::filesystem::path& folder);

// One table to standard output.
Status export_to_stdout(StoreReader& store, ExportTable table, ExportFormat format);

}  // namespace tepui
