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

}  // namespace

Result<Tapped> attach_taps(Lowered lowered, const ModelSpec& spec, const ChunkShape& chunk,
                           const SiteWork& wanted, std::span<const Metric* const> metrics) {
  Tapped tapped;
  const std::size_t plain_steps = lowered.program.steps.size();
  Builder builder(std::move(lowered.program));
  std::vector<TapSteps> taps;
  std::map<std::uint32_t, SiteWork> sites_of;  // by value
  for (const auto& [site, value] : lowered.sites) {
    if (contains(wanted.measured, site)) sites_of[value.id].measured.push_back(site);
    if (contains(wanted.streamed, site)) sites_of[value.id].streamed.push_back(site);
    if (!contains(wanted.kept, site)) continue;
    tapped.kept.emplace_back(site, value);
    if (builder.program().info(value).role == Role::temp) builder.mark_output(value);
  }
  for (const auto& [id, sites] : sites_of) {
    const Value x{id};
    const Site any = sites.measured.empty() ? sites.streamed.front() : sites.measured.front();
    const int width = *site_width(spec, any);
    if (!sites.streamed.empty()) {
      tapped.outputs.push_back({nullptr, sites.streamed, width, {x}});
      if (builder.program().info(x).role == Role::temp) builder.mark_output(x);
    }
    if (sites.measured.empty()) continue;
    Value unedited = kNone;
    if (wanted.compared) {
      unedited = builder.input(builder.type(x), "unedited");
      for (const Site site : sites.measured) tapped.unedited.emplace_back(site, unedited);
    }
    EmitContext context{builder,         x, lowered.offsets, unedited, width, chunk.lengths,
                        tapped.constants};
    const std::size_t first = builder.program().steps.size();
    for (const Metric* const metric : metrics) {
      tapped.outputs.push_back({metric, sites.measured, width, metric->emit(context)});
      for (const Value value : tapped.outputs.back().values) builder.mark_output(value);
    }
    taps.push_back({x, first, builder.program().steps.size()});
  }
  TEPUI_TRY(lowered.program, builder.finish());
  hoist(lowered.program, plain_steps, taps);
  lowered.program = fuse(std::move(lowered.program));
  tapped.lowered = std::move(lowered);
  return tapped;
}

}  // namespace tepui
