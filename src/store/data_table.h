// SPDX-License-Identifier: MIT
// A table that was computed, column by column, and its exports in the same three forms as the
// store's own tables: CSV, JSON lines, and one array a column for a .npz file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "store/export.h"
#include "store/npz.h"
#include "tepui/result.h"

namespace tepui {

// Nothing is empty in CSV, null in JSON, and in arrays -1 or NaN. Texts may be any bytes: they are
// spelled as in the other exports.
using Integers = std::vector<std::optional<std::int64_t>>;
using Reals = std::vector<std::optional<double>>;
using Texts = std::vector<std::string>;

// The double whose shortest spelling is that of the float: a cell reads like the stored number.
double as_spelled(float value);

struct DataColumn {
  std::string name;
  std::variant<Integers, Reals, Texts> cells;

  std::size_t size() const;
};

struct DataTable {
  std::string name;
  std::vector<DataColumn> columns;  // all of the same size

  std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
};

Status write_table(const DataTable& table, ExportFormat format, const TextSink& sink);
void add_arrays(const DataTable& table, std::vector<NpzArray>& arrays);  // "TABLE.COLUMN"

}  // namespace tepui
