// SPDX-License-Identifier: MIT
// Everything that a run opens and checks before it computes or writes anything: model, tokenizer,
// sequences and backend. What is wrong with them is an error here, what is only odd a note.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "base/thread_pool.h"
#include "models/model.h"
#include "study/input_request.h"

namespace tepui {

struct ScanInput {
  Model model;
  std::unique_ptr<Tokenizer> tokenizer;  // null for ids with a model that has none
  std::unique_ptr<Backend> backend;
  Corpus corpus;
  int context = 0;  // tokens of a piece of a text
  std::vector<std::vector<TokenId>> sequences;
  std::vector<std::string> sources;  // the text files, the file of ids, or "prompt"
  std::string model_fingerprint;
  std::vector<std::string> notes;  // one line each
};

Result<ScanInput> open_scan_input(const InputRequest& request, ThreadPool& pool);
// The same without sequences, for commands whose texts come another way.
Result<ScanInput> open_without_text(const InputRequest& request, ThreadPool& pool);

// Bytes of packed weights that may stay resident: what was asked for, or half of the memory.
std::uint64_t weight_budget(const InputRequest& request, const DeviceInfo& device);

}  // namespace tepui
