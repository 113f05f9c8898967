// SPDX-License-Identifier: MIT
#include "plan/edit.h"

#include <algorithm>

namespace tepui {

namespace {

bool within(const std::vector<IntRange>& ranges, int number) {
  return std::ranges::any_of(ranges, [number](const IntRange& range) {
    return range.first <= number && number <= range.last;
  });
}

// "1-3,6"
std::string range_text(const std::vector<int>& ascending) {
  std::string text;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t last = i;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    text += text.empty() ? "" : ",";
    text += fmt::format("{}", ascending[i]);
    if (last > i) text += fmt::format("-{}", ascending[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace

bool TokenSelector::selects(int position, TokenId id) const {
  return within(positions, position) || std::ranges::find(ids, id) != ids.end();
}

bool ChannelSelector::selects(int channel) const { return within(ranges, channel); }

std::string EditSpec::text() const {
  std::string place(site_name(site));
  if (layers.kind == LayerSelector::Kind::first_massive) place += ".first-massive";
  if (layers.kind == LayerSelector::Kind::massive) place += ".massive";
  if (layers.kind == LayerSelector::Kind::listed && site_has_layer(site))
    place += "." + range_text(layers.layers);
  return place + where;
}

}  // namespace tepui
