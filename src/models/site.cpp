// SPDX-License-Identifier: MIT
#include "tepui/site.h"

#include <algorithm>
#include <climits>
#include <utility>

namespace tepui {

namespace {

constexpr std::array<std::string_view, kSites> kNames = {"embeddings",
                                                         "resid_pre",
                                                         "attn_in",
                                                         "q_pre",
                                                         "k_pre",
                                                         "q",
                                                         "k",
                                                         "v",
                                                         "attn_scores",
                                                         "attn_probs",
                                                         "z",
                                                         "attn_out",
                                                         "attn_out_post",
                                                         "resid_mid",
                                                         "mlp_in",
                                                         "router_logits",
                                                         "expert_indices",
                                                         "expert_weights",
                                                         "mlp_pre",
                                                         "mlp_pre_linear",
                                                         "mlp_act",
                                                         "mlp_out",
                                                         "mlp_out_post",
                                                         "resid_post",
                                                         "final_norm",
                                                         "logits"};

}  // namespace

std::string_view site_name(Site site) { return kNames[static_cast<std::size_t>(site)]; }

std::optional<Site> site_from_name(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Site>(found - kNames.begin());
}

bool site_has_layer(Site site) {
  return site != Site::embeddings && site != Site::final_norm && site != Site::logits;
}

bool operator<(const Point& a, const Point& b) {
  const auto time = [](const Point& point) {
    const int layer = site_has_layer(point.site)       ? point.layer
                      : point.site == Site::embeddings ? INT_MIN
                                                       : INT_MAX;
    return std::pair(layer, point.site);
  };
  return time(a) < time(b);
}

}  // namespace tepui
