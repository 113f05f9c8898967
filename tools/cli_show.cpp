// SPDX-License-Identifier: MIT
// tepui show
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "commands.h"
#include "report/report_folders.h"
#include "show/show.h"
#include "study/wording.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct ShowArguments {
  std::vector<std::string> folders;
  std::string site;
  std::string layers;
  std::string only;
  std::string colour = "auto";
  bool ascii = false;
  int columns = 0;
  int sequence = -1;
  std::int64_t channel = -1;
  RuleChoice rule;
  ShowOptions options;
};

std::vector<std::string> part_words() {
  std::vector<std::string> words(std::begin(kShowSections), std::end(kShowSections));
  words.insert(words.end(), {"tables", "charts"});
  return words;
}

Status take_only(const std::string& only, ShowOptions& options) {
  std::istringstream words(only);
  Parts asked{false, false};
  for (std::string word; std::getline(words, word, ',');) {
    const auto section = std::ranges::find(kShowSections, word);
    if (word == "tables") {
      asked.tables = true;
    } else if (word == "charts") {
      asked.charts = true;
    } else if (section != std::end(kShowSections)) {
      options.sections.insert(*section);
    } else {
      return fail(ErrorKind::usage, "--only {}: expected {}, found '{}'", only,
                  listed(part_words()), word);
    }
  }
  if (asked.tables || asked.charts) options.parts = asked;
  return {};
}

Status run(ShowArguments& a) {
  ShowOptions& options = a.options;
  TEPUI_TRY(take_only(a.only, options));
  if (!a.site.empty()) options.site = site_from_name(a.site);
  if (!a.layers.empty()) {
    TEPUI_TRY(options.layers, parse_layers(a.layers));
  }
  if (a.sequence >= 0) options.sequence = a.sequence;
  if (a.channel >= 0) options.channel = a.channel;
  Style style;
  style.columns = a.columns > 0 ? a.columns : terminal_width();
  style.letters = a.ascii ? Letters::ascii : terminal_letters();
  style.colour = a.colour == "always" || (a.colour == "auto" && terminal_takes_colour());
  std::vector<ShownStore> stores;
  for (const std::string& folder : report_folders(a.folders)) {
    TEPUI_TRY(StoreReader reader, StoreReader::open(folder));
    stores.push_back({folder, std::move(reader)});
  }
  std::vector<StoreReader*> readers;
  for (ShownStore& store : stores) readers.push_back(&store.reader);
  TEPUI_TRY(options.rule, chosen_rule(readers, a.rule));
  TEPUI_TRY(const std::string text, show(stores, options, style));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return flush_output();
}

CLI::Validator index_from_zero() {
  return CLI::Validator(
      [](std::string& text) {
        const bool number = !text.empty() && text.size() < 10 &&
                            text.find_first_not_of("0123456789") == std::string::npos;
        return number ? std::string()
                      : fmt::format("expected a whole number from 0, found '{}'", text);
      },
      "");
}

void add_choices(CLI::App& command, ShowArguments& a) {
  std::vector<std::string> sites;
  for (std::size_t i = 0; i < kSites; ++i) sites.emplace_back(site_name(static_cast<Site>(i)));
  command
      .add_option("--site", a.site,
                  "Which site (default: where massive activations are,\nresid_post first)")
      ->check(one_of(sites))
      ->type_name("SITE");
  command.add_option("--layers", a.layers, "Only these, such as 3, 0-7 or 0-3,9")
      ->type_name("LIST");
  command
      .add_option(
          "--only", a.only,
          "Some of finding, branches, layers, where, tokens,\nquantiles, life, compare and facts; "
          "tables or charts\nalone (default: all; of several runs compare,\nfinding, "
          "branches and facts)")
      ->check(offering({part_words(), true}))
      ->type_name("LIST");
  command
      .add_option("--sequence", a.sequence, "Whose life is shown (default: of the largest value)")
      ->check(index_from_zero())
      ->type_name("N");
  command.add_option("--channel", a.channel, "and of which channel")
      ->check(index_from_zero())
      ->type_name("N");
  command.add_option("--top", a.options.top, "How many channels and positions are listed")
      ->check(count_up_to(1024))
      ->capture_default_str()
      ->type_name("K");
  add_stored_rule_options(command, a.rule);
}

}  // namespace

void add_show(CLI::App& app, int& code) {
  auto a = std::make_shared<ShowArguments>();
  CLI::App* command =
      app.add_subcommand("show", "Show stored scans in the terminal: finding, tables and charts");
  command->add_option("DIR", a->folders, "Folders of scans, or of a sweep; several are compared")
      ->required()
      ->type_name("");
  add_choices(*command, *a);
  command
      ->add_option("--columns", a->columns, "Width, at least 24 (default: the terminal's, or 80)")
      ->check(count_up_to(10000, 24))
      ->type_name("N");
  command->add_flag("--ascii", a->ascii,
                    "Plain letters only (default where the locale is not UTF-8)");
  command
      ->add_option("--color", a->colour,
                   "auto (on a terminal, unless NO_COLOR is set), always or\nnever")
      ->check(one_of({"auto", "always", "never"}))
      ->type_name("WHEN")
      ->capture_default_str();
  command->footer(
      "  tepui show DIR --only layers,where --site mlp_out\n"
      "  tepui show A B --only compare,charts");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
