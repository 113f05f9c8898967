// SPDX-License-Identifier: MIT
#include "study/origin_report.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8_text.h"
#include "study/text_table.h"

namespace tepui {

namespace {

constexpr std::size_t kGroups = 8;
constexpr std::size_t kCarriers = 2;

std::string per_cent(double share) {
  if (!std::isfinite(share)) return "-";
  return fmt::format("{:.1f} %", 100 * share);
}

double share_of(float part, float whole) {
  return whole != 0 ? double{part} / double{whole} : std::nan("");
}

std::string token_name(const OriginSummary& summary, const OriginGroup& group, Letters letters) {
  return quoted(summary.token_bytes(group.token_id), letters, 24);
}

std::string groups_text(const OriginSummary& summary, Letters letters, int columns) {
  TextColumn token{"token", Align::left, 20, {}};
  TextColumn where{"position", Align::left, 8, {}};
  TextColumn channel{"channel", Align::right, 19, {}};
  TextColumn sequences{"sequences", Align::right, 9, {}};
  TextColumn layers{"massive in layers", Align::left, 10, {}};
  TextColumn peak{"peak", Align::right, 18, {}};
  TextColumn at{"at layer", Align::right, 12, {}};
  TextColumn left{"left at the end", Align::right, 11, {}};
  for (std::size_t i = 0; i < std::min(kGroups, summary.groups.size()); ++i) {
    const OriginGroup& group = summary.groups[i];
    token.cells.push_back(token_name(summary, group, letters));
    where.cells.push_back(group.first ? "0" : "others");
    channel.cells.push_back(fmt::format("{}", group.channel));
    sequences.cells.push_back(fmt::format("{}/{}", group.sequences, summary.finished));
    layers.cells.push_back(ranges(group.massive_layers));
    peak.cells.push_back(rounded(group.mean_peak));
    at.cells.push_back(fmt::format("{}", group.largest->peak_layer()));
    left.cells.push_back(rounded(double{group.largest->layers.back().resid_post}));
  }
  std::string text =
      put_together(fitted({token, where, channel, sequences, layers, peak, at, left}, columns));
  if (summary.groups.size() > kGroups)
    text += fmt::format("and {} more; --json has all\n", summary.groups.size() - kGroups);
  return text;
}

std::string so_far_text(const OriginSummary& summary) {
  return so_far(static_cast<std::size_t>(summary.finished),
                static_cast<std::size_t>(summary.sequences), "measured");
}

// The contributions that count: at least a hundredth of the peak, at most `most`.
std::vector<Contribution> main_ones(std::vector<Contribution> list, std::size_t most) {
  std::erase_if(list, [](const auto& one) { return std::abs(one.share) < 0.01; });
  if (list.size() > most) list.resize(most);
  return list;
}

std::string parts_text(const OriginSummary& summary, Letters letters, int columns) {
  TextColumn token{"token", Align::left, 10, {}};
  TextColumn channel{"channel", Align::right, 20, {}};
  TextColumn part{"by", Align::left, 19, {}};
  TextColumn adds{"adds", Align::right, 16, {}};
  TextColumn share{"of peak", Align::right, 17, {}};
  TextColumn carried{"carried by", Align::left, 14, {}};
  for (std::size_t i = 0; i < std::min(kGroups, summary.groups.size()); ++i) {
    const OriginGroup& group = summary.groups[i];
    auto list = main_ones(written(*group.largest), 3);
    for (const Contribution& one : main_ones(removed(*group.largest), 2)) list.push_back(one);
    for (std::size_t at = 0; at < list.size(); ++at) {
      token.cells.push_back(at == 0 ? token_name(summary, group, letters) : "");
      channel.cells.push_back(at == 0 ? fmt::format("{}", group.channel) : "");
      part.cells.push_back(part_name(list[at]));
      adds.cells.push_back(rounded(double{list[at].value}));
      share.cells.push_back(per_cent(list[at].share));
      carried.cells.push_back(
          carriers(summary, *group.largest, list[at], columns < 100 ? 1 : kCarriers));
    }
  }
  return put_together(fitted({token, channel, part, adds, share, carried}, columns));
}

// Of each site the layer with the largest |x|; and all places beyond f16.
std::string ranges_text(const OriginSummary& summary, Letters letters, int columns) {
  std::vector<SiteRange> sites;
  std::vector<SiteRange> beyond;
  for (const SiteRange& range : summary.ranges) {
    if (std::abs(double{range.value}) > kLargestHalf) beyond.push_back(range);
    const auto same = std::ranges::find_if(
        sites, [&](const auto& one) { return one.point.site == range.point.site; });
    if (same == sites.end())
      sites.push_back(range);
    else if (std::abs(range.value) > std::abs(same->value))
      *same = range;
  }
  std::ranges::stable_sort(sites, std::greater{},
                           [](const auto& one) { return std::abs(one.value); });
  constexpr std::size_t kSites = 5;
  const bool overflow = !beyond.empty();
  std::vector<SiteRange>& list = overflow ? beyond : sites;
  const std::size_t all = list.size();
  if (list.size() > (overflow ? 4 * kSites : kSites)) list.resize(overflow ? 4 * kSites : kSites);
  std::string text =
      wrapped(overflow ? fmt::format("{} beyond the largest f16, {:.0f}; largest |x| of each:\n",
                                     counted(static_cast<std::int64_t>(all), "place"), kLargestHalf)
                       : fmt::format("No value leaves f16 ({:.0f}); the sites that come closest:\n",
                                     kLargestHalf),
              columns);
  TextColumn site{"site", Align::left, 20, {}};
  TextColumn layer{"layer", Align::right, 19, {}};
  TextColumn value{"largest", Align::right, 18, {}};
  TextColumn times{"times f16's largest", Align::right, 17, {}};
  TextColumn token{"token", Align::left, 12, {}};
  TextColumn position{"pos", Align::right, 9, {}};
  TextColumn channel{"channel", Align::right, 10, {}};
  for (const SiteRange& range : list) {
    site.cells.emplace_back(site_name(range.point.site));
    layer.cells.push_back(range.point.layer == kNoLayer ? "-"
                                                        : fmt::format("{}", range.point.layer));
    value.cells.push_back(rounded(double{range.value}));
    times.cells.push_back(fmt::format("{:.3g}", std::abs(double{range.value}) / kLargestHalf));
    token.cells.push_back(
        quoted(summary.token_bytes(summary.token_at(range.sequence, range.position)), letters, 16));
    position.cells.push_back(fmt::format("{}", range.position));
    channel.cells.push_back(fmt::format("{}", range.channel));
  }
  text += put_together(fitted({site, layer, value, times, token, position, channel}, columns));
  if (all > list.size() && overflow)
    text += fmt::format("and {} more; --json has all\n", all - list.size());
  return text;
}

}  // namespace

std::string carriers(const OriginSummary& summary, const OriginLife& life, const Contribution& one,
                     std::size_t most) {
  if (one.part == OriginPart::embedding) return "";
  const LayerPart& layer = life.layers[static_cast<std::size_t>(one.layer)];
  std::string text;
  if (one.part == OriginPart::mlp) {
    for (std::size_t i = 0; i < std::min(most, layer.neurons.size()); ++i) {
      const NeuronPart& neuron = layer.neurons[i];
      const double share = share_of(neuron.gives, layer.mlp_raw);
      if (i > 0 && std::abs(share) < 0.05) break;
      text +=
          fmt::format("{}{}: {} x {} ({})", i > 0 ? ", " : "", neuron_name(summary, neuron.neuron),
                      rounded(double{neuron.act}), rounded(double{neuron.weight}), per_cent(share));
    }
    return text;
  }
  std::vector<std::size_t> order(layer.heads.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{},
                           [&](std::size_t head) { return std::abs(layer.heads[head]); });
  for (std::size_t i = 0; i < std::min(most, order.size()); ++i) {
    const double share = share_of(layer.heads[order[i]], layer.attention_raw);
    if (i > 0 && std::abs(share) < 0.05) break;
    text += fmt::format("{}head {} ({})", i > 0 ? ", " : "", order[i], per_cent(share));
  }
  return text;
}

std::string origin_finding(const OriginSummary& summary) {
  std::string text = so_far_text(summary);
  if (summary.finished == 0) return text;
  if (!text.empty()) text += "\n";
  if (summary.groups.empty()) return text + "No activation of the residual stream is massive.";
  constexpr std::size_t kShown = 4;
  for (std::size_t i = 0; i < std::min(kShown, summary.groups.size()); ++i) {
    const OriginGroup& group = summary.groups[i];
    const OriginLife& life = *group.largest;
    const auto by = written(life);
    const auto end = removed(life);
    text += fmt::format("{}Channel {} of {}{} reaches {}", i > 0 ? "\n" : "", group.channel,
                        token_name(summary, group, Letters::unicode),
                        group.first ? " at position 0" : "", rounded(double{life.peak()}));
    if (!by.empty()) {
      text += fmt::format(": {} of it comes from {}", per_cent(by.front().share),
                          part_name(by.front()));
      const std::string carried = carriers(summary, life, by.front(), 1);
      if (!carried.empty()) text += ", whose largest part is " + carried;
    }
    if (!end.empty() && -end.front().share >= 0.01)
      text += fmt::format("; {} takes {} of it away", part_name(end.front()),
                          per_cent(-end.front().share));
    text += ".";
  }
  if (summary.groups.size() > kShown)
    text += fmt::format("\nAnd {} more.", summary.groups.size() - kShown);
  return text;
}

std::string origin_table(const OriginSummary& summary, Letters letters, int columns) {
  std::string text = so_far_text(summary);
  if (!text.empty()) text += "\n";
  if (summary.finished == 0) return text;
  if (summary.groups.empty()) {
    text += fmt::format("No activation of resid_post is massive in {}.\n",
                        counted(summary.finished, "sequence"));
  } else {
    text +=
        wrapped("Massive activations of resid_post (peak: mean of the largest values)\n", columns);
    text += groups_text(summary, letters, columns) + "\n";
    text += wrapped(
        "What writes them up to the peak and what removes them behind it, of the one with the "
        "largest peak; carried by: neuron (activation x entry of the down projection) or head, "
        "with its share of what the sub-layer gives\n",
        columns);
    text += parts_text(summary, letters, columns);
  }
  return text + "\n" + ranges_text(summary, letters, columns);
}

}  // namespace tepui
