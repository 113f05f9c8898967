// SPDX-License-Identifier: MIT
#include "run_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/process_memory.h"
#include "commands.h"
#include "usage.h"

namespace tepui {

namespace {

// A joiner is typed: \\n, \\t and \\\\ stand for a line break, a tab and a backslash.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    const bool known = next == 'n' || next == 't' || next == '\\';
    if (!known) {
      out += text[i];
      continue;
    }
    out += next == 'n' ? '\n' : next == 't' ? '\t' : '\\';
    ++i;
  }
  return out;
}

void add_tokenizer_option(CLI::App& command, InputRequest& request) {
  command
      .add_option("--tokenizer", request.tokenizer,
                  "A tokenizer file or folder, where the model has none")
      ->type_name("FILE");
}

void add_bos_option(CLI::App& command, RunWords& words, const std::string& what) {
  command
      .add_option("--bos", words.bos,
                  "BOS before every " + what + ": auto (the tokenizer's own\nrule), yes or no")
      ->check(one_of({"auto", "yes", "no"}))
      ->type_name("WHEN")
      ->capture_default_str();
}

}  // namespace

Result<std::uint64_t> parse_bytes(const std::string& text, const char* option) {
  std::size_t used = 0;
  double number = 0;
  try {
    number = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  constexpr double kKibi = 1024;
  constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1},
                                                            {"B", 1},
                                                            {"kB", 1e3},
                                                            {"MB", 1e6},
                                                            {"GB", 1e9},
                                                            {"TB", 1e12},
                                                            {"KiB", kKibi},
                                                            {"MiB", kKibi * kKibi},
                                                            {"GiB", kKibi * kKibi * kKibi},
                                                            {"TiB", kKibi * kKibi * kKibi * kKibi}};
  const auto* const known =
      std::ranges::find(kUnits, unit, &std::pair<std::string_view, double>::first);
  const bool good = used > 0 && known != std::end(kUnits) && number > 0;
  if (!good || number * known->second > 1e18)
    return fail(ErrorKind::usage,
                "{} {}: expected a number of bytes or one with a unit such as 4GiB or 500MB (KiB, "
                "MiB, GiB, TiB, kB, MB, GB, TB)",
                option, text);
  return static_cast<std::uint64_t>(number * known->second);
}

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

Status complete_request(InputRequest& request, const RunWords& words, const std::string& command) {
  CorpusRequest& corpus = request.corpus;
  const int inputs =
      (corpus.texts.empty() ? 0 : 1) + (corpus.prompt ? 1 : 0) + (corpus.ids ? 1 : 0);
  if (inputs != 1)
    return fail(ErrorKind::usage,
                "expected one of --text FILE..., --prompt STRING and --ids FILE, found {} "
                "(tepui {} --help tells what there is)",
                inputs == 0   ? "none"
                : inputs == 2 ? "two"
                              : "all",
                command);
  return complete_words(request, words);
}

Status complete_words(InputRequest& request, const RunWords& words) {
  CorpusRequest& corpus = request.corpus;
  if (!words.memory.empty()) {
    TEPUI_TRY(request.memory, parse_bytes(words.memory));
  }
  corpus.bos = words.bos == "yes"  ? BosRule::yes
               : words.bos == "no" ? BosRule::no
                                   : BosRule::automatic;
  corpus.special_tokens = words.special_tokens == "yes";
  corpus.line_documents = words.documents == "lines";
  if (corpus.line_documents && !corpus.joiner)
    return fail(ErrorKind::usage,
                "--documents lines: expected --joiner STRING as well, found none");
  if (corpus.joiner) corpus.joiner = unescaped(*corpus.joiner);
  return {};
}

void add_model_argument(CLI::App& command, InputRequest& request) {
  command
      .add_option("MODEL", request.model,
                  "A model folder (config.json, weights whole or in\n"
                  "shards, tokenizer), a .gguf file or a llama2.c .bin\nfile")
      ->required()
      ->type_name("");
}

void add_tokenizer_options(CLI::App& command, InputRequest& request, RunWords& words) {
  add_tokenizer_option(command, request);
  add_bos_option(command, words, "context");
}

void add_input_options(CLI::App& command, InputRequest& request, RunWords& words) {
  CorpusRequest& corpus = request.corpus;
  add_model_argument(command, request);
  command
      .add_option("--text", corpus.texts, "Text files, each cut into pieces of --context tokens")
      ->type_name("FILE");
  command.add_option("--prompt", corpus.prompt, "One text on the command line, as one sequence")
      ->type_name("STRING");
  command
      .add_option("--ids", corpus.ids,
                  "A JSON list of lists of token ids, each one sequence\nas it is")
      ->type_name("FILE");
  add_tokenizer_option(command, request);
  command
      .add_option("--context", corpus.context,
                  "Tokens of a piece, BOS included\n"
                  "(default: the model's context, at most 2048)")
      ->check(count_up_to(1 << 24))
      ->type_name("N");
  command.add_option("--sequences", corpus.sequences, "At most so many sequences (default: all)")
      ->check(count_up_to(1 << 30))
      ->type_name("N");
  add_bos_option(command, words, "piece");
}

void add_protocol_options(CLI::App& command, InputRequest& request, RunWords& words) {
  CorpusRequest& corpus = request.corpus;
  request.by_text = true;
  command
      .add_option(
          "--stride", corpus.stride,
          "Tokens from the beginning of a piece to that of the\nnext; what was scored before "
          "is not scored again\n(default: as many as a piece has, no overlap)")
      ->check(count_up_to(1 << 24))
      ->type_name("N");
  command
      .add_option("--chunks", corpus.pieces, "At most so many pieces of each text (default: all)")
      ->check(count_up_to(1 << 30))
      ->type_name("N");
  command
      .add_option("--joiner", corpus.joiner,
                  "The files are documents of one text, with STRING\nbetween them (\\n and \\t are "
                  "understood)")
      ->type_name("STRING");
  command
      .add_option(
          "--documents", words.documents,
          "What a document is: files, or lines (each with its\nline break; a blank line is an "
          "empty document)")
      ->check(one_of({"files", "lines"}))
      ->type_name("WHAT")
      ->capture_default_str();
  command
      .add_option("--special-tokens", words.special_tokens,
                  "Tokenise a text with special tokens: yes puts BOS at\nits beginning if the "
                  "tokenizer does; --bos is another\nmatter")
      ->check(one_of({"yes", "no"}))
      ->type_name("WHEN")
      ->capture_default_str();
}

void add_backend_options(CLI::App& command, InputRequest& request, RunWords& words) {
  command
      .add_option("--backend", request.backend,
                  "cpu, vulkan or vulkan:N (see tepui devices), reference\n(slow, in double: the "
                  "definition) or auto: cpu")
      ->check(backend_name())
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option("--threads", request.threads,
                  "Threads of the CPU backend (default: all processors)")
      ->check(count_up_to(1024))
      ->type_name("N");
  command
      .add_option("--memory", words.memory,
                  "The program (on a GPU: its buffers) may take so much,\ne.g. 4GiB; what does "
                  "not fit passes through layer by\nlayer (default: half of the memory)")
      ->type_name("SIZE");
}

void add_device_options(CLI::App& command, InputRequest& request, RunWords& words,
                        const std::string& kind) {
  add_backend_options(command, request, words);
  command
      .add_option("--wave", request.wave,
                  "Tokens that pass through the layers together, and are\n"
                  "committed to the store. Results do not depend on it\n"
                  "(default: 4096 where the model fits --memory, else all)")
      ->check(count_up_to(1 << 30))
      ->type_name("TOKENS");
  command
      .add_option("--sync", request.sync_seconds,
                  "Keep the layers done so far on disk, but not more often\n"
                  "than so many seconds: what a kill can cost beside the\n"
                  "layer in hand. 0: after every layer")
      ->check(count_up_to(1 << 30, 0))
      ->type_name("SECONDS")
      ->capture_default_str();
  command.add_flag("--dry-run", request.dry_run,
                   "Measure this machine for some seconds and print the plan\n"
                   "(block runs, bytes read, memory, time); run nothing");
  command
      .add_option(
          "--out", request.out,
          "Folder of the results; the same command goes on where\nit stopped (default: tepui-" +
              kind + "-<model>-<text>-\n<hash> in the working directory)")
      ->type_name("DIR");
}

Status print_plan(const RunOutcome& outcome) {
  std::fwrite(outcome.plan.data(), 1, outcome.plan.size(), stdout);
  return flush_output();
}

std::string what_was_done(const RunOutcome& outcome) {
  if (outcome.computed == 0) return "nothing had to be computed anew";
  return fmt::format("{} of {} sequences computed, {} tokens in {:.2f} s, at most {} MiB of memory",
                     outcome.computed, outcome.sequences, outcome.tokens, outcome.seconds,
                     (peak_resident_bytes() >> 20) + 1);
}

RunProgress ProgressBar::callbacks() {
  RunProgress progress;
  progress.note = print_note;
  progress.stage = [this](const std::string& name) {
    bar_.reset();
    name_ = name;
  };
  progress.advance = [this](std::int64_t done, std::int64_t total) {
    if (!bar_) bar_ = std::make_unique<Progress>(name_, unit_, static_cast<double>(total));
    bar_->update(static_cast<double>(done));
  };
  progress.stopping = [this](std::function<std::string()> kept) {
    interrupted_.tell(std::move(kept));
  };
  progress.counting = [this](const std::string& unit) {
    bar_.reset();
    unit_ = unit;
  };
  return progress;
}

}  // namespace tepui
