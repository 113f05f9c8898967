// SPDX-License-Identifier: MIT
#include "models/site_width.h"

namespace tepui {

std::string_view why_no_site(const ModelSpec& spec, Site site) {
  const Form& form = spec.form;
  switch (site) {
    case Site::attn_scores:
    case Site::attn_probs:
    case Site::logits: return "they are never held whole";
    case Site::attn_in:
    case Site::mlp_in:
      if (form.block == BlockKind::norm_after || !form.norms_before)
        return "there is no norm before attention and MLP; they read resid_pre and resid_mid";
      return "";
    case Site::resid_mid:
      if (form.block == BlockKind::parallel)
        return "attention and MLP run in parallel, and both are added at once";
      return "";
    case Site::mlp_pre_linear:
      if (form.mlp == MlpKind::plain) return "its MLP has one projection and no gate";
      return "";
    case Site::expert_indices:
      if (form.mlp == MlpKind::experts)
        return "numbers of experts are no activations; they are the places of the largest "
               "router_logits, in falling order, the lower of equal ones first";
      [[fallthrough]];
    case Site::router_logits:
    case Site::expert_weights:
      if (form.mlp != MlpKind::experts) return "its MLP is no mixture of experts";
      return "";
    default: return "";
  }
}

std::optional<int> site_width(const ModelSpec& spec, Site site) {
  if (!why_no_site(spec, site).empty()) return std::nullopt;
  const Dims& dims = spec.dims;
  switch (site) {
    case Site::q_pre:
    case Site::q:
    case Site::z: return dims.heads * dims.head_dim;
    case Site::k_pre:
    case Site::k:
    case Site::v: return dims.kv_heads * dims.head_dim;
    case Site::mlp_pre:
    case Site::mlp_pre_linear:
    case Site::mlp_act:
      return spec.form.mlp == MlpKind::experts ? dims.experts_chosen * dims.hidden : dims.hidden;
    case Site::router_logits: return dims.experts;
    case Site::expert_weights: return dims.experts_chosen;
    case Site::final_norm: return dims.embedding_width;
    default: return dims.width;
  }
}

std::string sites_with_width(const ModelSpec& spec) {
  std::string list;
  for (std::size_t i = 0; i < kSites; ++i) {
    const auto site = static_cast<Site>(i);
    if (site_width(spec, site)) list += (list.empty() ? "" : ", ") + std::string(site_name(site));
  }
  return list;
}

}  // namespace tepui
