// SPDX-License-Identifier: MIT
// tepui generate
#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>

#include "commands.h"
#include "edit_options.h"
#include "run_options.h"
#include "study/generate.h"
#include "study/generate_report.h"
#include "study/json_values.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct GenerateArguments {
  GenerateRequest request;
  RunWords words;
  EditWords edits;
  std::optional<double> temperature;
  std::optional<int> top_k;
  std::optional<double> top_p;
  std::optional<std::uint64_t> seed;
  bool json = false;
};

// Whatever belongs to drawing asks for it.
void complete_sampling(GenerateArguments& a) {
  SamplingOptions& sampling = a.request.options.sampling;
  const bool draws = a.top_k || a.top_p || a.seed;
  sampling.temperature = a.temperature.value_or(draws ? 1 : 0);
  sampling.top_k = a.top_k.value_or(0);
  sampling.top_p = a.top_p.value_or(1);
  sampling.seed = a.seed.value_or(0);
}

Status run(GenerateArguments& a) {
  TEPUI_TRY(complete_request(a.request, a.words, "generate"));
  complete_sampling(a);
  if (a.temperature == 0 && (a.top_k || a.top_p || a.seed))
    print_note(fmt::format("--temperature 0 writes the most likely token: --{} changes nothing",
                           a.top_k   ? "top-k"
                           : a.top_p ? "top-p"
                                     : "seed"));
  a.request.room = a.request.options.max_tokens;
  TEPUI_TRY(a.request.branches, branch_requests(a.edits));
  ProgressBar bar("generate");
  auto result = run_generate(a.request, bar.callbacks());
  bar.close();
  if (!result) return tl::unexpected(result.error());
  const std::string text = a.json ? json_text(generate_json(*result))
                                  : generate_text(*result, terminal_width(), terminal_letters());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return flush_output();
}

// A number from `least` to `most`; `what` is how the error calls it.
CLI::Validator number_between(double least, double most, const char* what) {
  return CLI::Validator(
      [least, most, what](std::string& text) {
        double number = 0;
        const char* const end = text.data() + text.size();
        const auto [next, fault] = std::from_chars(text.data(), end, number);
        if (fault == std::errc() && next == end && number >= least && number <= most)
          return std::string();
        return fmt::format("expected {}, found '{}'", what, text);
      },
      "");
}

// In decimal digits, whatever they begin with.
CLI::Validator seed_number() {
  return CLI::Validator(
      [](std::string& text) {
        std::uint64_t number = 0;
        const char* const end = text.data() + text.size();
        const auto [next, fault] = std::from_chars(text.data(), end, number);
        if (fault != std::errc() || next != end)
          return fmt::format("expected a whole number from 0 to {}, found '{}'", UINT64_MAX, text);
        text = std::to_string(number);
        return std::string();
      },
      "");
}

void add_sampling_options(CLI::App& command, GenerateArguments& a) {
  command
      .add_option("--max-tokens", a.request.options.max_tokens, "Tokens behind the prompt, at most")
      ->check(count_up_to(1 << 24))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--temperature", a.temperature,
                  "Draw, with logits divided by T (default: 0, the most\nprobable token each time; "
                  "1 where --top-k, --top-p\nor --seed is given)")
      ->check(number_between(0, 1e6, "a number that is not negative"))
      ->type_name("T");
  command.add_option("--top-k", a.top_k, "Draw among the K most probable tokens")
      ->check(count_up_to(1 << 30))
      ->type_name("K");
  command
      .add_option("--top-p", a.top_p,
                  "Draw among the fewest tokens whose probabilities add\nup to P")
      ->check(number_between(1e-9, 1, "a number above 0, at most 1"))
      ->type_name("P");
  command
      .add_option("--seed", a.seed,
                  "Of the draws: equal seeds draw alike on every machine,\nand in every branch "
                  "(default: 0)")
      ->transform(seed_number())
      ->type_name("N");
  command.add_flag("--ignore-eos", a.request.ignore_stops,
                   "Go on behind the token that ends a text");
}

}  // namespace

void add_generate(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<GenerateArguments>();
  CLI::App* command =
      app.add_subcommand("generate", "What a model writes behind a prompt, unedited and edited");
  add_input_options(*command, a->request, a->words);
  add_sampling_options(*command, *a);
  add_edit_options(*command, a->edits);
  add_calibration_options(*command, a->request.calibration, a->request.rule);
  add_backend_options(*command, a->request, a->words);
  command->add_flag("--json", a->json, "Print one JSON document instead of the texts");
  command->footer(
      std::string(
          "One of --prompt, --ids and --text is needed; each piece of a text is a prompt, "
          "by\ndefault of as many tokens as leave room for --max-tokens. Edits reach "
          "prompt and new tokens as\ntheir TOKENS say, positions counting from the prompt's "
          "first token.\n"
          "What a rule must know of a sequence (median, quantile, scale) comes from the "
          "prompt, then\n"
          "from each new token by itself; largest and patch reach the prompt only.\n") +
      kEditGrammar +
      "\n  tepui generate models/Llama-3.2-1B --prompt 'Summer is warm.' --max-tokens 40 \\\n"
      "      --edit 'resid_post.first-massive:massive:massive=zero'\n"
      "  tepui generate gpt2 --ids prompts.json --top-p 0.9 --seed 7 --json");
  a->request.command = quoted_command(argc, argv);
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
