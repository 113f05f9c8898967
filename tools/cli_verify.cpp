// SPDX-License-Identifier: MIT
// tepui verify
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "backend/registry.h"
#include "base/progress.h"
#include "commands.h"
#include "interrupt.h"
#include "study/scan_json.h"
#include "study/verify_report.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct VerifyArguments {
  VerifyRequest request;
  bool json = false;
};

Status run(const VerifyArguments& arguments) {
  const CorpusRequest& corpus = arguments.request.scan.corpus;
  if (corpus.prompt && corpus.ids)
    return fail(ErrorKind::usage, "expected --prompt STRING or --ids FILE, found both");
  const InterruptNotice interrupted;
  std::optional<Progress> bar;
  RunProgress progress;
  progress.note = print_note;
  progress.advance = [&](std::int64_t done, std::int64_t total) {
    if (!bar) bar.emplace("verify", "tokens", static_cast<double>(total));
    bar->update(static_cast<double>(done));
  };
  auto verified = run_verify(arguments.request, progress);
  bar.reset();
  if (!verified) return tl::unexpected(verified.error());
  const std::string text = arguments.json ? json_text(verification_json(*verified)) + "\n"
                                          : verification_text(*verified, terminal_letters());
  std::fwrite(text.data(), 1, text.size(), stdout);
  TEPUI_TRY(flush_output());
  return verdict(*verified);
}

}  // namespace

void add_verify(CLI::App& app, int& code) {
  auto arguments = std::make_shared<VerifyArguments>();
  ScanRequest& scan = arguments->request.scan;
  CLI::App* verify = app.add_subcommand("verify", "Compare two backends on a model, step by step");
  verify
      ->add_option("MODEL", scan.model,
                   "A model folder (config.json, weights whole or in\n"
                   "shards, tokenizer), a .gguf file or a llama2.c .bin\nfile")
      ->required()
      ->type_name("");
  verify->add_option("--prompt", scan.corpus.prompt, "One text (default: a short one of its own)")
      ->type_name("STRING");
  verify
      ->add_option("--ids", scan.corpus.ids, "A JSON list of lists of token ids, each one sequence")
      ->type_name("FILE");
  verify
      ->add_option("--tokenizer", scan.tokenizer,
                   "A tokenizer file or folder, where the model has none")
      ->type_name("FILE");
  verify->add_option("--sequences", scan.corpus.sequences, "At most so many (default: all)")
      ->check(count_up_to(1 << 30))
      ->type_name("N");
  verify
      ->add_option("--sites", scan.sites,
                   "Where statistics are computed and compared as well,\nas for scan")
      ->capture_default_str()
      ->type_name("LIST");
  verify
      ->add_option("--backend", scan.backend,
                   "The first backend: its values are the inputs of every\n"
                   "step. auto: vulkan where there is a device, else cpu")
      ->check(backend_name())
      ->capture_default_str()
      ->type_name("NAME");
  verify
      ->add_option("--against", arguments->request.against,
                   "The second. auto: cpu, or reference where that is the\n"
                   "first and there is no device")
      ->check(backend_name())
      ->capture_default_str()
      ->type_name("NAME");
  verify->add_option("--threads", scan.threads, "Threads of the CPU backend (default: all)")
      ->check(count_up_to(1024))
      ->type_name("N");
  verify->add_flag("--json", arguments->json, "Print one JSON document instead of the table");
  verify->footer(
      "Each step runs on both backends on identical inputs and is held to its reference, in\n"
      "double, within the op's own bound for every element. Exit code 1 if one leaves it.\n\n"
      "  tepui verify models/Llama-3.2-1B --backend vulkan\n"
      "  tepui verify gpt2 --prompt 'Summer is warm.' --sites all --against reference");
  verify->callback([arguments, &code] { code = finish_command(run(*arguments)); });
}

}  // namespace tepui
