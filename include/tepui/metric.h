// SPDX-License-Identifier: MIT
// A metric is a reduction on the device and the rows it gives: a few steps appended to a Program
// where a site is tapped, with small outputs, and a host side that turns these into long-form rows.
// Metrics hold no state between calls.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/row_sink.h"
#include "ops/builder.h"
#include "tepui/program.h"

namespace tepui {

// Data that a Program needs at every run with this chunk: uploaded once, bound like an input.
struct Constant {
  Value value;
  std::vector<std::byte> bytes;
};

// What attention reads and gives in a layer. Edits of q, k, v, scores and probabilities are in it,
// and what is edited behind is not.
struct AttentionOperands {
  Builder::AttentionInputs scores;  // q, k, the bias, edits, and the parameters
  Value v;                          // f32 [R, G d]
  Value z;                          // f32 [R, H d]: what it gives
  Value projection;                 // packed [D, H d]
  Value projection_bias;            // f32 [D] or kNone
  Value out;                        // f32 [R, D]: z projected
};

// What a metric may use while it adds its steps for one tapped value.
struct EmitContext {
  Builder& builder;
  Value x;         // f32 [R, width]; at attn_scores and attn_probs what attention gives, projected
  Value offsets;   // i32 [S + 1]
  Value unedited;  // f32 [R, width]: x in the unedited run; absent in it, and where nobody compares
  int width = 0;
  std::span<const int> lengths;  // of the chunk's sequences
  std::vector<Constant>& constants;
  int first_sequence = 0;  // the chunk's first sequence, in the numbering of the run
  int groups = 1;          // the heads of q, k, v and z that a row has behind one another
  const AttentionOperands* attention = nullptr;  // at attn_scores and attn_probs
  Value router_logits = kNone;                   // f32 [R, E]: at mlp_act of a mixture of experts
};

// Where the outputs belong when they are back on the host.
struct TapContext {
  Point point;
  int first_sequence = 0;  // the chunk's first sequence, in the numbering of the run
  int width = 0;
  std::span<const int> lengths;
  int groups = 1;       // as EmitContext::groups
  bool edited = false;  // of another branch than the unedited run: values need not be finite
};

class Metric {
 public:
  virtual ~Metric() = default;
  virtual std::string_view name() const = 0;
  // Whether it has rows for any of these sequences, [first, last) in the numbering of the run. A
  // chunk for which it has none is computed without its steps.
  virtual bool measures(int /*first_sequence*/, int /*last_sequence*/) const { return true; }
  // Whether it measures there. Scores and probabilities are never held whole: they are for metrics
  // that compute them again.
  virtual bool accepts(Site site) const {
    return site != Site::attn_scores && site != Site::attn_probs;
  }
  // What its steps and constants depend on beside the chunk's shape: chunks for which it is equal
  // share them.
  virtual std::string variant(int /*first_sequence*/, int /*last_sequence*/) const { return {}; }
  // Whether it wants EmitContext::unedited in other branches than the unedited run.
  virtual bool compares() const { return false; }
  // The values to bring back, in the order in which rows() gets them.
  virtual std::vector<Value> emit(EmitContext& context) const = 0;
  virtual Status rows(std::span<const HostView> outputs, const TapContext& context,
                      RowSink& sink) const = 0;
};

// What a scan measures at every tapped site (metrics/row_sink.h describes the rows).
struct ScanMetricOptions {
  int top = 32;  // k of top_k
  std::vector<double> fractions = {0.0,  0.01, 0.1,  0.25, 0.5,
                                   0.75, 0.9,  0.99, 0.999};  // 0.5 is always added
  double keep_ratio = 100;  // every |x| above this many medians is kept with its place,
  double keep_floor = 100;  // or above this where the median is 0,
  int capacity = 4096;      // up to so many a sequence; the count is exact
  int surface = 1;          // sequences, from the first on, whose |x| is kept as a surface
  // Whether an activation that is not finite is a row like others; else it ends an unedited run.
  bool keep_not_finite = false;
};
std::vector<std::unique_ptr<Metric>> scan_metrics(const ScanMetricOptions& options);
// What an intervention measures: the largest values, the median and what stands above it, and the
// change from the unedited run.
std::vector<std::unique_ptr<Metric>> intervention_metrics(const ScanMetricOptions& options);
// What calibration needs: the median and what stands above it.
std::vector<std::unique_ptr<Metric>> calibration_metrics(const ScanMetricOptions& options);

// Tokens that attention is asked about, the massive ones as a rule: positions by sequence of the
// run, ascending. Sequences behind the list have none.
using TokenMarks = std::vector<std::vector<int>>;

struct AttentionMetricOptions {
  // T of the sink metric (Gu et al. 2025): what keys receive from the first T queries alone.
  int early = 64;
  // Maps, of the first `map_sequences` sequences and `map_tokens` tokens of each; kAllHeads is the
  // mean over heads. A layer where attn_scores is measured gives those that name it.
  struct Map {
    int layer = 0;
    int head = 0;
  };
  static constexpr int kAllHeads = -1;
  std::vector<Map> maps;
  int map_sequences = 1;
  int map_tokens = 256;
};
// What attention does (at attn_probs), its maps (at attn_scores), and the norms of what it reads
// (at resid_pre, attn_in, q, k and v). `marks` must outlive them.
std::vector<std::unique_ptr<Metric>> attention_metrics(const AttentionMetricOptions& options,
                                                       const TokenMarks& marks);

// Elements of the residual stream whose making is followed through the layers, by sequence of the
// run: several channels of a token are several places. Sequences behind the list have none.
struct OriginPlace {
  int position = 0;
  int channel = 0;
};
using OriginPlaces = std::vector<std::vector<OriginPlace>>;

class Model;
// What is added at each place, with what heads and the `neurons` strongest neurons give of it, and
// the largest |x| of every site. Of models whose residual stream is a sum
// (adds_up, models/spec.h). Both must outlive them.
std::vector<std::unique_ptr<Metric>> origin_metrics(const Model& model, const OriginPlaces& places,
                                                    int neurons);

}  // namespace tepui
