// SPDX-License-Identifier: MIT
#include "exec/tap.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "base/assert.h"
#include "models/site_width.h"
#include "ops/fuse.h"

namespace tepui {

namespace {

// Steps of a tap, [first, last) of the Program, and the value that they read.
struct TapSteps {
  Value of;
  std::size_t first = 0;
  std::size_t last = 0;
};

// Moves each tap's steps from the end to right behind the producer of its value (to the front for
// an input).
void hoist(Program& program, std::size_t plain_steps, std::span<const TapSteps> taps) {
  std::vector<Step> order;
  const auto push_taps_of = [&](Value value) {
    for (const TapSteps& tap : taps) {
      if (tap.of != value) continue;
      for (std::size_t i = tap.first; i < tap.last; ++i) order.push_back(program.steps[i]);
    }
  };
  for (std::uint32_t id = 0; id < program.values.size(); ++id) {
    if (program.values[id].role == Role::input) push_taps_of(Value{id});
  }
  for (std::size_t i = 0; i < plain_steps; ++i) {
    order.push_back(program.steps[i]);
    for (const Value out : program.steps[i].out) push_taps_of(out);
  }
  TEPUI_ASSERT(order.size() == program.steps.size());
  program.steps = std::move(order);
}

bool contains(const std::vector<Site>& sites, Site site) {
  return std::ranges::find(sites, site) != sites.end();
}

int groups_of(const ModelSpec& spec, Site site) {
  switch (site) {
    case Site::q_pre:
    case Site::q:
    case Site::z: return spec.dims.heads;
    case Site::k_pre:
    case Site::k:
    case Site::v: return spec.dims.kv_heads;
    default: return 1;
  }
}

// Attention's step, and the linear layer behind it.
AttentionOperands attention_of(const Lowered& lowered) {
  AttentionOperands found;
  for (const auto& [role, value] : lowered.weights) {
    if (role == WeightRole::o) found.projection = value;
  }
  for (const Step& step : lowered.program.steps) {
    if (step.op == OpCode::attention) {
      found.scores = Builder::attention_inputs(step);
      found.v = step.in[2];
      found.z = step.out[0];
    }
    if (step.op == OpCode::linear && step.in[1] == found.projection) {
      found.projection_bias = step.in[2];
      found.out = step.out[0];
    }
  }
  TEPUI_ASSERT(found.z.present() && found.out.present());
  return found;
}

// Puts the steps of the metrics at the Program's end, and notes where they belong.
class Tapper {
 public:
  Tapper(Tapped& tapped, const ModelSpec& spec, const ChunkShape& chunk, int first_sequence,
         const SiteWork& wanted, std::span<const Metric* const> metrics, Lowered& lowered)
      : tapped_(tapped),
        spec_(spec),
        chunk_(chunk),
        first_sequence_(first_sequence),
        wanted_(wanted),
        metrics_(metrics),
        lowered_(lowered),
        plain_steps_(lowered.program.steps.size()) {
    for (const Site site : {Site::attn_scores, Site::attn_probs}) {
      if (contains(wanted.measured, site)) of_attention_.push_back(site);
    }
    if (!of_attention_.empty()) attention_ = attention_of(lowered);
    builder_ = Builder(std::move(lowered.program));
  }

  Status run() {
    std::map<std::uint32_t, SiteWork> sites_of;  // by value
    for (const auto& [site, value] : lowered_.sites) {
      if (contains(wanted_.measured, site)) sites_of[value.id].measured.push_back(site);
      if (contains(wanted_.streamed, site)) sites_of[value.id].streamed.push_back(site);
      if (!contains(wanted_.kept, site)) continue;
      tapped_.kept.emplace_back(site, value);
      bring_back(value);
    }
    for (const auto& [id, sites] : sites_of) {
      const Value x{id};
      if (!sites.streamed.empty()) {
        const int width = *site_width(spec_, sites.streamed.front());
        tapped_.outputs.push_back({nullptr, sites.streamed, width, 1, {x}});
        bring_back(x);
      }
      if (!sites.measured.empty()) measure(x, sites.measured, nullptr);
    }
    for (const Site site : of_attention_) measure(attention_.out, {site}, &attention_);
    TEPUI_TRY(lowered_.program, builder_.finish());
    hoist(lowered_.program, plain_steps_, taps_);
    return {};
  }

 private:
  void bring_back(Value value) {
    if (builder_.program().info(value).role == Role::temp) builder_.mark_output(value);
  }

  void measure(Value x, const std::vector<Site>& sites, const AttentionOperands* attention) {
    const int width = attention != nullptr ? spec_.dims.width : *site_width(spec_, sites.front());
    Value unedited = kNone;
    if (wanted_.compared && attention == nullptr) {
      unedited = builder_.input(builder_.type(x), "unedited");
      for (const Site site : sites) tapped_.unedited.emplace_back(site, unedited);
    }
    EmitContext context{builder_,
                        x,
                        lowered_.offsets,
                        unedited,
                        width,
                        chunk_.lengths,
                        tapped_.constants,
                        first_sequence_,
                        groups_of(spec_, sites.front()),
                        attention,
                        router_of(sites)};
    const std::size_t first = builder_.program().steps.size();
    for (const Metric* const metric : metrics_) {
      std::vector<Site> own;
      std::ranges::copy_if(sites, std::back_inserter(own),
                           [&](Site site) { return metric->accepts(site); });
      if (own.empty()) continue;
      tapped_.outputs.push_back({metric, own, width, context.groups, metric->emit(context)});
      for (const Value value : tapped_.outputs.back().values) builder_.mark_output(value);
    }
    taps_.push_back({x, first, builder_.program().steps.size()});
  }

  Value router_of(const std::vector<Site>& sites) const {
    if (!contains(sites, Site::mlp_act)) return kNone;
    for (const auto& [site, value] : lowered_.sites) {
      if (site == Site::router_logits) return value;
    }
    return kNone;
  }

  Tapped& tapped_;
  const ModelSpec& spec_;
  const ChunkShape& chunk_;
  int first_sequence_;
  const SiteWork& wanted_;
  std::span<const Metric* const> metrics_;
  Lowered& lowered_;
  std::size_t plain_steps_;
  std::vector<Site> of_attention_;
  AttentionOperands attention_;
  Builder builder_;
  std::vector<TapSteps> taps_;
};

}  // namespace

Result<Tapped> attach_taps(Lowered lowered, const ModelSpec& spec, const ChunkShape& chunk,
                           int first_sequence, const SiteWork& wanted,
                           std::span<const Metric* const> metrics) {
  Tapped tapped;
  TEPUI_TRY(Tapper(tapped, spec, chunk, first_sequence, wanted, metrics, lowered).run());
  lowered.program = fuse(std::move(lowered.program));
  tapped.lowered = std::move(lowered);
  return tapped;
}

}  // namespace tepui
