// SPDX-License-Identifier: MIT
// What is massive in the unedited run over a calibration text, and the signed means of it: of every
// place and channel, for position 0 and for all other tokens apart, over the massive (token,
// channel) pairs only. Edits take layers and values from it.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "exec/executor.h"
#include "plan/edit.h"
#include "store/rows.h"
#include "tepui/result.h"

namespace tepui {

struct Calibration {
  int sequences = 0;                  // that were looked at
  std::vector<CalibrationRow> means;  // in order of computation, channel, position 0 first
  std::map<Point, int> massive;       // by place: sequences that hold a massive activation

  // Layers in which at least half of the sequences hold one.
  std::vector<int> massive_layers(Site site) const;
  // [2, width]; NaN where nothing was massive.
  MeanTable table(Point point, int width) const;
};

// `options.massive` is the rule. An error where more activations are massive than are kept.
Result<Calibration> calibrate(Backend& backend, const Model& model, ThreadPool& pool,
                              const ExecOptions& options, Sequences sequences,
                              const SiteSelection& sites, const OnProgress& on_progress);

}  // namespace tepui
