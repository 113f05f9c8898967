// SPDX-License-Identifier: MIT
#include "exec/lane_runner.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/assert.h"
#include "exec/attention_edits.h"

namespace tepui {

BufferSlice LaneRunner::LaneStates::kept_value(int lane, Site site) const {
  const auto& sites = kept[static_cast<std::size_t>(lane)];
  const auto found = std::ranges::find(sites, site, &std::pair<Site, BufferSlice>::first);
  TEPUI_ASSERT(found != sites.end());
  return found->second;
}

SiteWork LaneRunner::work_of_lane(const PartLanes& lanes, int index, const SiteWork& work) const {
  SiteWork own;
  own.measured = work.measured;
  own.kept = lanes.lanes[static_cast<std::size_t>(index)].kept;
  const bool compared = means_.compares && lanes.lanes.size() > 1;
  if (lanes.lane_of(means_.row_branch) == index) own.streamed = work.streamed;
  if (index > 0) {
    own.compared = compared;
    return own;
  }
  for (const Site site : work.measured) {
    if (compared && std::ranges::find(own.kept, site) == own.kept.end()) own.kept.push_back(site);
  }
  return own;
}

Status LaneRunner::bind_states(ChunkState& chunk, const Lane& lane, int index, const Part& part,
                               Bindings& bindings, std::vector<Ticket>& after) {
  const Lowered& lowered = part.tapped.lowered;
  if (lowered.hidden.present()) {
    const Buffer& hidden = chunk.hidden[static_cast<std::size_t>(lane.parent)];
    bindings[lowered.hidden.id] = BufferSlice::whole(hidden);
  }
  const auto bytes_of = [&](Value value) {
    return means_.backend.storage_bytes(lowered.program.info(value).type);
  };
  Buffer& result = states_.results[static_cast<std::size_t>(index)];
  TEPUI_TRY(result, pool_.take(bytes_of(lowered.result), after));
  bindings[lowered.result.id] = BufferSlice::whole(result);
  for (const auto& [site, value] : part.tapped.kept) {
    // It may be the result or the state before, or lie among the outputs where a tap brings it back
    // as well.
    if (bindings[value.id].buffer == &result) states_.held[static_cast<std::size_t>(index)] = true;
    if (lowered.hidden.present() && value == lowered.hidden)
      states_.held_inputs[static_cast<std::size_t>(lane.parent)] = true;
    if (bindings[value.id].buffer == nullptr) {
      TEPUI_TRY(Buffer buffer, pool_.take(bytes_of(value), after));
      states_.buffers.push_back(std::make_unique<Buffer>(std::move(buffer)));
      bindings[value.id] = BufferSlice::whole(*states_.buffers.back());
    }
    states_.kept[static_cast<std::size_t>(index)].emplace_back(site, bindings[value.id]);
  }
  for (const auto& [site, value] : part.tapped.unedited)
    bindings[value.id] = states_.kept_value(0, site);
  return {};
}

Status LaneRunner::bind_edits(ChunkState& chunk, const Lane& lane, const Part& part,
                              Bindings& bindings, std::vector<Ticket>& after) {
  for (const EditInput& input : part.edit_inputs) {
    const LaneEdit& own = lane.edits[input.edit];
    if (input.kind == EditInput::Kind::attention) {
      const AttentionEditWords edits =
          attention_edit_words(lane.edits, means_.model.spec.dims.heads, chunk.shape, chunk.tokens);
      TEPUI_TRY(const ChunkState::Marks* const marks,
                marks_of(means_.backend, chunk, edits.words()));
      bindings[input.value.id] = BufferSlice::whole(marks->buffer);
      after.push_back(marks->upload);
      continue;
    }
    if (input.kind == EditInput::Kind::marks) {
      TEPUI_TRY(const ChunkState::Marks* const marks,
                marks_of(means_.backend, chunk, row_marks(*own.edit, chunk.shape, chunk.tokens)));
      bindings[input.value.id] = BufferSlice::whole(marks->buffer);
      after.push_back(marks->upload);
      continue;
    }
    const int source = input.kind == EditInput::Kind::patch ? own.patch : own.selection;
    bindings[input.value.id] = states_.kept_value(source, own.edit->point.site);
  }
  return {};
}

Status LaneRunner::compute(ChunkState& chunk, const PartLanes& lanes, int index,
                           const PartRun& what, const Lowering& lower) {
  const Lane& lane = lanes.lanes[static_cast<std::size_t>(index)];
  // Layers of a kind share their parts.
  std::string name(what.part);
  if (what.layer != kNoLayer) name.append(" ").append(layer_kind(means_.model.spec, what.layer));
  if (what.layer != kNoLayer && chunk.last.there())
    name += fmt::format(" last {}", fmt::join(chunk.last.shape.lengths, ","));
  TEPUI_TRY(Part* const found,
            means_.parts.get(name, what.shape, chunk.first_sequence, lane.edits, what.work, lower));
  Part& part = *found;
  TEPUI_TRY(collector_.make_room());
  const Lowered& lowered = part.tapped.lowered;
  Bindings bindings(lowered.program.values.size());
  const auto bind = [&](Value value, const Buffer& buffer) {
    if (value.present()) bindings[value.id] = BufferSlice::whole(buffer);
  };
  bind(lowered.ids, chunk.ids);
  bind(lowered.positions, chunk.positions);
  bind(lowered.offsets, chunk.offsets);
  bind(lowered.last.rows, chunk.last.rows);
  bind(lowered.last.positions, chunk.last.positions);
  bind(lowered.last.offsets, chunk.last.offsets);
  for (const auto& [table, value] : lowered.tables) bind(value, *chunk.tables.at(table));
  for (const auto& [role, value] : lowered.weights)
    bindings[value.id] = role == WeightRole::token_embedding && means_.weights.gathers_tokens()
                             ? BufferSlice::whole(chunk.token_rows)
                             : means_.weights.slice(what.layer, role);
  std::vector<Ticket> after = part.uploads;
  after.insert(after.end(), chunk.before.begin(), chunk.before.end());
  TEPUI_TRY(const Buffer* const outputs, bind_taps(means_.backend, part, bindings));
  TEPUI_TRY(bind_states(chunk, lane, index, part, bindings, after));
  TEPUI_TRY(bind_edits(chunk, lane, part, bindings, after));
  if (means_.observer != nullptr) means_.observer->before(what);
  const Ticket ticket = means_.backend.run(*part.prepared, bindings, after);
  const IssuedRun issued{&part,   what.layer, chunk.first_sequence, &chunk.shape,
                         outputs, ticket,     lane.branches};
  chunk.before = collector_.add(issued, bindings);
  if (means_.observer != nullptr) means_.observer->after(what, part.host_bytes);
  return {};
}

Status LaneRunner::save_lane(const ChunkState& chunk, const Buffer& state, StateFile& file,
                             int side, int lane) {
  row_bytes_.resize(state.bytes);
  TEPUI_TRY(means_.backend.wait(
      means_.backend.download(row_bytes_, BufferSlice::whole(state), chunk.before)));
  return file.write(side, lane, chunk.first_row, row_bytes_);
}

Status LaneRunner::save(ChunkState& chunk, StateFile& file, int side) {
  for (std::size_t lane = 0; lane < chunk.hidden.size(); ++lane)
    TEPUI_TRY(save_lane(chunk, chunk.hidden[lane], file, side, static_cast<int>(lane)));
  return {};
}

Status LaneRunner::load(ChunkState& chunk, StateFile& file, int side, int lane, int width) {
  row_bytes_.resize(static_cast<std::size_t>(chunk.shape.rows()) * static_cast<std::size_t>(width) *
                    sizeof(float));
  TEPUI_TRY(file.read(side, lane, chunk.first_row, row_bytes_));
  std::vector<Ticket> after;
  Buffer& state = chunk.hidden[static_cast<std::size_t>(lane)];
  TEPUI_TRY(state, pool_.take(row_bytes_.size(), after));
  return means_.backend.wait(means_.backend.upload(BufferSlice::whole(state), row_bytes_, after));
}

Status LaneRunner::spill_lane(ChunkState& chunk, const PartLanes& lanes, std::size_t at) {
  TEPUI_TRY(collector_.drain());
  const auto index = static_cast<std::size_t>(lanes.order[at]);
  Buffer& result = states_.results[index];
  TEPUI_TRY(save_lane(chunk, result, *file_, 1 - from_, static_cast<int>(index)));
  if (!states_.held[index]) pool_.give_back(std::move(result), {});
  const int parent = lanes.lanes[index].parent;
  const bool last = at + 1 == lanes.order.size();
  const bool again =
      !last && lanes.lanes[static_cast<std::size_t>(lanes.order[at + 1])].parent == parent;
  if (!again && !chunk.hidden.empty() && !states_.held_inputs[static_cast<std::size_t>(parent)])
    pool_.give_back(std::move(chunk.hidden[static_cast<std::size_t>(parent)]), {});
  return {};
}

Status LaneRunner::run_part(ChunkState& chunk, const PartLanes& lanes, const PartRun& what,
                            const Lowering& lower) {
  states_.results.resize(lanes.lanes.size());
  states_.held.assign(lanes.lanes.size(), false);
  states_.held_inputs.assign(chunk.hidden.size(), false);
  states_.kept.assign(lanes.lanes.size(), {});
  for (std::size_t at = 0; at < lanes.order.size(); ++at) {
    const int index = lanes.order[at];
    const auto parent =
        static_cast<std::size_t>(lanes.lanes[static_cast<std::size_t>(index)].parent);
    // The first part has no state before it.
    if (file_ != nullptr && !chunk.hidden.empty() && chunk.hidden[parent].storage == nullptr)
      TEPUI_TRY(load(chunk, *file_, from_, static_cast<int>(parent), means_.model.spec.dims.width));
    const SiteWork work = work_of_lane(lanes, index, what.work);
    const PartRun own{what.part, what.layer, what.first_sequence, what.shape, work};
    TEPUI_TRY(compute(chunk, lanes, index, own, lower));
    if (file_ != nullptr) TEPUI_TRY(spill_lane(chunk, lanes, at));
  }
  for (Buffer& buffer : chunk.hidden) pool_.give_back(std::move(buffer), chunk.before);
  for (const auto& buffer : states_.buffers) pool_.give_back(std::move(*buffer), chunk.before);
  states_.buffers.clear();
  if (file_ != nullptr) {  // then what is held must not grow with the number of chunks
    for (Buffer& buffer : states_.results) pool_.give_back(std::move(buffer), {});
    chunk.marks.clear();
  }
  chunk.hidden = std::move(states_.results);
  states_.results.clear();
  return {};
}

}  // namespace tepui
