// SPDX-License-Identifier: MIT
#include "report/places_chart.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "study/wording.h"

namespace tepui {

namespace {

struct Peak {
  TopValue value;
  int count = 0;
};
using Peaks = std::map<std::int64_t, Peak>;  // by channel, or by position

void offer(Peaks& peaks, std::int64_t key, const TopValue& value) {
  Peak& peak = peaks[key];
  if (peak.count++ == 0 || std::abs(value.value) > std::abs(peak.value.value)) peak.value = value;
}

class Columns {
 public:
  Columns() {
    for (const char* name :
         {"layer", "channel", "position", "value", "sequence", "token", "count", "massive"})
      columns_[name] = ChartJson::array();
  }

  void add(const ChartSite& site, Point point, const Peaks& peaks, std::size_t most) {
    std::vector<const Peak*> order;
    for (const auto& entry : peaks) order.push_back(&entry.second);
    std::stable_sort(order.begin(), order.end(), [](const Peak* a, const Peak* b) {
      return std::abs(a->value.value) > std::abs(b->value.value);
    });
    left_out_ += order.size() - std::min(order.size(), most);
    order.resize(std::min(order.size(), most));
    for (const Peak* peak : order) {
      const TopValue& top = peak->value;
      columns_["layer"].push_back(chart_layer(point));
      columns_["channel"].push_back(top.channel);
      columns_["position"].push_back(top.position);
      columns_["value"].push_back(chart_float(top.value));
      columns_["sequence"].push_back(top.sequence);
      columns_["token"].push_back(site.token(top.sequence, top.position));
      columns_["count"].push_back(peak->count);
      const bool massive = passes(site.scan.options.rule, top.value, top.median);
      columns_["massive"].push_back(massive ? 1 : 0);
    }
  }

  ChartJson json() && {
    columns_["left_out"] = left_out_;
    return std::move(columns_);
  }

 private:
  ChartJson columns_;
  std::size_t left_out_ = 0;
};

// The channels, or positions, that are massive somewhere, each once.
std::string see_places(const ChartSite& site) {
  std::map<std::int64_t, int> channels;
  std::map<std::int64_t, int> positions;
  for (const MassiveValue& value : site.scan.massive.values) {
    if (value.point.site != site.site) continue;
    ++channels[value.channel];
    ++positions[value.position];
  }
  if (channels.empty()) return "No value is massive by the rule; shown are the largest.";
  const auto keys = [](const std::map<std::int64_t, int>& counts) {
    constexpr std::size_t kNamed = 6;
    std::vector<std::int64_t> all;
    for (const auto& entry : counts) all.push_back(entry.first);
    const std::size_t more = all.size() - std::min(all.size(), kNamed);
    all.resize(all.size() - more);
    return ranges(all) + (more > 0 ? fmt::format(" and {} more", more) : "");
  };
  return fmt::format("Massive values sit in {} {} and at {} {}.",
                     channels.size() == 1 ? "channel" : "channels", keys(channels),
                     positions.size() == 1 ? "position" : "positions", keys(positions));
}

}  // namespace

Result<ChartJson> places_chart(const ChartSite& site, std::size_t most) {
  Columns by_channel;
  Columns by_position;
  for (const PointSummary* summary : site.points) {
    Peaks channels;
    Peaks positions;
    for (const int sequence : site.scan.finished) {
      TEPUI_TRY(const auto place, read_place(site.store, sequence, summary->point));
      if (!place) continue;
      for (const ObservationRow& row : place->top) {
        if (!std::isfinite(row.value)) continue;
        const TopValue value{row.value, sequence, row.position, row.channel, place->median};
        offer(channels, row.channel, value);
        offer(positions, row.position, value);
      }
    }
    by_channel.add(site, summary->point, channels, most);
    by_position.add(site, summary->point, positions, most);
  }
  ChartJson chart;
  chart["see"] = see_places(site);
  chart["by_channel"] = std::move(by_channel).json();
  chart["by_position"] = std::move(by_position).json();
  return chart;
}

}  // namespace tepui
