// SPDX-License-Identifier: MIT
#include "report/curves_chart.h"

#include <algorithm>
#include <cmath>

#include "study/wording.h"

namespace tepui {

namespace {

constexpr std::size_t kRanks = 3;

double top_mean(const PointSummary& point, std::size_t rank) {
  return rank < point.top_mean.size() ? point.top_mean[rank] : std::nan("");
}

ChartJson largest_of(const PointSummary& point, const ChartSite& site) {
  if (point.top.empty()) return nullptr;
  const TopValue& top = point.top.front();
  return {{"value", chart_float(top.value)},
          {"sequence", top.sequence},
          {"position", top.position},
          {"channel", top.channel},
          {"token", site.token(top.sequence, top.position)}};
}

std::string see_curves(const ChartSite& site) {
  const auto peak = *std::max_element(
      site.points.begin(), site.points.end(), [](const PointSummary* a, const PointSummary* b) {
        return !(top_mean(*a, 0) >= top_mean(*b, 0));  // NaN comes first
      });
  std::string text =
      fmt::format("Mean top-1 is largest at {}: {}, where the mean median is {}.",
                  chart_place(peak->point), rounded(top_mean(*peak, 0)), rounded(peak->median));
  const auto massive =
      std::count_if(site.points.begin(), site.points.end(),
                    [](const PointSummary* p) { return p->massive_sequences > 0; });
  const std::size_t all = site.points.size();
  if (massive > 0)
    text += fmt::format(" Massive in {} of {}.", massive,
                        counted(static_cast<std::int64_t>(all), "layer"));
  else
    text += " Nothing is massive by the rule.";
  return text;
}

}  // namespace

ChartJson curves_chart(const ChartSite& site) {
  ChartJson chart;
  chart["see"] = see_curves(site);
  for (const char* list : {"sequences", "median", "top", "largest", "massive_sequences"})
    chart[list] = ChartJson::array();
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    chart["top"].push_back(ChartJson::array());
    for (const PointSummary* point : site.points)
      chart["top"][rank].push_back(chart_number(top_mean(*point, rank)));
  }
  for (const PointSummary* point : site.points) {
    chart["sequences"].push_back(point->sequences);
    chart["median"].push_back(chart_number(point->median));
    chart["largest"].push_back(largest_of(*point, site));
    chart["massive_sequences"].push_back(point->massive_sequences);
  }
  return chart;
}

ChartJson quantiles_chart(const ChartSite& site) {
  ChartJson chart;
  const auto& first = site.points.front()->quantiles;
  chart["fractions"] = ChartJson::array();
  chart["means"] = ChartJson::array();
  for (std::size_t q = 0; q < first.size(); ++q) {
    chart["fractions"].push_back(chart_number(first[q].fraction));
    ChartJson means = ChartJson::array();
    for (const PointSummary* point : site.points)
      means.push_back(q < point->quantiles.size() ? chart_number(point->quantiles[q].mean)
                                                  : ChartJson(nullptr));
    chart["means"].push_back(std::move(means));
  }
  return chart;
}

}  // namespace tepui
