// SPDX-License-Identifier: MIT
#include "plan/site_alias.h"

#include <fmt/format.h>

#include <charconv>

namespace tepui {

namespace {

struct Alias {
  std::string_view before;  // the layer's number
  std::string_view after;
  Site site;
};

// Without a layer: `before` is the whole name.
constexpr Alias kAliases[] = {
    // TransformerLens, both its spellings.
    {"blocks.", ".hook_resid_pre", Site::resid_pre},
    {"blocks.", ".hook_in", Site::resid_pre},
    {"blocks.", ".ln1.hook_out", Site::attn_in},
    {"blocks.", ".attn.hook_in", Site::attn_in},
    {"blocks.", ".attn.hook_q", Site::q_pre},
    {"blocks.", ".attn.q.hook_out", Site::q_pre},
    {"blocks.", ".attn.hook_k", Site::k_pre},
    {"blocks.", ".attn.k.hook_out", Site::k_pre},
    {"blocks.", ".attn.hook_rot_q", Site::q},
    {"blocks.", ".attn.hook_rot_k", Site::k},
    {"blocks.", ".attn.hook_v", Site::v},
    {"blocks.", ".attn.v.hook_out", Site::v},
    {"blocks.", ".attn.hook_z", Site::z},
    {"blocks.", ".attn.hook_out", Site::attn_out},
    {"blocks.", ".hook_attn_out", Site::attn_out_post},
    {"blocks.", ".hook_resid_mid", Site::resid_mid},
    {"blocks.", ".ln2.hook_in", Site::resid_mid},
    {"blocks.", ".ln2.hook_out", Site::mlp_in},
    {"blocks.", ".mlp.hook_in", Site::mlp_in},
    {"blocks.", ".mlp.hook_pre", Site::mlp_pre},
    {"blocks.", ".mlp.hook_pre_linear", Site::mlp_pre_linear},
    {"blocks.", ".mlp.hook_post", Site::mlp_act},
    {"blocks.", ".mlp.hook_out", Site::mlp_out},
    {"blocks.", ".hook_mlp_out", Site::mlp_out_post},
    {"blocks.", ".hook_resid_post", Site::resid_post},
    {"blocks.", ".hook_out", Site::resid_post},
    {"ln_final.hook_out", "", Site::final_norm},
    // Hugging Face's modules, whose hooks see their outputs.
    {"model.layers.", "", Site::resid_post},
    {"model.layers.", ".self_attn", Site::attn_out},
    {"model.layers.", ".mlp", Site::mlp_out},
    {"model.decoder.layers.", "", Site::resid_post},
    {"gpt_neox.layers.", "", Site::resid_post},
    {"gpt_neox.layers.", ".attention", Site::attn_out},
    {"gpt_neox.layers.", ".mlp", Site::mlp_out},
    {"transformer.h.", "", Site::resid_post},
    {"transformer.h.", ".attn", Site::attn_out},
    {"transformer.blocks.", "", Site::resid_post},
    {"model.norm", "", Site::final_norm},
    // llama.cpp's nodes.
    {"attn_norm-", "", Site::attn_in},
    {"kqv_out-", "", Site::attn_out},
    {"attn_post_norm-", "", Site::attn_out_post},
    {"ffn_inp-", "", Site::resid_mid},
    {"ffn_norm-", "", Site::mlp_in},
    {"ffn_gate-", "", Site::mlp_pre},
    {"ffn_up-", "", Site::mlp_pre_linear},
    {"ffn_moe_logits-", "", Site::router_logits},
    {"ffn_moe_weights_norm-", "", Site::expert_weights},
    {"ffn_out-", "", Site::mlp_out},
    {"ffn_post_norm-", "", Site::mlp_out_post},
    {"l_out-", "", Site::resid_post},
    {"result_norm", "", Site::final_norm},
};

std::optional<int> number(std::string_view text) {
  int value = -1;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end || value < 0)
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<Point> point_from_alias(std::string_view text, int layers) {
  for (const Alias& alias : kAliases) {
    if (!text.starts_with(alias.before)) continue;
    std::string_view rest = text.substr(alias.before.size());
    if (!site_has_layer(alias.site)) {
      if (rest.empty()) return Point{kNoLayer, alias.site};
      continue;
    }
    if (!rest.ends_with(alias.after)) continue;
    rest.remove_suffix(alias.after.size());
    const std::optional<int> layer = number(rest);
    if (layer && *layer < layers) return Point{*layer, alias.site};
  }
  return std::nullopt;
}

std::string point_name(Point point) {
  const std::string name(site_name(point.site));
  return point.layer == kNoLayer ? name : fmt::format("{}.{}", name, point.layer);
}

}  // namespace tepui
