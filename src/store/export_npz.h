// SPDX-License-Identifier: MIT
// Everything that a store holds as arrays, for one .npz file. Axes: S the scanned sequences, in the
// order of `scanned`; L the layers that a site was scanned at; R ranks; N elements of a series.
//   scanned                    [S]        their numbers
//   sequences.source, .first_token, .has_bos   one entry a sequence, scanned or not
//   sequences.tokens           token ids of all sequences, one after the other
//   sequences.tokens_begin     [sequences + 1] where each begins
//   vocabulary.token_id, .piece, .bytes       texts spelled as in the other formats
//   SITE.layer                 [L]        -1 for a site without layers
//   SITE.METRIC                [S, L, R] or [S, L] f32: the value; NaN where there is none
//   SITE.METRIC_position, _channel   i64: where it stands; -1 where there is none
//   SITE.METRIC_parameter      f64: as in the observations
//   SITE.SERIES                [S, L, N] f32, padded with NaN
//   SITE.SERIES_sequence                  the sequences of its first axis, where not all have it
//   SITE.SERIES_at             [S, L, N] i64: its indices (a position or a channel), padded with -1
//   SITE.above, .above_sequence, _layer, _position, _channel, _parameter   [rows]: a list, since
//                              few places have any
#pragma once

#include <vector>

#include "store/npz.h"
#include "store/reader.h"

namespace tepui {

// The arrays read from the store when they are written: it must live until then.
Result<std::vector<NpzArray>> store_arrays(StoreReader& store);

}  // namespace tepui
