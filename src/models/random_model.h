// SPDX-License-Identifier: MIT
// A model of the same shape whose weights mean nothing: what a probe reads from it, it reads from
// the tokens and the architecture alone.
#pragma once

#include <cstdint>
#include <filesystem>

#include "models/model.h"

namespace tepui {

// Matrices and embeddings are normal with deviation 0.02, norms 1, biases 0, all by seed and the
// tensor's name. The weights lie in a file of `folder` that has no name, in the model's own types
// (bf16 where those are quantised). An error where it would be larger than `most_bytes`.
Result<Model> random_model(const Model& like, std::uint64_t seed,
                           const std::filesystem::path& folder, std::uint64_t most_bytes);

}  // namespace tepui
