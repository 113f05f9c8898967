// SPDX-License-Identifier: MIT
// tepui scan
#include <fmt/format.h>
#include <cctype>
#include <cstring>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/progress.h"
#include "commands.h"
#include "models/site_width.h"
#include "report_scan.h"
#include "study/scan.h"
#include "usage.h"

namespace tepui {

namespace {

struct ScanArguments {
  ScanRequest request;
  std::string bos = "auto";
  std::string memory;
  int shown = 5;
  MassiveRule rule;
  bool json = false;
};

// Arguments so that a shell takes them back as they are.
std::string quoted_command(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) {
    std::string word;
    bool plain = argv[i][0] != '\0';
    for (const char* c = argv[i]; *c != '\0'; ++c) {
      plain =
          plain && (std::isalnum(static_cast<unsigned char>(*c)) || std::strchr("-_./=,:+@%", *c));
      word += *c == '\'' ? std::string("'\\''") : std::string(1, *c);
    }
    line += (i > 0 ? " " : "") + (plain ? word : "'" + word + "'");
  }
  return line;
}

// "4GiB", "500MB", "1000000"
Result<std::uint64_t> parse_bytes(const std::string& text) {
  std::size_t used = 0;
  double number = 0;
  try {
    number = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  double scale = 0;
  if (unit.empty() || unit == "B") scale = 1;
  if (unit == "MiB") scale = 1024.0 * 1024.0;
  if (unit == "GiB") scale = 1024.0 * 1024.0 * 1024.0;
  if (unit == "MB") scale = 1e6;
  if (unit == "GB") scale = 1e9;
  if (used == 0 || scale == 0 || !(number > 0) || number * scale > 1e18)
    return fail(ErrorKind::usage,
                "--memory {}: expected a size such as 4GiB, 500MB or a number of bytes", text);
  return static_cast<std::uint64_t>(number * scale);
}

Status complete(ScanArguments& arguments) {
  ScanRequest& request = arguments.request;
  CorpusRequest& corpus = request.corpus;
  const int inputs =
      (corpus.texts.empty() ? 0 : 1) + (corpus.prompt ? 1 : 0) + (corpus.ids ? 1 : 0);
  if (inputs != 1)
    return fail(ErrorKind::usage,
                "expected one of --text FILE..., --prompt STRING and --ids FILE, found {} "
                "(tepui scan --help tells what there is)",
                inputs == 0   ? "none"
                : inputs == 2 ? "two"
                              : "all");
  if (!arguments.memory.empty()) {
    TEPUI_TRY(request.memory, parse_bytes(arguments.memory));
  }
  corpus.bos = arguments.bos == "yes"  ? BosRule::yes
               : arguments.bos == "no" ? BosRule::no
                                       : BosRule::automatic;
  request.metrics.top = std::max(request.metrics.top, arguments.shown);
  request.metrics.keep_ratio = std::min(request.metrics.keep_ratio, arguments.rule.min_ratio);
  request.metrics.keep_floor = std::min(request.metrics.keep_floor, arguments.rule.min_abs);
  return {};
}

Status run(ScanArguments& arguments) {
  TEPUI_TRY(complete(arguments));
  std::optional<Progress> bar;
  ScanProgress progress;
  progress.note = print_note;
  progress.advance = [&](std::int64_t done, std::int64_t total) {
    if (!bar) bar.emplace("scan", "tokens", static_cast<double>(total));
    bar->update(static_cast<double>(done));
  };
  auto outcome = run_scan(arguments.request, progress);
  bar.reset();
  if (!outcome) return tl::unexpected(outcome.error());
  TEPUI_TRY(report_scan(outcome->folder, arguments.rule, arguments.shown, arguments.json));
  if (!arguments.json) {
    const std::string did =
        outcome->computed == 0
            ? std::string("nothing had to be computed anew")
            : fmt::format("{} of {} sequences computed, {} tokens in {:.2f} s", outcome->computed,
                          outcome->sequences, outcome->tokens, outcome->seconds);
    fmt::print("\nStored in {} ({}).\n", outcome->folder.string(), did);
  }
  return flush_output();
}

// Every site that some model has.
std::vector<std::string> site_words() {
  std::vector<std::string> words{"all"};
  for (std::size_t i = 0; i < kSites; ++i) {
    const auto site = static_cast<Site>(i);
    if (std::ranges::any_of(all_architectures(), [&](const ArchSpec* arch) {
          ModelSpec spec;
          spec.arch = arch;
          return site_width(spec, site).has_value();
        }))
      words.emplace_back(site_name(site));
  }
  return words;
}

void add_input_options(CLI::App& scan, ScanArguments& a) {
  CorpusRequest& corpus = a.request.corpus;
  scan.add_option("MODEL", a.request.model,
                  "A model folder (config.json, model.safetensors or\n"
                  "shards, tokenizer), a .gguf file or a llama2.c .bin\nfile")
      ->required()
      ->type_name("");
  scan.add_option("--text", corpus.texts, "Text files, each cut into pieces of --context tokens")
      ->type_name("FILE");
  scan.add_option("--prompt", corpus.prompt, "One text on the command line, as one sequence")
      ->type_name("STRING");
  scan.add_option("--ids", corpus.ids,
                  "A JSON list of lists of token ids, each one sequence\nas it is")
      ->type_name("FILE");
  scan.add_option("--tokenizer", a.request.tokenizer,
                  "A tokenizer file or folder, where the model has none")
      ->type_name("FILE");
  scan.add_option("--context", corpus.context,
                  "Tokens of a piece, BOS included\n"
                  "(default: the model's context, at most 2048)")
      ->check(count_up_to(1 << 24))
      ->type_name("N");
  scan.add_option("--sequences", corpus.sequences, "At most so many sequences (default: all)")
      ->check(count_up_to(1 << 30))
      ->type_name("N");
  scan.add_option("--bos", a.bos,
                  "BOS before every piece: auto (the tokenizer's own\nrule), yes or no")
      ->check(one_of({"auto", "yes", "no"}))
      ->type_name("WHEN")
      ->capture_default_str();
}

void add_measure_options(CLI::App& scan, ScanArguments& a) {
  scan.add_option("--top", a.shown, "How many of the largest values are listed")
      ->check(count_up_to(1024))
      ->capture_default_str()
      ->type_name("K");
  scan.add_option("--sites", a.request.sites,
                  "Where to look: SITE, SITE.LAYER, SITE.FIRST-LAST or\n"
                  "SITE.* in a comma-separated list, or all")
      ->check(offering({site_words(), true}))
      ->capture_default_str()
      ->type_name("LIST");
  add_rule_options(scan, a.rule);
  scan.add_option("--keep-ratio", a.request.metrics.keep_ratio,
                  "Keep the place of every |x| above this many medians,\n"
                  "for other thresholds later")
      ->check(positive_number())
      ->type_name("X")
      ->capture_default_str();
  scan.add_option("--surface", a.request.metrics.surface,
                  "Keep x over tokens and channels of the first N\n"
                  "sequences, for the surfaces of tepui report: at most\n"
                  "256 x 256 cells a place, each the largest |x| in it")
      ->check(count_up_to(1 << 30, 0))
      ->type_name("N")
      ->capture_default_str();
}

void add_run_options(CLI::App& scan, ScanArguments& a) {
  scan.add_option("--backend", a.request.backend,
                  "cpu, vulkan or vulkan:N (see tepui devices), reference\n(slow, in double: the "
                  "definition) or auto: cpu")
      ->check(backend_name())
      ->type_name("NAME")
      ->capture_default_str();
  scan.add_option("--threads", a.request.threads,
                  "Threads of the CPU backend (default: all processors)")
      ->check(count_up_to(1024))
      ->type_name("N");
  scan.add_option("--memory", a.memory,
                  "Packed weights may take so much, e.g. 4GiB\n"
                  "(default: half of the memory)")
      ->type_name("SIZE");
  scan.add_option("--wave", a.request.wave,
                  "Tokens between two commits to the store: what a kill\n"
                  "can cost. Results do not depend on it (default: 4096\n"
                  "where the model fits --memory, else 16384)")
      ->check(count_up_to(1 << 30))
      ->type_name("TOKENS");
  scan.add_option("--out", a.request.out,
                  "Folder of the results; the same command goes on where\nit stopped (default: "
                  "tepui-scan-<model>-<text>-<hash>\nin the working directory)")
      ->type_name("DIR");
  scan.add_flag("--json", a.json, "Print one JSON document instead of the table");
}

}  // namespace

void add_scan(CLI::App& app, int argc, char** argv, int& code) {
  auto arguments = std::make_shared<ScanArguments>();
  CLI::App* scan = app.add_subcommand("scan", "Find a model's massive activations on a text");
  add_input_options(*scan, *arguments);
  add_measure_options(*scan, *arguments);
  add_run_options(*scan, *arguments);
  scan->footer(
      "One of --text, --prompt and --ids is needed.\n"
      "Sites: embeddings, resid_pre, attn_in, q_pre, k_pre, q, k, v, z, attn_out, attn_out_post,\n"
      "resid_mid, mlp_in, mlp_pre, mlp_pre_linear, mlp_act, mlp_out, mlp_out_post, resid_post,\n"
      "final_norm. Layers and positions count from 0.\n"
      "TEPUI_ISA=portable|avx2|avx512 forces an instruction set.\n\n"
      "  tepui scan models/Llama-3.2-1B --text book.txt --sequences 10\n"
      "  tepui scan gpt2 --prompt 'Summer is warm. Winter is cold.' \\\n"
      "      --sites resid_post,mlp_out.0-3 --json");
  arguments->request.command = quoted_command(argc, argv);
  scan->callback([arguments, &code] { code = finish_command(run(*arguments)); });
}

}  // namespace tepui
