// SPDX-License-Identifier: MIT
#include "exec/part.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace tepui {

namespace {

std::string numbers(const std::vector<Site>& sites) {
  std::vector<int> out;
  for (const Site site : sites) out.push_back(static_cast<int>(site));
  return fmt::format("{}", fmt::join(out, ","));
}

// Edits with equal names make equal steps.
std::string names_of(std::span<const LaneEdit> edits) {
  std::string out;
  for (const LaneEdit& edit : edits)
    out += fmt::format("{} {} {};", edit.edit->key, edit.selection == LaneEdit::kOwn,
                       edit.patch == LaneEdit::kOwn);
  return out;
}

constexpr std::size_t kTapAlignment = 4;  // of the values, which are words: nothing lies between

void place_outputs(const Backend& backend, Part& part) {
  const Lowered& lowered = part.tapped.lowered;
  for (const TapOutput& output : part.tapped.outputs) {
    for (const Value value : output.values) {
      const ValueInfo& info = lowered.program.info(value);
      const bool own = info.role == Role::output && value != lowered.result;
      part.places.push_back({value, own, 0, backend.storage_bytes(info.type)});
    }
  }
  for (const bool own : {true, false}) {
    for (TapPlace& place : part.places) {
      if (place.own != own) continue;
      place.offset = part.host_bytes;
      part.host_bytes += (place.bytes + kTapAlignment - 1) / kTapAlignment * kTapAlignment;
    }
    if (own) part.tap_bytes = part.host_bytes;
  }
}

}  // namespace

Result<const Buffer*> bind_taps(Backend& backend, Part& part, Bindings& bindings) {
  for (std::size_t i = 0; i < part.constants.size(); ++i)
    bindings[part.tapped.constants[i].value.id] = BufferSlice::whole(part.constants[i]);
  Buffer& set = part.tap_sets[part.next_set];
  part.next_set = (part.next_set + 1) % Part::kTapSets;
  if (set.storage == nullptr) {
    TEPUI_TRY(set, backend.allocate(part.tap_bytes, Memory::device));
  }
  for (const TapPlace& place : part.places) {
    if (place.own) bindings[place.value.id] = {&set, place.offset, place.bytes};
  }
  return &set;
}

Result<std::unique_ptr<Part>> PartCache::make(const ChunkShape& chunk, int first_sequence,
                                              std::span<const LaneEdit> edits,
                                              const SiteWork& sites,
                                              std::span<const Metric* const> metrics,
                                              Lowered lowered) {
  auto part = std::make_unique<Part>();
  TEPUI_TRY(Edited edited, attach_edits(std::move(lowered), spec_, chunk, edits, massive_));
  TEPUI_TRY(part->tapped,
            attach_taps(std::move(edited.lowered), spec_, chunk, first_sequence, sites, metrics));
  part->edit_inputs = std::move(edited.inputs);
  std::ranges::move(edited.constants, std::back_inserter(part->tapped.constants));
  TEPUI_TRY(part->prepared, backend_.prepare(part->tapped.lowered.program));
  place_outputs(backend_, *part);
  for (const Constant& constant : part->tapped.constants) {
    TEPUI_TRY(Buffer buffer, backend_.allocate(constant.bytes.size(), Memory::device));
    part->constants.push_back(std::move(buffer));
    part->uploads.push_back(
        backend_.upload(BufferSlice::whole(part->constants.back()), constant.bytes, {}));
  }
  return part;
}

Result<Part*> PartCache::get(const std::string& kind, const ChunkShape& chunk, int first_sequence,
                             std::span<const LaneEdit> edits, const SiteWork& sites,
                             const std::function<Result<Lowered>()>& lower) {
  std::vector<const Metric*> metrics;
  std::string names;
  const int last_sequence = first_sequence + chunk.sequences();
  for (const auto& metric : metrics_) {
    if (!metric->measures(first_sequence, last_sequence)) continue;
    metrics.push_back(metric.get());
    names += fmt::format("{} {},", metric->name(), metric->variant(first_sequence, last_sequence));
  }
  const std::string key = fmt::format(
      "{} | {} | {} | {} | {} | {} | {} | {}", kind, fmt::join(chunk.lengths, ","), names_of(edits),
      numbers(sites.measured), numbers(sites.streamed), numbers(sites.kept), sites.compared, names);
  auto& slot = parts_[key];
  if (slot == nullptr) {
    TEPUI_TRY(Lowered lowered, lower());
    TEPUI_TRY(slot, make(chunk, first_sequence, edits, sites, metrics, std::move(lowered)));
  }
  return slot.get();
}

}  // namespace tepui
