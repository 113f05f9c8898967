// SPDX-License-Identifier: MIT
// Which GGUF file a path means: the file itself, or the only model in a folder that is no HF
// folder.
#pragma once

#include <filesystem>

#include "tepui/result.h"

namespace tepui {

// Empty where the path means something else. The parts of a split file count as one; several models
// in a folder are an error that names them.
Result<std::filesystem::path> gguf_file_of(const std::filesystem::path& path);

}  // namespace tepui
