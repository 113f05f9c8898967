// SPDX-License-Identifier: MIT
// The subcommands of tepui. Each adds itself with its options and, when it was chosen, runs and
// leaves its exit code.
#pragma once

#include <CLI/CLI.hpp>

#include "tepui/result.h"

namespace tepui {

void add_scan(CLI::App& app, int argc, char** argv, int& code);
void add_perplexity(CLI::App& app, int argc, char** argv, int& code);
void add_intervene(CLI::App& app, int argc, char** argv, int& code);
void add_generate(CLI::App& app, int argc, char** argv, int& code);
void add_choices(CLI::App& app, int argc, char** argv, int& code);
void add_capture(CLI::App& app, int argc, char** argv, int& code);
void add_attention(CLI::App& app, int argc, char** argv, int& code);
void add_origin(CLI::App& app, int argc, char** argv, int& code);
void add_probe(CLI::App& app, int argc, char** argv, int& code);
void add_words(CLI::App& app, int& code);
void add_sweep(CLI::App& app, int argc, char** argv, int& code);
void add_merge(CLI::App& app, int& code);
void add_train(CLI::App& app, int argc, char** argv, int& code);
void add_emergence(CLI::App& app, int argc, char** argv, int& code);
void add_massive(CLI::App& app, int& code);
void add_show(CLI::App& app, int& code);
void add_export(CLI::App& app, int& code);
void add_report(CLI::App& app, int& code);
void add_devices(CLI::App& app, int& code);
void add_completion(CLI::App& app, int& code);
void add_man(CLI::App& app, int& code);
void add_tokenize(CLI::App& app, int& code);
void add_inspect(CLI::App& app, int& code);
void add_verify(CLI::App& app, int& code);
void add_bench(CLI::App& app, int argc, char** argv, int& code);

// Prints an error as one line on stderr and gives its exit code: 2 for usage, 1 for everything
// else; 0 without one.
int finish_command(const Status& status);

// One line on stderr about what is only odd.
void print_note(const std::string& line);

// What was printed so far reaches standard output, or an error.
Status flush_output();

}  // namespace tepui
