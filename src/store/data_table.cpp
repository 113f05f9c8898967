// SPDX-License-Identifier: MIT
#include "store/data_table.h"

#include <charconv>
#include <cmath>

#include "base/utf8_text.h"
#include "store/export_row.h"

namespace tepui {

namespace {

void put_cell(ExportRow& row, const DataColumn& column, std::size_t at) {
  if (const auto* texts = std::get_if<Texts>(&column.cells))
    return row.text(column.name, escape_bytes((*texts)[at]));
  if (const auto* integers = std::get_if<Integers>(&column.cells)) {
    const auto& value = (*integers)[at];
    return value ? row.number(column.name, *value) : row.nothing(column.name);
  }
  const auto& value = std::get<Reals>(column.cells)[at];
  return value ? row.real(column.name, *value) : row.nothing(column.name);
}

}  // namespace

double as_spelled(float value) {
  const std::string text = fmt::format("{}", value);
  double spelled = value;
  std::from_chars(text.data(), text.data() + text.size(), spelled);
  return spelled;
}

std::size_t DataColumn::size() const {
  return std::visit([](const auto& values) { return values.size(); }, cells);
}

Status write_table(const DataTable& table, ExportFormat format, const TextSink& sink) {
  std::string text;
  if (format == ExportFormat::csv) {
    for (const DataColumn& column : table.columns) text += (text.empty() ? "" : ",") + column.name;
    text += '\n';
  }
  ExportRow row(format, text);
  for (std::size_t at = 0; at < table.rows(); ++at) {
    row.begin();
    for (const DataColumn& column : table.columns) put_cell(row, column, at);
    row.end();
  }
  return sink(text);
}

void add_arrays(const DataTable& table, std::vector<NpzArray>& arrays) {
  for (const DataColumn& column : table.columns) {
    const std::string name = table.name + "." + column.name;
    if (const auto* integers = std::get_if<Integers>(&column.cells)) {
      std::vector<std::int64_t> values;
      for (const auto& value : *integers) values.push_back(value.value_or(-1));
      arrays.push_back(npz_integers(name, values));
    } else if (const auto* reals = std::get_if<Reals>(&column.cells)) {
      std::vector<double> values;
      for (const auto& value : *reals) values.push_back(value.value_or(std::nan("")));
      arrays.push_back(npz_reals(name, values));
    } else {
      std::vector<std::string> values;
      for (const std::string& value : std::get<Texts>(column.cells))
        values.push_back(escape_bytes(value));
      arrays.push_back(npz_texts(name, values));
    }
  }
}

}  // namespace tepui
