// SPDX-License-Identifier: MIT
// tepui emergence
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "commands.h"
#include "run_options.h"
#include "study/emergence.h"
#include "study/json_values.h"
#include "usage.h"

namespace tepui {

namespace {

struct EmergenceArguments {
  EmergenceRequest request;
  RunWords words;
  bool json = false;
};

Status show(const EmergenceArguments& a, const Emergence& emergence) {
  const std::string text =
      a.json ? json_text(emergence_json(emergence)) : emergence_text(emergence);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return flush_output();
}

Status run(EmergenceArguments& a) {
  InputRequest& input = a.request.input;
  if (input.corpus.texts.empty() && !input.corpus.prompt && !input.corpus.ids) {
    TEPUI_TRY(const Emergence there, read_emergence(input.model, a.request.threshold));
    if (!there.states.empty()) {
      if (input.corpus.sequences > 0 || input.out || input.tokenizer)
        print_note(
            "without a text this shows what is there: --sequences, --tokenizer and --out, like all "
            "that says how to measure, have no effect");
      return show(a, there);
    }
    std::error_code ignored;
    if (!std::filesystem::exists(input.model, ignored))
      return fail(ErrorKind::data, "{}: expected a folder of checkpoints, found nothing there",
                  input.model.string());
  }
  TEPUI_TRY(complete_request(input, a.words, "emergence"));
  if (!input.out) input.out = input.model / "emergence";
  ProgressBar bar("emergence");
  auto emergence = run_emergence(a.request, bar.callbacks());
  bar.close();
  if (!emergence) return tl::unexpected(emergence.error());
  TEPUI_TRY(show(a, *emergence));
  if (!a.json) fmt::print("\nStored in {}.\n", input.out->string());
  TEPUI_TRY(flush_output());
  if (emergence->failures.empty()) return {};
  return fail(ErrorKind::data,
              "{} of {} checkpoints could not be measured; the same command tries them again",
              emergence->failures.size(), emergence->failures.size() + emergence->states.size());
}

}  // namespace

void add_emergence(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<EmergenceArguments>();
  a->request.input.command = quoted_command(argc, argv);
  CLI::App* command =
      app.add_subcommand("emergence", "When massive activations come in a series of checkpoints");
  add_input_options(*command, a->request.input, a->words);
  command
      ->add_option("--threshold", a->request.threshold,
                   "The ratio to the median above which a layer has begun")
      ->check(positive_number())
      ->capture_default_str()
      ->type_name("X");
  add_backend_options(*command, a->request.input, a->words);
  command
      ->add_option("--out", a->request.input.out,
                   "Folder of the results; the same command goes on where\n"
                   "it stopped (default: MODEL/emergence)")
      ->type_name("DIR");
  command->add_flag("--json", a->json, "Print one JSON document instead of the tables");
  command->footer(
      "MODEL is a folder of checkpoints: the models in it whose names hold a number, in the order\n"
      "of that number (runs of tepui train, revisions of Pythia, nanoGPT's ckpt_*.pt). Without a "
      "text\n"
      "it shows what is there: the steps that a run of tepui train watched, or the results of "
      "before.\n\n"
      "  tepui emergence runs/shakespeare\n"
      "  tepui emergence pythia-160m --text input.txt --sequences 10");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
