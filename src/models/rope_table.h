// SPDX-License-Identifier: MIT
// The table that the op `rope` reads: for each position the cosines, then the sines of position *
// frequency. Computed in double and rounded once. Frequencies are f_i = theta^(-2i / rotary_dim),
// and with scaling (transformers, modeling_rope_utils; c is the original context):
//   linear    f / factor
//   dynamic   theta * (factor * n / c - (factor - 1))^(rotary_dim / (rotary_dim - 2)) in place of
//             theta, n being the sequence's length or c, whichever is larger
//   llama3    with wavelength w = 2 pi / f: f where w < c / high_freq_factor, f / factor where
//             w > c / low_freq_factor, between them (1 - s) f / factor + s f with
//             s = (c / w - low_freq_factor) / (high_freq_factor - low_freq_factor)
//   yarn      f / factor r + f (1 - r), r rising from 0 to 1 between the pairs that turn beta_fast
//             and beta_slow times over c
//   longrope  f / short_factors[i], or long_factors[i] in sequences longer than c
// yarn and longrope multiply cosines and sines by `magnitude`.
#pragma once

#include <vector>

#include "models/spec.h"

namespace tepui {

// [positions, rotary_dim] f32. Only `dynamic` and `longrope` depend on sequence_length.
std::vector<float> rope_table(const RopeSpec& rope, int positions, int sequence_length);

// Sequences may share a table exactly when these are equal: the length that `dynamic` scales for,
// the list that `longrope` takes, 0 otherwise.
int rope_length_class(const RopeSpec& rope, int sequence_length);

// The longest sequence that the model is made for; `dynamic` and `yarn` reach factor times as far
// as the context before scaling.
int longest_context(const Dims& dims);

}  // namespace tepui
