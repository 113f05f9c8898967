// SPDX-License-Identifier: MIT
// Multiple-choice items, one JSON object a line:
//   {"context": "The sky is", "choices": [" blue", " loud"], "answer": 0}
// A choice follows its context as it stands. `context` may be a list with one for each choice,
// where the beginnings differ and the same ending is scored (WinoGrande). Other fields are ignored.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "input/tokenizer.h"
#include "tepui/result.h"

namespace tepui {

struct TaskItem {
  int line = 0;                       // in the file, from 1
  std::vector<std::string> contexts;  // one, or one for each choice
  std::vector<std::string> choices;
  int answer = 0;

  const std::string& context(std::size_t choice) const {
    return contexts[contexts.size() == 1 ? 0 : choice];
  }
};

struct TaskFile {
  std::string name;  // the file's, without its ending
  std::filesystem::path path;
  std::vector<TaskItem> items;  // at least one
};

// Errors name the file, the line and the field. Blank lines are skipped. At most `limit` items
// (0: all).
Result<TaskFile> read_task_file(const std::filesystem::path& path, int limit);

// A choice behind its context, as tokens.
struct ChoiceTokens {
  std::vector<TokenId> ids;  // of both together, BOS included
  int first = 0;             // the choice's first token; at least 1
};

// Context and choice are tokenised together, and the choice is what the context alone does not
// account for; blanks at the context's end go with the choice (as lm-evaluation-harness does, so
// that pieces like " blue" stay whole). `bos` is put in front where it is there. An error where
// nothing precedes the choice, or nothing is left of it.
Result<ChoiceTokens> tokens_of_choice(const Tokenizer& tokenizer, const std::string& context,
                                      const std::string& choice, const std::vector<TokenId>& bos);

}  // namespace tepui
