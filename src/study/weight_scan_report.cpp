// SPDX-License-Identifier: MIT
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/text_table.h"
#include "study/weight_scan.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kChannels = 10;

std::string kind_of_place(const WeightPlace& place) {
  return fmt::format("{}{}", role_name(place.role), place.rows ? " rows" : "");
}

// "down rows 1, 2 and 7 (up to 5.1x), attn_norm 3 (0.02x)"
std::string marks_text(const WeightScan& scan, const MarkedChannel& channel) {
  struct Found {
    std::vector<std::int64_t> layers;
    double ratio = 1;
    double deviations = 0;
  };
  std::map<std::string, Found> kinds;
  std::vector<std::string> order;
  for (const ChannelMark& mark : channel.marks) {
    const WeightPlace& place = scan.places[mark.place];
    const std::string kind = kind_of_place(place);
    if (!kinds.contains(kind)) order.push_back(kind);
    Found& own = kinds[kind];
    if (place.layer != kNoLayer) own.layers.push_back(place.layer);
    if (std::abs(mark.deviations) <= own.deviations) continue;
    own.deviations = std::abs(mark.deviations);
    own.ratio = mark.ratio;
  }
  std::vector<std::string> parts;
  for (const std::string& kind : order) {
    Found& own = kinds[kind];
    std::ranges::sort(own.layers);
    const std::string layers = own.layers.empty() ? "" : " " + ranges(own.layers);
    parts.push_back(fmt::format("{}{} ({:.3g} x median)", kind, layers, own.ratio));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

std::string weight_scan_table(const WeightScan& scan, int columns) {
  std::string text = fmt::format("{}: {} norms, biases and projections\n\n", valid_utf8(scan.model),
                                 scan.places.size());
  if (scan.channels.empty()) {
    text += fmt::format("No channel stands out by more than {:g} deviations.\n", scan.deviations);
  } else {
    text += fmt::format("Channels that stand out by more than {:g} deviations\n", scan.deviations);
    TextColumn channel{"channel", Align::right, 3, {}};
    TextColumn places{"places", Align::right, 2, {}};
    TextColumn where{"where, and the most deviant value", Align::left, 1, {}};
    for (std::size_t i = 0; i < std::min(kChannels, scan.channels.size()); ++i) {
      channel.cells.push_back(fmt::format("{}", scan.channels[i].channel));
      places.cells.push_back(fmt::format("{}", scan.channels[i].marks.size()));
      where.cells.push_back(marks_text(scan, scan.channels[i]));
    }
    text += put_together(fitted({channel, places, where}, std::max(columns, 200)));
    if (scan.channels.size() > kChannels)
      text += fmt::format("and {} more; --json has all\n", scan.channels.size() - kChannels);
  }
  text += "\nEntries of down projections that stand out most (rms: of the matrix)\n";
  TextColumn layer{"layer", Align::right, 9, {}};
  TextColumn expert{"expert", Align::right, 8, {}};
  TextColumn row{"channel (row)", Align::right, 9, {}};
  TextColumn column{"neuron (column)", Align::right, 9, {}};
  TextColumn value{"weight", Align::right, 7, {}};
  TextColumn ratio{"times rms", Align::right, 6, {}};
  bool experts = false;
  for (const WeightEntry& entry : scan.entries) {
    experts = experts || entry.expert >= 0;
    layer.cells.push_back(fmt::format("{}", entry.layer));
    expert.cells.push_back(fmt::format("{}", entry.expert));
    row.cells.push_back(fmt::format("{}", entry.channel));
    column.cells.push_back(fmt::format("{}", entry.neuron));
    value.cells.push_back(rounded(double{entry.value}));
    ratio.cells.push_back(rounded(entry.ratio));
  }
  std::vector<TextColumn> list{layer};
  if (experts) list.push_back(expert);
  list.insert(list.end(), {row, column, value, ratio});
  return text + put_together(fitted(std::move(list), columns));
}

Json weight_scan_json(const WeightScan& scan) {
  Json document;
  document["model"] = valid_utf8(scan.model);
  document["model_path"] = valid_utf8(scan.model_path);
  document["deviations"] = number(scan.deviations);
  document["places"] = Json::array();
  for (const WeightPlace& place : scan.places)
    document["places"].push_back(
        {{"layer", place.layer == kNoLayer ? Json(nullptr) : Json(place.layer)},
         {"weight", role_name(place.role)},
         {"rows", place.rows},
         {"median", number(place.median)}});
  document["channels"] = Json::array();
  for (const MarkedChannel& channel : scan.channels) {
    Json marks = Json::array();
    for (const ChannelMark& mark : channel.marks)
      marks.push_back({{"place", mark.place},
                       {"value", number(mark.value)},
                       {"ratio", number(mark.ratio)},
                       {"deviations", number(mark.deviations)}});
    document["channels"].push_back({{"channel", channel.channel}, {"marks", std::move(marks)}});
  }
  document["entries"] = Json::array();
  for (const WeightEntry& entry : scan.entries)
    document["entries"].push_back(
        {{"layer", entry.layer},
         {"expert", entry.expert < 0 ? Json(nullptr) : Json(entry.expert)},
         {"channel", entry.channel},
         {"neuron", entry.neuron},
         {"value", number(entry.value)},
         {"ratio", number(entry.ratio)}});
  return document;
}

}  // namespace tepui
