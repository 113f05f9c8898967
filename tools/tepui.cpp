// SPDX-License-Identifier: MIT
// The command line: one file per subcommand; this one knows their list and the exit codes.
#include <CLI/CLI.hpp>

#include "commands.h"
#include "study/scan.h"

namespace {

constexpr int kUsage = 2;

const char* const kAbout =
    "Tepui runs transformers and measures massive activations: the handful of values in a model's "
    "residual stream\n"
    "that stand a thousand times above the rest.\n\n"
    "  tepui scan MODEL --text FILE      where they are, how large, in which layers, channels and "
    "tokens\n"
    "  tepui massive DIR                 the finding of an earlier scan, by other thresholds, "
    "without a new run\n"
    "  tepui export DIR                  everything that a scan measured, as CSV or JSON lines\n"
    "  tepui devices                     what this machine can compute on";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kAbout, "tepui"};
  app.set_version_flag("--version", std::string(tepui::tepui_version()));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  int code = 0;
  tepui::add_scan(app, argc, argv, code);
  tepui::add_massive(app, code);
  tepui::add_export(app, code);
  tepui::add_devices(app, code);
  app.footer("Exit codes: 0 done, 1 the data or the system are at fault, 2 the command line is.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int cli_code = app.exit(error);
    return cli_code == 0 ? 0 : kUsage;
  }
  return code;
}
