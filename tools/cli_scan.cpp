// SPDX-License-Identifier: MIT
// tepui scan
#include <fmt/format.h>
#include <cctype>
#include <cstring>

#include <memory>
#include <optional>

#include "backend/registry.h"
#include "base/progress.h"
#include "commands.h"
#include "report_scan.h"
#include "study/scan.h"

namespace tepui {

namespace {

struct ScanArguments {
  ScanRequest request;
  std::string prompt;
  std::string ids;
  std::string tokenizer;
  std::string out;
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
  const int inputs = (corpus.texts.empty() ? 0 : 1) + (arguments.prompt.empty() ? 0 : 1) +
                     (arguments.ids.empty() ? 0 : 1);
  if (inputs != 1)
    return fail(ErrorKind::usage,
                "scan: expected one of --text FILE..., --prompt STRING and --ids FILE.json");
  if (!arguments.prompt.empty()) corpus.prompt = arguments.prompt;
  if (!arguments.ids.empty()) corpus.ids = arguments.ids;
  if (!arguments.tokenizer.empty()) request.tokenizer = arguments.tokenizer;
  if (!arguments.out.empty()) request.out = arguments.out;
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
  progress.note = [](const std::string& line) { fmt::print(stderr, "tepui: note: {}\n", line); };
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
  return {};
}

void add_input_options(CLI::App& scan, ScanArguments& a) {
  scan.add_option("model", a.request.model,
                  "A model folder (config.json, model.safetensors or shards, tokenizer) or a "
                  "llama2.c .bin file")
      ->required()
      ->type_name("MODEL");
  scan.add_option("--text", a.request.corpus.texts,
                  "Text files, each cut into pieces of --context tokens")
      ->type_name("FILE");
  scan.add_option("--prompt", a.prompt, "One text on the command line, as one sequence")
      ->type_name("STRING");
  scan.add_option("--ids", a.ids, "A JSON list of lists of token ids, each one sequence as it is")
      ->type_name("FILE");
  scan.add_option("--tokenizer", a.tokenizer,
                  "A tokenizer file or folder, where the model has none")
      ->type_name("FILE");
  scan.add_option("--context", a.request.corpus.context,
                  "Tokens of a piece, BOS included (default: the model's context, at most 2048)")
      ->check(CLI::Range(1, 1 << 24))
      ->type_name("N");
  scan.add_option("--sequences", a.request.corpus.sequences,
                  "At most so many sequences (default: all)")
      ->check(CLI::Range(1, 1 << 30))
      ->type_name("N");
  scan.add_option("--bos", a.bos,
                  "Put BOS before every piece: auto follows the tokenizer's own rule")
      ->check(CLI::IsMember({"auto", "yes", "no"}))
      ->capture_default_str();
}

void add_measure_options(CLI::App& scan, ScanArguments& a) {
  scan.add_option("--top", a.shown, "How many of the largest values are listed")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str()
      ->type_name("K");
  scan.add_option("--sites", a.request.sites,
                  "Where to look: SITE, SITE.LAYER, SITE.FIRST-LAST, SITE.* in a comma-separated "
                  "list, or all")
      ->capture_default_str()
      ->type_name("LIST");
  scan.add_option("--min-abs", a.rule.min_abs, "Massive: |x| above this")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  scan.add_option("--min-ratio", a.rule.min_ratio,
                  "and above this many times the sequence's median of |x|")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  scan.add_option("--keep-ratio", a.request.metrics.keep_ratio,
                  "Keep the place of every |x| above this many medians, for other thresholds later")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void add_run_options(CLI::App& scan, ScanArguments& a) {
  scan.add_option("--backend", a.request.backend,
                  "cpu, vulkan or vulkan:N (a GPU of `tepui devices`), reference (slow, in double: "
                  "the definition), or auto: a GPU if there is one, else cpu")
      ->check([](const std::string& name) {
        return known_backend(name) ? std::string()
                                   : name + ": expected auto, cpu, vulkan, vulkan:N or reference";
      })
      ->type_name("NAME")
      ->capture_default_str();
  scan.add_option("--threads", a.request.threads,
                  "Threads of the CPU backend (default: all processors)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  scan.add_option("--memory", a.memory,
                  "Packed weights may take so much, e.g. 4GiB (default: half of the memory)")
      ->type_name("SIZE");
  scan.add_option("--out", a.out,
                  "Folder of the results; the same command goes on where it stopped\n"
                  "(default: tepui-scan-<model>-<text>-<hash> in the working directory)")
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
      "Sites: embeddings, resid_pre, attn_in, q_pre, k_pre, q, k, v, z, attn_out, attn_out_post, "
      "resid_mid,\n"
      "mlp_in, mlp_pre, mlp_pre_linear, mlp_act, mlp_out, mlp_out_post, resid_post, final_norm.\n"
      "Layers and positions count from 0. TEPUI_ISA=portable|avx2|avx512 forces an instruction "
      "set.\n\n"
      "  tepui scan models/Llama-3.2-1B --text book.txt --sequences 10\n"
      "  tepui scan gpt2 --prompt 'Summer is warm. Winter is cold.' --sites resid_post,mlp_out.0-3 "
      "--json");
  arguments->request.command = quoted_command(argc, argv);
  scan->callback([arguments, &code] { code = finish_command(run(*arguments)); });
}

}  // namespace tepui
