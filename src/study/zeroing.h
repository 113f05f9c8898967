// SPDX-License-Identifier: MIT
// What becomes of a trained model's perplexity without the massive activations that its last
// watched step shows (Zeroing). The store is one of `tepui intervene`, which a run that was stopped
// finishes.
#pragma once

#include <string>

#include "study/checkpoint_state.h"
#include "study/train_run.h"
#include "tepui/result.h"

namespace tepui {

inline constexpr const char* kZeroedFolder = "zeroed";

// Massive is here a layer whose largest |x| is on average above kLargeRatio medians; where none is,
// that of the largest ratio.
Zeroing zeroing_edits(const CheckpointState& state);

// Has the end watched and zeroed.
void look_at_the_end(TrainRecipe& recipe);

// Needs the watched end of a finished run.
Result<Zeroing> run_zeroing(const TrainRequest& request, const TrainCommand& command,
                            const std::filesystem::path& checkpoint);

}  // namespace tepui
