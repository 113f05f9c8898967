// SPDX-License-Identifier: MIT
#include "exec/part.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace tepui {

Result<std::unique_ptr<Part>> PartCache::make(const ChunkShape& chunk, std::span<const Site> sites,
                                              std::span<const Metric* const> metrics,
                                              Lowered lowered) {
  auto part = std::make_unique<Part>();
  TEPUI_TRY(part->tapped, attach_taps(std::move(lowered), spec_, chunk, sites, metrics));
  const Program& program = part->tapped.lowered.program;
  TEPUI_TRY(part->prepared, backend_.prepare(program));
  for (const Constant& constant : part->tapped.constants) {
    TEPUI_TRY(Buffer buffer, backend_.allocate(constant.bytes.size(), Memory::device));
    part->constants.push_back(std::move(buffer));
    TEPUI_TRY(backend_.wait(
        backend_.upload(BufferSlice::whole(part->constants.back()), constant.bytes, {})));
  }
  for (const TapOutput& output : part->tapped.outputs) {
    std::vector<Buffer> buffers;
    for (const Value value : output.values) {
      TEPUI_TRY(Buffer buffer, backend_.allocate(backend_.storage_bytes(program.info(value).type),
                                                 Memory::device));
      buffers.push_back(std::move(buffer));
    }
    part->tap_buffers.push_back(std::move(buffers));
  }
  return part;
}

Result<Part*> PartCache::get(const std::string& kind, const ChunkShape& chunk, int first_sequence,
                             std::span<const Site> sites,
                             const std::function<Result<Lowered>()>& lower) {
  std::vector<const Metric*> metrics;
  std::string metric_names;
  for (const auto& metric : metrics_) {
    if (!metric->measures(first_sequence, first_sequence + chunk.sequences())) continue;
    metrics.push_back(metric.get());
    metric_names += fmt::format("{},", metric->name());
  }
  std::vector<int> site_numbers;
  for (const Site site : sites) site_numbers.push_back(static_cast<int>(site));
  const std::string key = fmt::format("{} | {} | {} | {}", kind, fmt::join(chunk.lengths, ","),
                                      fmt::join(site_numbers, ","), metric_names);
  auto& slot = parts_[key];
  if (slot == nullptr) {
    TEPUI_TRY(Lowered lowered, lower());
    TEPUI_TRY(slot, make(chunk, sites, metrics, std::move(lowered)));
  }
  return slot.get();
}

Status collect_taps(Backend& backend, const Part& part, int layer, int first_sequence,
                    const ChunkShape& chunk, std::span<const Site> sites, Tickets after,
                    RowSink& sink) {
  const Program& program = part.tapped.lowered.program;
  for (std::size_t i = 0; i < part.tapped.outputs.size(); ++i) {
    const TapOutput& output = part.tapped.outputs[i];
    std::vector<std::vector<std::byte>> bytes(output.values.size());
    std::vector<HostView> views;
    for (std::size_t j = 0; j < output.values.size(); ++j) {
      const TensorType& type = program.info(output.values[j]).type;
      bytes[j].resize(type.bytes());
      TEPUI_TRY(backend.wait(
          backend.download(bytes[j], BufferSlice::whole(part.tap_buffers[i][j]), after)));
      views.push_back({type, bytes[j]});
    }
    for (const Site site : output.sites) {
      if (std::ranges::find(sites, site) == sites.end()) continue;
      const TapContext context{{layer, site}, first_sequence, output.width, chunk.lengths};
      TEPUI_TRY(output.metric->rows(views, context, sink));
    }
  }
  return {};
}

}  // namespace tepui
