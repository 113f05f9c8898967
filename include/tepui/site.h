// SPDX-License-Identifier: MIT
// The named places of a transformer where one can look, in the order in which they are computed.
// Names are those of the field (TransformerLens, interp-engine). Legend: B tokens, D model width, H
// query heads, G key/value heads, d head size, F feed-forward width, V vocabulary.
//
//   embeddings      [B, D]    what enters layer 0 (token embedding, plus learned positions, scaled
//                             and normalised where the model does)
//   resid_pre       [B, D]    the layer's input
//   attn_in         [B, D]    after the norm before attention
//   q_pre, k_pre    [B, H*d], [B, G*d]  projections before QK-norm and rotary embedding
//   q, k, v         [B, H*d], [B, G*d]  as attention uses them
//   attn_scores     [T, T] per head     before softmax
//   attn_probs      after it
//   z               [B, H*d]  the input of the output projection
//   attn_out        [B, D]    the attention sub-layer's raw output
//   attn_out_post   [B, D]    what is added to the residual stream (equal to attn_out without a
//   norm
//                             behind it)
//   resid_mid       [B, D]    after attention was added; does not exist in parallel blocks
//   mlp_in          [B, D]    after the norm before the MLP
//   router_logits   [B, E]    of a mixture of E experts
//   expert_indices            the chosen experts' numbers, which are no activations
//   expert_weights  [B, k]    what the outputs of the k chosen experts are multiplied by, those of
//                             the largest logit first
//   mlp_pre         [B, F]    the (gate) projection, before its activation; of a mixture of experts
//                             those of the chosen ones, beside each other
//   mlp_pre_linear  [B, F]    the up projection of gated MLPs
//   mlp_act         [B, F]    the input of the down projection
//   mlp_out, mlp_out_post [B, D] as attn_out, attn_out_post
//   resid_post      [B, D]    the layer's output; no norm is applied, also after the last layer
//   final_norm      [B, D]    the input of the head
//   logits          [B, V]
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tepui {

enum class Site : std::uint8_t {
  embeddings,
  resid_pre,
  attn_in,
  q_pre,
  k_pre,
  q,
  k,
  v,
  attn_scores,
  attn_probs,
  z,
  attn_out,
  attn_out_post,
  resid_mid,
  mlp_in,
  router_logits,
  expert_indices,
  expert_weights,
  mlp_pre,
  mlp_pre_linear,
  mlp_act,
  mlp_out,
  mlp_out_post,
  resid_post,
  final_norm,
  logits,
};
inline constexpr std::size_t kSites = 26;

std::string_view site_name(Site site);
std::optional<Site> site_from_name(std::string_view name);
bool site_has_layer(Site site);  // false for embeddings, final_norm, logits
// Values by query and key, which exist only while attention is computed.
inline bool is_inside_attention(Site site) {
  return site == Site::attn_scores || site == Site::attn_probs;
}

inline constexpr int kNoLayer = -1;

// A place in a model. Ordered by time of computation: embeddings, layer 0's sites, ..., final_norm,
// logits.
struct Point {
  int layer = kNoLayer;
  Site site = Site::resid_post;
  bool operator==(const Point&) const = default;
};
bool operator<(const Point& a, const Point& b);

}  // namespace tepui
