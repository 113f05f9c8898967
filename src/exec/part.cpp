// SPDX-License-Identifier: MIT
#include "exec/part.h"

#include <fmt/ranges.h>

namespace tepui {

namespace {

std::string numbers(const std::vector<Site>& sites) {
  std::vector<int> out;
  for (const Site site : sites) out.push_back(static_cast<int>(site));
  return fmt::format("{}", fmt::join(out, ","));
}

// Buffers for what the part's taps give, but for values that the caller binds.
Result<Part::TapBuffers> make_tap_buffers(Backend& backend, const Tapped& tapped) {
  Part::TapBuffers set;
  for (const TapOutput& output : tapped.outputs) {
    std::vector<Buffer> buffers(output.values.size());
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const Value value = output.values[i];
      const ValueInfo& info = tapped.lowered.program.info(value);
      if (info.role != Role::output || value == tapped.lowered.result) continue;
      TEPUI_TRY(buffers[i], backend.allocate(backend.storage_bytes(info.type), Memory::device));
    }
    set.push_back(std::move(buffers));
  }
  return set;
}

}  // namespace

Status bind_taps(Backend& backend, Part& part, Bindings& bindings) {
  for (std::size_t i = 0; i < part.constants.size(); ++i)
    bindings[part.tapped.constants[i].value.id] = BufferSlice::whole(part.constants[i]);
  Part::TapBuffers& set = part.tap_sets[part.next_set];
  part.next_set = (part.next_set + 1) % Part::kTapSets;
  if (set.size() != part.tapped.outputs.size()) {
    TEPUI_TRY(set, make_tap_buffers(backend, part.tapped));
  }
  for (std::size_t i = 0; i < set.size(); ++i) {
    for (std::size_t j = 0; j < set[i].size(); ++j) {
      const Buffer& buffer = set[i][j];
      if (buffer.storage != nullptr)
        bindings[part.tapped.outputs[i].values[j].id] = BufferSlice::whole(buffer);
    }
  }
  return {};
}

Result<std::unique_ptr<Part>> PartCache::make(const ChunkShape& chunk, const SiteWork& sites,
                                              std::span<const Metric* const> metrics,
                                              Lowered lowered) {
  auto part = std::make_unique<Part>();
  TEPUI_TRY(part->tapped, attach_taps(std::move(lowered), spec_, chunk, sites, metrics));
  TEPUI_TRY(part->prepared, backend_.prepare(part->tapped.lowered.program));
  for (const Constant& constant : part->tapped.constants) {
    TEPUI_TRY(Buffer buffer, backend_.allocate(constant.bytes.size(), Memory::device));
    part->constants.push_back(std::move(buffer));
    part->uploads.push_back(
        backend_.upload(BufferSlice::whole(part->constants.back()), constant.bytes, {}));
  }
  return part;
}

Result<Part*> PartCache::get(const std::string& kind, const ChunkShape& chunk, int first_sequence,
                             const SiteWork& sites, const std::function<Result<Lowered>()>& lower) {
  std::vector<const Metric*> metrics;
  std::vector<std::string_view> metric_names;
  for (const auto& metric : metrics_) {
    if (!metric->measures(first_sequence, first_sequence + chunk.sequences())) continue;
    metrics.push_back(metric.get());
    metric_names.push_back(metric->name());
  }
  const std::string key =
      fmt::format("{} | {} | {} | {} | {}", kind, fmt::join(chunk.lengths, ","),
                  numbers(sites.measured), numbers(sites.streamed), fmt::join(metric_names, ","));
  auto& slot = parts_[key];
  if (slot == nullptr) {
    TEPUI_TRY(Lowered lowered, lower());
    TEPUI_TRY(slot, make(chunk, sites, metrics, std::move(lowered)));
  }
  return slot.get();
}

}  // namespace tepui
