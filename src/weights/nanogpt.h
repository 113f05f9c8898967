// SPDX-License-Identifier: MIT
// A nanoGPT checkpoint (`ckpt.pt`): a zip archive of a pickle, which is read without executing
// anything (weights/torch_pickle.h), and the tensors' storages.
#pragma once

#include <filesystem>
#include <memory>

#include "tepui/result.h"
#include "weights/source.h"

namespace tepui {

// checkpoint["model_args"].
struct NanoGptArgs {
  int layers = 0;
  int heads = 0;
  int width = 0;
  int context = 0;
  int vocabulary = 0;
  bool bias = true;  // of linear layers and norms
};

struct NanoGptModel {
  NanoGptArgs args;
  std::unique_ptr<WeightSource> source;  // checkpoint["model"], "_orig_mod." taken off
};

// Errors name the file, the key or tensor, what was expected and what was found. A checkpoint of
// something else, or in torch's old format, is refused.
Result<NanoGptModel> open_nanogpt(const std::filesystem::path& file);

}  // namespace tepui
