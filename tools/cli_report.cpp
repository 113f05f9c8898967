// SPDX-License-Identifier: MIT
// tepui report
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "report/bench_chart.h"
#include "report/page.h"
#include "report/report_data.h"
#include "report/report_folders.h"
#include "report/training_chart.h"
#include "store/output_file.h"
#include "usage.h"

namespace tepui {

namespace {

struct ReportArguments {
  std::vector<std::string> folders;
  std::string out;
  RuleChoice rule;
  bool json = false;
};

// Beside the store of one scan; several have no folder in common.
std::string default_file(const std::vector<std::string>& folders) {
  std::error_code ignored;
  const std::filesystem::path first(folders.front());
  if (folders.size() == 1 && std::filesystem::is_directory(first, ignored))
    return (first / "report.html").string();
  return "report.html";
}

Result<std::vector<ReportSource>> open_stores(const std::vector<std::string>& folders,
                                              const RuleChoice& choice) {
  std::vector<StoreReader> readers;
  for (const std::string& folder : folders) {
    TEPUI_TRY(StoreReader reader, StoreReader::open(folder));
    readers.push_back(std::move(reader));
  }
  std::vector<StoreReader*> all;
  for (StoreReader& reader : readers) all.push_back(&reader);
  TEPUI_TRY(const MassiveRule rule, chosen_rule(all, choice));
  std::vector<ReportSource> sources;
  for (const std::string& folder : folders) {
    TEPUI_TRY(ReportSource source, open_report_source(folder, rule));
    sources.push_back(std::move(source));
  }
  return sources;
}

Status run(const ReportArguments& a) {
  std::vector<std::string> stores;
  std::vector<TrainingSource> trainings;
  std::vector<ChartJson> others;
  for (const std::string& folder : report_folders(a.folders)) {
    if (std::filesystem::path(folder).extension() == ".json") {
      TEPUI_TRY(others.emplace_back(), bench_run(folder));
      continue;
    }
    TEPUI_TRY(auto training, open_training_source(folder));
    if (training) {
      trainings.push_back(*std::move(training));
      continue;
    }
    stores.push_back(folder);
  }
  TEPUI_TRY(auto sources, open_stores(stores, a.rule));
  const std::vector<std::string> labels = training_labels(trainings);
  for (std::size_t at = 0; at < trainings.size(); ++at)
    others.push_back(training_run(trainings[at], labels[at]));
  TEPUI_TRY(const auto data, report_data(sources, {}, others));
  if (a.json) {
    const std::string text = data.dump(-1, ' ', false, ChartJson::error_handler_t::replace) + "\n";
    return write_to_stdout(text);
  }
  TEPUI_TRY(const std::string page, report_page(data));
  if (a.out == "-") return write_to_stdout(page);
  const std::string name = a.out.empty() ? default_file(a.folders) : a.out;
  TEPUI_TRY(auto file, OutputFile::create_named(name));
  TEPUI_TRY(file.write(page));
  TEPUI_TRY(file.commit());
  fmt::print("{} ({:.1f} MB)\n", name, static_cast<double>(page.size()) / 1e6);
  return flush_output();
}

}  // namespace

void add_report(CLI::App& app, int& code) {
  auto a = std::make_shared<ReportArguments>();
  CLI::App* command = app.add_subcommand(
      "report",
      "Draw scans or training runs, one or several side by side, as a page for the browser");
  command
      ->add_option("DIR", a->folders,
                   "Folders of scans, of training runs or of tepui emergence, a\n"
                   "folder that holds several (a grid, a sweep), or what tepui\n"
                   "bench --out wrote (FILE.json)")
      ->required()
      ->type_name("");
  command
      ->add_option("--out", a->out,
                   "The page: one file, which needs no network (default:\nDIR/report.html, or "
                   "report.html here for several; -: standard output)")
      ->type_name("FILE");
  add_stored_rule_options(*command, a->rule);
  command->add_flag("--json", a->json, "Print the data of the charts instead of the page");
  command->footer(
      "  tepui scan gpt2 --text book.txt --out plain\n"
      "  tepui scan gpt2 --text book.txt --bos yes --out bos\n"
      "  tepui report plain bos --out bos.html\n"
      "  tepui report runs/default runs/kv-bias");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
