// SPDX-License-Identifier: MIT
// How much a text repeats itself, and where two texts part.
#pragma once

#include <optional>
#include <span>

#include "input/tokenizer.h"

namespace tepui {

// Different n-grams over all n-grams of the text (Li et al. 2016, distinct-n); none where the text
// has fewer than n tokens. 1 less distinct-4 is seq-rep-4 (Welleck et al. 2020), the repetition.
std::optional<double> distinct(std::span<const TokenId> ids, int n);

// The first place where they differ, or where one ends and the other goes on; none where they are
// the same.
std::optional<int> parting(std::span<const TokenId> a, std::span<const TokenId> b);

}  // namespace tepui
