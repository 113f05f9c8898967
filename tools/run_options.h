// SPDX-License-Identifier: MIT
// The options that every command which runs a model over a text shares, and the bar that shows how
// far it is.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/progress.h"
#include "interrupt.h"
#include "study/input_request.h"
#include "tepui/result.h"

namespace tepui {

// What the command line gives as words.
struct RunWords {
  std::string bos = "auto";
  std::string memory;
  std::string documents = "files";
  std::string special_tokens = "no";
};

void add_model_argument(CLI::App& command, InputRequest& request);
// --tokenizer and --bos, for commands whose texts come another way than by add_input_options.
void add_tokenizer_options(CLI::App& command, InputRequest& request, RunWords& words);
// The model, and which text.
void add_input_options(CLI::App& command, InputRequest& request, RunWords& words);
// Stride, pieces, joiner, documents, special tokens: for commands that score their text.
void add_protocol_options(CLI::App& command, InputRequest& request, RunWords& words);
// Backend, threads, memory: for commands that keep no store.
void add_backend_options(CLI::App& command, InputRequest& request, RunWords& words);
// The same, and how the work is kept in a store.
void add_device_options(CLI::App& command, InputRequest& request, RunWords& words,
                        const std::string& kind);

// "4GiB", "500MB", "1000000", of --memory or another option.
Result<std::uint64_t> parse_bytes(const std::string& text, const char* option = "--memory");

// Puts the words into the request; `command` is the command's name, for the error.
Status complete_request(InputRequest& request, const RunWords& words, const std::string& command);

// The same for commands whose texts come another way.
Status complete_words(InputRequest& request, const RunWords& words);

// Arguments so that a shell takes them back as they are.
std::string quoted_command(int argc, char** argv);

// The plan of a dry run.
Status print_plan(const RunOutcome& outcome);

// "20 of 20 sequences computed, 5120 tokens in 3.10 s, at most 210 MiB of memory"
std::string what_was_done(const RunOutcome& outcome);

// Notes and a bar on standard error, and what is kept where Ctrl-C ends the run.
class ProgressBar {
 public:
  explicit ProgressBar(std::string name) : name_(std::move(name)) {}
  RunProgress callbacks();
  void close() {
    bar_.reset();
    interrupted_.tell(nullptr);
  }

 private:
  std::string name_;
  std::string unit_ = "tokens";
  std::unique_ptr<Progress> bar_;
  InterruptNotice interrupted_;
};

}  // namespace tepui
