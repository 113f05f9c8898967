// SPDX-License-Identifier: MIT
// tepui export
#include <algorithm>
#include <memory>
#include <string>

#include "commands.h"
#include "store/branch_tables.h"
#include "store/export.h"
#include "store/export_npz.h"
#include "store/output_file.h"
#include "study/summary_tables.h"
#include "study/wording.h"
#include "usage.h"

namespace tepui {

namespace {

struct ExportArguments {
  std::string folder;
  std::string out;
  std::string table;
  std::string format = "csv";
  RuleChoice rule;
};

// How many of the largest values of a layer the means tell of: all that a run keeps.
constexpr int kTop = 1024;

bool is_branch_table(const std::string& name) {
  return std::ranges::find(kBranchTables, name) != std::end(kBranchTables);
}

// What a rule gives, which only some runs are kept for.
bool is_judged_table(const std::string& name) {
  return name != kSummaryTables[0] &&
         std::ranges::find(kSummaryTables, name) != std::end(kSummaryTables);
}

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (const ExportTable table : kExportTables) names.emplace_back(export_table_name(table));
  names.insert(names.end(), std::begin(kBranchTables), std::end(kBranchTables));
  names.insert(names.end(), std::begin(kSummaryTables), std::end(kSummaryTables));
  return names;
}

Result<ScanSummary> summary_of(StoreReader& store, const RuleChoice& choice) {
  StoreReader* const stores[] = {&store};
  TEPUI_TRY(const MassiveRule rule, chosen_rule(stores, choice));
  return summarise(store, {rule, kTop});
}

// Those that a run has, of all names.
Result<std::vector<std::string>> tables_of_run(StoreReader& store, bool judged) {
  TEPUI_TRY(const auto branches, store.branches());
  TEPUI_TRY(const auto probes, store.probes());
  std::vector<std::string> names = table_names();
  std::erase_if(names, [&](const std::string& name) {
    if (is_judged_table(name)) return !judged;
    return is_branch_table(name) && (name == "probes" ? probes.empty() : branches.empty());
  });
  return names;
}

Result<DataTable> no_such_table(StoreReader& store, const std::string& name,
                                const std::string& command) {
  TEPUI_TRY(const auto names, tables_of_run(store, false));
  const bool marks = command == "attention" || command == "origin";
  return fail(ErrorKind::usage, "--table {}: expected a table of this run of tepui {}, {}{}", name,
              command, listed(names),
              marks ? "; its massive activations are the observations of metric massive" : "");
}

Result<DataTable> computed_table(StoreReader& store, const std::string& name,
                                 const RuleChoice& choice) {
  if (name == kSummaryTables[0]) {
    TEPUI_TRY(const auto runs, store.runs());
    return runs_table(runs);
  }
  if (is_branch_table(name)) {
    TEPUI_TRY(auto tables, branch_tables(store));
    return *std::ranges::find(tables, name, &DataTable::name);
  }
  TEPUI_TRY(const ScanSummary summary, summary_of(store, choice));
  if (!summary.judged()) return no_such_table(store, name, summary.command);
  auto tables = summary_tables(summary);
  return *std::ranges::find(tables, name, &DataTable::name);
}

// A table of the store, or one that is computed from it.
Status put_table(StoreReader& store, const std::string& name, const ExportArguments& a,
                 const TextSink& sink) {
  const auto format = a.format == "csv" ? ExportFormat::csv : ExportFormat::json_lines;
  const auto stored = export_table_from_name(name);
  if (stored) return export_table(store, *stored, format, sink);
  TEPUI_TRY(const DataTable table, computed_table(store, name, a.rule));
  return write_table(table, format, sink);
}

Status put_npz(StoreReader& store, const ExportArguments& a, const std::string& folder) {
  if (!a.table.empty() || a.out == "-")
    return fail(ErrorKind::usage,
                "export: --format npz writes one file with every table; leave {} out",
                a.table.empty() ? "--out -" : "--table");
  TEPUI_TRY(auto arrays, store_arrays(store));
  TEPUI_TRY(const auto identity, store.identity());
  arrays.push_back(npz_texts(
      "identity", {identity.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)}));
  TEPUI_TRY(const auto runs, store.runs());
  add_arrays(runs_table(runs), arrays);
  TEPUI_TRY(const ScanSummary summary, summary_of(store, a.rule));
  if (summary.judged())
    for (const DataTable& table : summary_tables(summary)) add_arrays(table, arrays);
  TEPUI_TRY(const auto branches, branch_tables(store));
  for (const DataTable& table : branches) {
    if (table.rows() > 0) add_arrays(table, arrays);
  }
  const std::string path = folder + "/scan.npz";
  TEPUI_TRY(write_npz(path, arrays));
  fmt::print("{}\n", path);
  return flush_output();
}

Status run(const ExportArguments& a) {
  TEPUI_TRY(StoreReader store, StoreReader::open(a.folder));
  const std::string folder = a.out.empty() ? a.folder + "/export" : a.out;
  if (a.format == "npz") return put_npz(store, a, folder);
  if (a.out == "-") {
    if (a.table.empty())
      return fail(ErrorKind::usage, "export: --out - takes one table; name it with --table");
    return put_table(store, a.table, a, write_to_stdout);
  }
  std::vector<std::string> names{a.table};
  if (a.table.empty()) {
    TEPUI_TRY(const ScanSummary summary, summary_of(store, a.rule));
    TEPUI_TRY(names, tables_of_run(store, summary.judged()));
  }
  for (const std::string& name : names) {
    const std::string path = fmt::format("{}/{}.{}", folder, name, a.format);
    TEPUI_TRY(OutputFile file, OutputFile::create_named(path));
    TEPUI_TRY(put_table(store, name, a, [&](std::string_view text) { return file.write(text); }));
    TEPUI_TRY(file.commit());
    fmt::print("{}\n", path);
  }
  return flush_output();
}

}  // namespace

void add_export(CLI::App& app, int& code) {
  auto a = std::make_shared<ExportArguments>();
  CLI::App* command =
      app.add_subcommand("export", "Write what a run measured as CSV, JSON lines or NumPy arrays");
  command->add_option("DIR", a->folder, "The folder of a run's results")->required()->type_name("");
  command->add_option("--format", a->format, "csv, jsonl or npz")
      ->check(one_of({"csv", "jsonl", "npz"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  command
      ->add_option("--table", a->table,
                   "Only this table: sequences, vocabulary, observations,\n"
                   "series, branches, likelihoods, calibration, weights or\n"
                   "probes, as stored; runs, layers, massive, constancy or\n"
                   "tokens, as shown")
      ->check(one_of(table_names()))
      ->type_name("TABLE");
  command
      ->add_option("--out", a->out,
                   "Folder to write to (default: DIR/export), or - for standard output")
      ->type_name("DIR");
  add_stored_rule_options(*command, a->rule);
  command->footer(
      "npz: one file, scan.npz, for numpy.load. SITE.METRIC are arrays over (sequence, layer,\n"
      "rank or place), SITE.METRIC_position and _channel say where, SITE.layer and scanned name\n"
      "the layers and sequences; TABLE.COLUMN are the tables.\n\n"
      "  numpy.load('scan.npz')['resid_post.top_k'][:, :, 0]");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
