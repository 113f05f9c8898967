// SPDX-License-Identifier: MIT
// Which sequences a probe learns from and which it is scored on. Always whole sequences:
// neighbouring tokens know of one another.
#pragma once

#include <cstdint>
#include <vector>

#include "tepui/result.h"

namespace tepui {

enum class SplitPart : std::uint8_t { train, dev, test };

// [sequences]. Seeds 0 .. folds - 1 are cross-validation: sequences are shuffled and cut into folds
// of nearly equal size, seed s scores on fold s and holds out the next one; the folds - 1 .. 2
// folds - 1 shuffle anew, and so on. An error where there are fewer sequences than folds.
Result<std::vector<SplitPart>> split_sequences(int sequences, int folds, int seed);

}  // namespace tepui
