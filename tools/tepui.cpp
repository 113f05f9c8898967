// SPDX-License-Identifier: MIT
// The command line: one file per subcommand; this one knows their list and the exit codes.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <new>

#include "build_facts.h"
#include "commands.h"
#include "usage.h"

namespace {

const char* const kAbout =
    "Tepui runs transformers and measures massive activations: the handful of values in a model's "
    "residual stream\n"
    "that stand a thousand times above the rest.\n\n"
    "  tepui scan MODEL --text FILE      where they are, how large, in which layers, channels and "
    "tokens\n"
    "  tepui massive DIR                 the finding of an earlier scan, by other thresholds, "
    "without a new run\n"
    "  tepui show DIR...                 tables and charts of scans in the terminal, side by side\n"
    "  tepui report DIR...               figures of one scan or of several side by side: a page "
    "for the browser\n"
    "  tepui perplexity MODEL --text FILE  how well a model predicts a text\n"
    "  tepui intervene MODEL --text FILE   what changes when activations are changed\n"
    "  tepui generate MODEL --prompt STRING  what a model writes, unedited and edited\n"
    "  tepui choices MODEL --tasks FILE    accuracy on multiple-choice tasks, unedited and edited\n"
    "  tepui capture MODEL --text FILE --out DIR  activations themselves, as NumPy files\n"
    "  tepui attention MODEL --text FILE   what massive activations do to attention\n"
    "  tepui origin MODEL --text FILE    what writes massive activations, and what removes them\n"
    "  tepui probe MODEL --text FILE --target LIST  what can be read from activations, with "
    "controls\n"
    "  tepui words DIR                   which words an intervention costs most\n"
    "  tepui sweep STUDY.toml            models x texts x interventions in one command\n"
    "  tepui train RECIPE.toml           a small model from scratch, every checkpoint an ordinary "
    "model\n"
    "  tepui emergence DIR --text FILE   when massive activations come in a series of checkpoints\n"
    "  tepui merge DIR... --out DIR      the shards of a sweep, joined\n"
    "  tepui export DIR                  everything that a run measured, as CSV, JSON lines or "
    "NumPy arrays\n"
    "  tepui inspect MODEL               what a model is, its sites, the memory it needs\n"
    "  tepui tokenize MODEL --text FILE  a text as token ids, pieces and places\n"
    "  tepui devices                     what this machine can compute on\n"
    "  tepui verify MODEL                whether two backends agree, step by step\n"
    "  tepui bench MODEL                 how fast backends are, or a device would be";

// A standard stream that the caller closed would be the number of the next file opened, and a
// report would be written into it. Read-only, so that writing there is still an error.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDONLY));
  }
}

int run(int argc, char** argv) {
  CLI::App app{kAbout, "tepui"};
  app.set_version_flag("--version", tepui::build_facts,
                       "Version, and what it was built from and with");
  app.require_subcommand(1);
  app.get_formatter()->column_width(24);
  int code = 0;
  tepui::add_scan(app, argc, argv, code);
  tepui::add_massive(app, code);
  tepui::add_show(app, code);
  tepui::add_export(app, code);
  tepui::add_perplexity(app, argc, argv, code);
  tepui::add_intervene(app, argc, argv, code);
  tepui::add_generate(app, argc, argv, code);
  tepui::add_choices(app, argc, argv, code);
  tepui::add_capture(app, argc, argv, code);
  tepui::add_attention(app, argc, argv, code);
  tepui::add_origin(app, argc, argv, code);
  tepui::add_probe(app, argc, argv, code);
  tepui::add_words(app, code);
  tepui::add_sweep(app, argc, argv, code);
  tepui::add_train(app, argc, argv, code);
  tepui::add_emergence(app, argc, argv, code);
  tepui::add_merge(app, code);
  tepui::add_inspect(app, code);
  tepui::add_tokenize(app, code);
  tepui::add_report(app, code);
  tepui::add_devices(app, code);
  tepui::add_completion(app, code);
  tepui::add_man(app, code);
  tepui::add_verify(app, code);
  tepui::add_bench(app, argc, argv, code);
  app.footer(
      "tepui COMMAND --help tells the options of a command.\n"
      "Exit codes: 0 done, 1 the data or the system are at fault, 2 the command line is.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tepui::finish_parse(app, error);
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may grow no more is an error of the write
  using tepui::ErrorKind, tepui::fail, tepui::finish_command;
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return finish_command(fail(ErrorKind::io, "the memory of this machine does not suffice"));
  } catch (const std::exception& error) {
    return finish_command(fail(ErrorKind::io, "an operation failed: {}", error.what()));
  }
}
