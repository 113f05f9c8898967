// SPDX-License-Identifier: MIT
// A model that is there already as what a run begins with: an HF folder of any architecture whose
// ops have gradients, in f32; a checkpoint of nanoGPT becomes a GPT-2 folder.
#pragma once

#include <filesystem>

#include "models/model.h"
#include "tepui/result.h"

namespace tepui {

// Writes configuration, tokenizer files and weights into a folder that is there. What biases
// a checkpoint of nanoGPT does not have are zeros there.
Status write_adopted_model(const std::filesystem::path& from, const std::filesystem::path& folder);

}  // namespace tepui
