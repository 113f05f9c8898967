// SPDX-License-Identifier: MIT
#include "support/capture.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

namespace tepui::test {

namespace {

std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

}  // namespace

std::pair<std::pair<int, int>, int> capture_key(Point point, int sequence) {
  return {{point.layer, static_cast<int>(point.site)}, sequence};
}

std::vector<Value> Capture::emit(EmitContext& context) const {
  return {context.builder.act(context.x, TEPUI_ACT_NONE,
                              "captured")};  // a copy: x may be bound elsewhere
}

Status Capture::rows(std::span<const HostView> outputs, const TapContext& context, RowSink&) const {
  const auto values = outputs[0].as<float>();
  std::size_t begin = 0;
  for (std::size_t s = 0; s < context.lengths.size(); ++s) {
    const auto count =
        static_cast<std::size_t>(context.lengths[s]) * static_cast<std::size_t>(context.width);
    const auto part = values.subspan(begin, count);
    into_[capture_key(context.point, context.first_sequence + static_cast<int>(s))].assign(
        part.begin(), part.end());
    begin += count;
  }
  return {};
}

Status TextSink::begin_unit(int first_sequence, int last_sequence) {
  units.emplace_back(first_sequence, last_sequence);
  return {};
}

Status TextSink::add(const Observation& row) {
  lines_.push_back(fmt::format("{} {} {} {} {} {} {} {} {:08x}", row.sequence, row.point.layer,
                               site_name(row.point.site), row.metric, row.rank, row.parameter,
                               row.position, row.channel, std::bit_cast<std::uint32_t>(row.value)));
  return {};
}

Status TextSink::add(const Series& row) {
  lines_.push_back(fmt::format("{} {} {} {} {:08x} | {}", row.sequence, row.point.layer,
                               site_name(row.point.site), row.metric,
                               fmt::join(bits_of(row.values), " "), fmt::join(row.indices, " ")));
  return {};
}

Status TextSink::end_unit() { return {}; }

std::vector<std::string> TextSink::sorted_lines() const {
  auto lines = lines_;
  std::ranges::sort(lines);
  return lines;
}

}  // namespace tepui::test
