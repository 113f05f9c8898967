// SPDX-License-Identifier: MIT
// Taps are changes to a Program before it runs: for each tapped site the metrics' steps are put
// right behind the step that produces its value, where the data are still warm. The tapped Program
// computes the same values as the plain one, bit for bit.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "models/lower.h"
#include "tepui/metric.h"

namespace tepui {

// What is wanted of a part of a model: sites that the metrics measure, sites whose rows are brought
// back as they are, and sites whose values stay on the device for other lanes. `compared` metrics
// get the values that measured sites have in the unedited run.
struct SiteWork {
  std::vector<Site> measured = {};
  std::vector<Site> streamed = {};
  std::vector<Site> kept = {};
  bool compared = false;
  bool empty() const { return measured.empty() && streamed.empty() && kept.empty(); }
};

// The outputs that one metric gives at one site, or the site's own value.
struct TapOutput {
  const Metric* metric = nullptr;  // none: `values` is the value of the site itself
  std::vector<Site>
      sites;  // several names can be one value (attn_out and attn_out_post without a post-norm)
  int width = 0;
  int groups = 1;
  std::vector<Value> values;
};

struct Tapped {
  Lowered lowered;  // its program has the taps and is fused
  std::vector<TapOutput> outputs;
  std::vector<Constant> constants;
  std::vector<std::pair<Site, Value>> kept;      // an output, or a value that the caller binds
  std::vector<std::pair<Site, Value>> unedited;  // inputs, f32 [R, width]
};

// `first_sequence` is the chunk's, in the numbering of the run. attn_scores and attn_probs may be
// measured though no value of the Program is either: their metrics read attention's operands.
Result<Tapped> attach_taps(Lowered lowered, const ModelSpec& spec, const ChunkShape& chunk,
                           int first_sequence, const SiteWork& wanted,
                           std::span<const Metric* const> metrics);

}  // namespace tepui
