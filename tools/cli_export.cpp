// SPDX-License-Identifier: MIT
// tepui export
#include <memory>
#include <string>

#include "commands.h"
#include "store/export.h"
#include "usage.h"

namespace tepui {

namespace {

struct ExportArguments {
  std::string folder;
  std::string out;
  std::string table;
  std::string format = "csv";
};

Status run(const ExportArguments& a) {
  TEPUI_TRY(StoreReader store, StoreReader::open(a.folder));
  const ExportFormat format = a.format == "csv" ? ExportFormat::csv : ExportFormat::json_lines;
  std::vector<ExportTable> tables(std::begin(kExportTables), std::end(kExportTables));
  if (!a.table.empty()) tables = {*export_table_from_name(a.table)};
  if (a.out == "-") {
    if (tables.size() != 1)
      return fail(ErrorKind::usage, "export: --out - takes one table; name it with --table");
    return export_to_stdout(store, tables.front(), format);
  }
  const std::string folder = a.out.empty() ? a.folder + "/export" : a.out;
  TEPUI_TRY(export_to_folder(store, tables, format, folder));
  for (const ExportTable table : tables)
    fmt::print("{}/{}.{}\n", folder, export_table_name(table), a.format == "csv" ? "csv" : "jsonl");
  return flush_output();
}

}  // namespace

void add_export(CLI::App& app, int& code) {
  auto a = std::make_shared<ExportArguments>();
  CLI::App* command =
      app.add_subcommand("export", "Write what a scan measured as CSV or JSON lines");
  command->add_option("DIR", a->folder, "The folder of a scan")->required()->type_name("");
  command->add_option("--format", a->format, "csv or jsonl")
      ->check(one_of({"csv", "jsonl"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  command
      ->add_option("--table", a->table,
                   "Only this table: sequences, vocabulary, observations or series")
      ->check(one_of({"sequences", "vocabulary", "observations", "series"}))
      ->type_name("TABLE");
  command
      ->add_option("--out", a->out,
                   "Folder to write to (default: DIR/export), or - for standard output")
      ->type_name("DIR");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
