// SPDX-License-Identifier: MIT
// tepui capture
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "edit_options.h"
#include "run_options.h"
#include "study/capture.h"
#include "study/json_values.h"
#include "usage.h"

namespace tepui {

namespace {

struct CaptureArguments {
  CaptureRequest request;
  RunWords words;
  bool json = false;
};

Status run(CaptureArguments& a) {
  TEPUI_TRY(complete_request(a.request, a.words, "capture"));
  ProgressBar bar("capture");
  auto outcome = run_capture(a.request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (a.json) {
    nlohmann::ordered_json document;
    document["folder"] = outcome->folder.string();
    document["files"] = outcome->files;
    document["rows"] = outcome->rows;
    document["bytes"] = outcome->bytes;
    document["sequences"] = outcome->sequences;
    document["computed"] = outcome->computed;
    const std::string text = json_text(document);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return flush_output();
  }
  fmt::print("{}: {} file{} of {} rows, {:.1f} MB, and capture.json ({})\n",
             outcome->folder.string(), outcome->files, outcome->files == 1 ? "" : "s",
             outcome->rows, static_cast<double>(outcome->bytes) / 1e6, what_was_done(*outcome));
  return flush_output();
}

}  // namespace

void add_capture(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<CaptureArguments>();
  CLI::App* command = app.add_subcommand(
      "capture", "Write activations themselves to disk, for NumPy or as safetensors");
  add_input_options(*command, a->request, a->words);
  command
      ->add_option("--site,--sites", a->request.sites,
                   "Sites, as --sites of tepui scan: SITE, SITE.LAYER,\nSITE.FIRST-LAST, several "
                   "with commas")
      ->check(offering({site_words(), true}))
      ->type_name("LIST")
      ->capture_default_str();
  command
      ->add_option("--layers", a->request.layers,
                   "Layers of the sites that name none: 3, 3-9, 1,4-6\n(default: all)")
      ->type_name("LIST");
  command
      ->add_option("--tokens", a->request.tokens,
                   "Whose rows are kept: all, or positions, ranges and\nids: 0, 1-5,id:13")
      ->type_name("TOKENS")
      ->capture_default_str();
  command
      ->add_option(
          "--edit", a->request.edits,
          "Capture under edits: SITE.LAYERS:TOKENS:CHANNELS=RULE,\nseveral separated by ';'")
      ->type_name("EDIT");
  command
      ->add_option("--format", a->request.format,
                   "npy: a file a site and layer; safetensors: all in\ncapture.safetensors, "
                   "tensors SITE.LAYER")
      ->check(one_of({"npy", "safetensors"}))
      ->type_name("NAME")
      ->capture_default_str();
  add_calibration_options(*command, a->request.calibration, a->request.rule);
  add_backend_options(*command, a->request, a->words);
  command
      ->add_option("--wave", a->request.wave,
                   "Tokens between two points to go on from: what a kill\ncan cost (default: 4096 "
                   "where the model fits\n--memory, else 16384)")
      ->check(count_up_to(1 << 30))
      ->type_name("TOKENS");
  command
      ->add_option("--out", a->request.out,
                   "Folder of the files; the same command goes on where it\nstopped")
      ->required()
      ->type_name("DIR");
  command->add_flag("--json", a->json, "Print one JSON document about what was written");
  command->footer(
      std::string(
          "One of --text, --prompt and --ids is needed. DIR gets SITE.LAYER.npy, f32 [rows, "
          "width], rows in\n"
          "order of sequence and position, and capture.json with sites, layers, token ids, "
          "positions and\n"
          "texts; its \"complete\" is false as long as rows are missing.\n") +
      kEditGrammar +
      "\n  tepui capture models/Llama-3.2-1B --text wiki.txt --site resid_post --layers 3-9 \\\n"
      "      --tokens 0-15 --out acts");
  a->request.command = quoted_command(argc, argv);
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
