// SPDX-License-Identifier: MIT
// Edits of activations: where (site, layers, tokens, channels) and what becomes of them (a rule).
// As written:
//
//   SITE.LAYERS:TOKENS:CHANNELS=RULE        resid_post.1-6:0:36,119=zero
//
//   LAYERS    all, first-massive, massive, or numbers and inclusive ranges: 3, 1-6,9
//             (a site without layers has none: embeddings:0:all=zero)
//   TOKENS    all, largest, massive, above:T, or positions, ranges and ids: 0, 1-5,id:13; 5- is all
//             from 5 on
//   CHANNELS  all, massive, or numbers and ranges
//   RULE      zero, const:V, mean, clip:V, clip:qQ, clip:kM, scale:S, patch:BRANCH,
//             round:f16|bf16, round:fp8|int8[:tensor|token|channel]
//
// `largest` is the token with the sequence's largest |x| there, `above:T` all tokens that hold an
// |x| above T, both at the time of the edit. `massive` tokens hold a massive activation in the
// unedited run, and `massive` channels of a token are those activations themselves; massive layers
// are found by calibration. clip:qQ limits |x| to the quantile Q of the sequence's |x| there,
// clip:kM to M medians.
//
// At attn_scores (as they enter the softmax) and attn_probs (as they leave it; their sum is then no
// longer 1) TOKENS are the keys that queries look at, by position or id, and CHANNELS are heads;
// LAYERS are numbers, and the rules zero, const:V, clip:V and scale:S.
#pragma once

#include <climits>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "input/tokenizer.h"
#include "models/model.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

struct IntRange {
  int first = 0;
  int last = 0;  // inclusive
  bool operator==(const IntRange&) const = default;
};
inline constexpr int kOpenEnd = INT_MAX;

struct LayerSelector {
  enum class Kind : std::uint8_t { listed, first_massive, massive };
  Kind kind = Kind::listed;
  std::vector<int> layers;  // ascending, without repetition; kNoLayer alone for a site without
};

struct TokenSelector {
  enum class Kind : std::uint8_t { listed, largest, above, massive };
  Kind kind = Kind::listed;
  std::vector<IntRange> positions;  // `all` is one open range
  std::vector<TokenId> ids;
  float threshold = 0;                           // of above
  bool selects(int position, TokenId id) const;  // of listed
};

struct ChannelSelector {
  enum class Kind : std::uint8_t { all, listed, massive };
  Kind kind = Kind::all;
  std::vector<IntRange> ranges;
  bool selects(int channel) const;  // of listed
};

enum class RuleKind : std::uint8_t {
  constant,
  mean,
  clip,
  clip_quantile,
  clip_median,
  scale,
  patch,
  round_f16,
  round_bf16,
  round_fp8,
  round_int8,
};
enum class Grain : std::uint8_t { tensor, token, channel };  // what shares a scale

struct Rule {
  RuleKind kind = RuleKind::constant;
  double value = 0;    // constant, clip, quantile, medians or scale
  std::string branch;  // of patch
  Grain grain = Grain::tensor;
};

// An edit as it was written, at one or several layers.
struct EditSpec {
  Site site = Site::resid_post;
  LayerSelector layers;
  TokenSelector tokens;
  ChannelSelector channels;
  Rule rule;
  std::string where;  // the text between LAYERS and RULE, and RULE: ":0:36,119=zero"
  std::string text() const;

  bool needs_calibration() const {
    return rule.kind == RuleKind::mean || layers.kind != LayerSelector::Kind::listed;
  }
};

// `option` is what to call the text in an error: "--edit". Errors name the character, from 1, where
// the text fails, what was expected there and what was found.
Result<EditSpec> parse_edit(std::string_view text, const ModelSpec& spec, std::string_view option);
// Several edits, separated by ';'.
Result<std::vector<EditSpec>> parse_edits(std::string_view text, const ModelSpec& spec,
                                          std::string_view option);

// TOKENS of an edit alone.
Result<TokenSelector> parse_token_selector(std::string_view text, const ModelSpec& spec,
                                           std::string_view option);

// The signed means of massive activations at one place; NaN where there was none.
struct MeanTable {
  std::vector<float> values;  // [2, width]: of position 0, then of all others
};

// An edit at one place, ready to run.
struct Edit {
  Point point;
  TokenSelector tokens;
  ChannelSelector channels;
  Rule rule;
  std::shared_ptr<const MeanTable> means;  // of the rule mean
  std::string key;                         // edits of equal keys are equal
};

// What is run beside the unedited run: its edits in order of computation.
struct Branch {
  std::string name;
  std::vector<Edit> edits;
};

}  // namespace tepui
