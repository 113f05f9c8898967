// SPDX-License-Identifier: MIT
// The table that the op `rope` reads: for each position the cosines, then the sines of position *
// frequency. Computed in double and rounded once. Frequencies are theta^(-2i / rotary_dim), and
// with scaling (transformers, modeling_rope_utils):
//   linear   divided by factor
//   dynamic  theta * ((factor * n / c) - (factor - 1))^(rotary_dim / (rotary_dim - 2)) in place of
//   theta, with n = the
//            sequence's length or the context c, whichever is larger
//   llama3   with wavelength w = 2 pi / f and c the original context: kept where w < c /
//   high_freq_factor, divided by
//            factor where w > c / low_freq_factor, and between them (1 - s) f / factor + s f with
//            s = (c / w - low_freq_factor) / (high_freq_factor - low_freq_factor)
#pragma once

#include <vector>

#include "models/spec.h"

namespace tepui {

// [positions, rotary_dim] f32. Only `dynamic` depends on sequence_length.
std::vector<float> rope_table(const RopeSpec& rope, int positions, int sequence_length);

// Sequences may share a table exactly when these are equal: the length that `dynamic` scales for, 0
// otherwise.
int rope_length_class(const RopeSpec& rope, int sequence_length);

// The longest sequence that the model is made for; `dynamic` reaches factor times as far as the
// context.
int longest_context(const Dims& dims);

}  // namespace tepui
