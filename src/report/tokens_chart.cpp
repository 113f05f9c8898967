// SPDX-License-Identifier: MIT
#include "report/tokens_chart.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "study/wording.h"

namespace tepui {

namespace {

// Mean and the sample's standard deviation, as they come (Welford).
struct Moments {
  int count = 0;
  double mean = 0;
  double squares = 0;

  void add(double value) {
    const double before = value - mean;
    mean += before / ++count;
    squares += before * (value - mean);
  }
  ChartJson deviation() const {
    return count < 2 ? ChartJson(nullptr) : chart_number(std::sqrt(squares / (count - 1)));
  }
};

struct Carrier {
  std::int32_t token = 0;
  Moments sizes;  // |x| of each occurrence's largest
  TopValue largest;
  Moments massive;  // signed
};
using Carriers = std::map<std::int32_t, Carrier>;

void note(Carriers& carriers, std::int32_t token, const TopValue& value) {
  Carrier& carrier = carriers[token];
  carrier.token = token;
  if (carrier.sizes.count == 0 || std::abs(value.value) > std::abs(carrier.largest.value))
    carrier.largest = value;
  carrier.sizes.add(std::abs(double{value.value}));
}

Result<Carriers> carriers_of(const ChartSite& site, Point point) {
  Carriers carriers;
  for (const int sequence : site.scan.finished) {
    TEPUI_TRY(const auto rows, site.store.series(sequence, point, "token_max"));
    if (rows.empty()) continue;
    const auto& ids = site.scan.sequences[static_cast<std::size_t>(sequence)].tokens;
    const SeriesRow& row = rows.front();
    if (row.values.size() != ids.size() || row.indices.size() != ids.size())
      return fail(ErrorKind::data,
                  "{}: token_max of {}, {}, sequence {}: expected {} values with indices, found {} "
                  "and {}",
                  site.store.file().string(), site_name(point.site), chart_place(point), sequence,
                  ids.size(), row.values.size(), row.indices.size());
    for (std::size_t at = 0; at < ids.size(); ++at)
      if (std::isfinite(row.values[at]))
        note(carriers, ids[at],
             {row.values[at], sequence, static_cast<std::int64_t>(at), row.indices[at], 0});
  }
  return carriers;
}

void add_massive(const ChartSite& site, Point point, Carriers& carriers) {
  for (const MassiveValue& value : site.scan.massive.values) {
    if (!(value.point == point)) continue;
    const ChartJson token = site.token(value.sequence, value.position);
    const auto found = carriers.find(token.is_null() ? -1 : token.get<std::int32_t>());
    if (found != carriers.end()) found->second.massive.add(value.value);
  }
}

ChartJson row_of(const ChartSite& site, const Carrier& carrier) {
  site.tokens.insert(carrier.token);
  ChartJson row;
  row["token"] = carrier.token;
  row["occurrences"] = carrier.sizes.count;
  row["mean"] = chart_number(carrier.sizes.mean);
  row["deviation"] = carrier.sizes.deviation();
  row["value"] = chart_float(carrier.largest.value);
  row["sequence"] = carrier.largest.sequence;
  row["position"] = carrier.largest.position;
  row["channel"] = carrier.largest.channel;
  row["massive"] = carrier.massive.count;
  row["massive_mean"] =
      carrier.massive.count == 0 ? ChartJson(nullptr) : chart_number(carrier.massive.mean);
  row["massive_deviation"] = carrier.massive.deviation();
  return row;
}

std::string see_tokens(const ChartSite& site) {
  std::map<std::int32_t, int> counts;
  int all = 0;
  for (const MassiveValue& value : site.scan.massive.values) {
    if (value.point.site != site.site) continue;
    ++counts[site.scan.token(value.sequence, value.position).token_id];
    ++all;
  }
  if (counts.empty()) return "No token carries a massive value; shown are the largest of each.";
  const auto first =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto token = site.scan.vocabulary.find(first->first);
  const std::string text =
      quoted(token == site.scan.vocabulary.end() ? "" : token->second.bytes, Letters::unicode, 40);
  return fmt::format("{} carries {} of {} over all layers; {} in all.", text, first->second,
                     counted(all, "massive value"),
                     counted(static_cast<std::int64_t>(counts.size()), "token"));
}

}  // namespace

Result<ChartJson> tokens_chart(const ChartSite& site, std::size_t most) {
  ChartJson chart;
  chart["see"] = see_tokens(site);
  chart["layers"] = ChartJson::array();
  bool any = false;
  for (const PointSummary* summary : site.points) {
    TEPUI_TRY(auto carriers, carriers_of(site, summary->point));
    add_massive(site, summary->point, carriers);
    std::vector<const Carrier*> order;
    for (const auto& entry : carriers) order.push_back(&entry.second);
    std::stable_sort(order.begin(), order.end(), [](const Carrier* a, const Carrier* b) {
      return std::abs(a->largest.value) > std::abs(b->largest.value);
    });
    ChartJson layer;
    layer["distinct"] = order.size();
    any = any || !order.empty();
    layer["rows"] = ChartJson::array();
    for (std::size_t at = 0; at < std::min(order.size(), most); ++at)
      layer["rows"].push_back(row_of(site, *order[at]));
    chart["layers"].push_back(std::move(layer));
  }
  if (!any) chart["see"] = "The run kept no largest |x| of each token; tepui scan does.";
  return chart;
}

}  // namespace tepui
