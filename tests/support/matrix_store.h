// SPDX-License-Identifier: MIT
// The rows that a scan would write for activations made by hand: for the tests of what reads them.
#pragma once

#include <span>

#include "metrics/row_sink.h"

namespace tepui::test {

struct MatrixOptions {
  int top = 4;
  double keep_ratio = 10;
  bool surface = true;
};

// x is [tokens, channels]: top_k, quantile (0.25, 0.5, 0.75, 0.99), above and above_count,
// channel_max, token_max and, if asked for, the surface, which must need no thinning.
Status add_matrix(RowSink& sink, int sequence, Point point, std::span<const float> x, int channels,
                  const MatrixOptions& options = {});

}  // namespace tepui::test
