// SPDX-License-Identifier: MIT
#include "exec/decoder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/assert.h"
#include "exec/decoder_step.h"
#include "models/rope_table.h"

namespace tepui {

namespace {

constexpr std::size_t kStepsKept = 256;

// A part is prepared for a number of cached rows: growing by steps keeps the number of them small.
int roomy(int needed, int before) {
  constexpr int kStep = 64;
  if (needed <= before && before <= 4 * needed) return before;
  return (needed + needed / 2 + kStep - 1) / kStep * kStep;
}

}  // namespace

std::uint64_t decoder_bytes(const Dims& dims, std::int64_t tokens) {
  const auto most = static_cast<std::uint64_t>(
      roomy(static_cast<int>(std::min<std::int64_t>(tokens, 1 << 30)), 0));
  const std::uint64_t token = static_cast<std::uint64_t>(dims.layers) *
                              static_cast<std::uint64_t>(dims.kv_heads) *
                              static_cast<std::uint64_t>(dims.head_dim) * 2 * sizeof(float);
  return (most + static_cast<std::uint64_t>(tokens)) * token;
}

Decoder::Decoder(Backend& backend, const Model& model, WeightStore& weights,
                 std::span<const Branch> branches, const MassiveRule& massive)
    : backend_(backend),
      model_(model),
      weights_(weights),
      branches_(branches),
      parts_(backend, model.spec, {}, massive),
      pool_(backend) {}

Status Decoder::keep(std::span<const Prefix* const> prefixes) {
  kept_.clear();
  rows_ = 0;
  for (const Prefix* prefix : prefixes) {
    kept_.push_back({rows_, prefix->length, prefix->ids});
    rows_ += prefix->length;
  }
  rows_ = roomy(rows_, 0);
  layers_.clear();
  pool_.clear();
  const Dims& dims = model_.spec.dims;
  const std::size_t width =
      static_cast<std::size_t>(dims.kv_heads) * static_cast<std::size_t>(dims.head_dim);
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(dims.layers); ++layer) {
    std::vector<float> keys;
    std::vector<float> values;
    for (const Prefix* prefix : prefixes) {
      keys.insert(keys.end(), prefix->keys[layer].begin(), prefix->keys[layer].end());
      values.insert(values.end(), prefix->values[layer].begin(), prefix->values[layer].end());
    }
    keys.resize(static_cast<std::size_t>(rows_) * width);
    values.resize(static_cast<std::size_t>(rows_) * width);
    Layer cache;
    TEPUI_TRY(cache.keys, uploaded(backend_, keys));
    TEPUI_TRY(cache.values, uploaded(backend_, values));
    layers_.push_back(std::move(cache));
  }
  return {};
}

// Which row of the new caches is which row of the old ones, or of the new keys and values.
Status Decoder::place(Step& step, std::span<const Continuation> continuations) {
  int needed = 0;
  for (const Continuation& continuation : continuations)
    needed += length(continuation.prefix) + static_cast<int>(continuation.ids.size());
  step.cache.before = rows_;
  step.cache.rows = roomy(needed, rows_);
  const auto rows = static_cast<std::size_t>(step.cache.rows);
  std::vector<std::int32_t> moved(rows, 0);
  std::vector<std::int32_t> own(rows, 0);
  std::vector<std::uint32_t> fresh(rows, 0);
  std::vector<std::int32_t> offsets = step.shape.offsets();
  const std::vector<std::int32_t> of_chunk = offsets;
  offsets.push_back(0);
  std::size_t row = 0;
  std::int32_t new_row = 0;
  for (const Continuation& continuation : continuations) {
    const Kept& before = kept_[static_cast<std::size_t>(continuation.prefix)];
    step.kept.push_back({static_cast<int>(row), before.length, before.ids});
    step.branch_of.push_back(continuation.branch);
    for (int i = 0; i < before.length; ++i) moved[row++] = before.begin + i;
    for (std::size_t i = 0; i < continuation.ids.size(); ++i, ++row) {
      own[row] = new_row++;
      fresh[row] = 1;
    }
    step.kept.back().length += static_cast<int>(continuation.ids.size());
    step.kept.back().ids.insert(step.kept.back().ids.end(), continuation.ids.begin(),
                                continuation.ids.end());
    offsets.push_back(static_cast<std::int32_t>(row));
  }
  TEPUI_TRY(step.offsets, uploaded(backend_, of_chunk));
  TEPUI_TRY(step.key_offsets, uploaded(backend_, offsets));
  TEPUI_TRY(step.moved, uploaded(backend_, moved));
  TEPUI_TRY(step.own, uploaded(backend_, own));
  TEPUI_TRY(step.fresh, uploaded(backend_, fresh));
  return {};
}

Status Decoder::load(Step& step, std::span<const Continuation> continuations) {
  int longest = 0;
  for (std::size_t s = 0; s < continuations.size(); ++s) {
    const Continuation& continuation = continuations[s];
    TEPUI_ASSERT(continuation.prefix < kept() && !continuation.ids.empty());
    const int before = length(continuation.prefix);
    const int count = static_cast<int>(continuation.ids.size());
    step.shape.lengths.push_back(count);
    step.ids.insert(step.ids.end(), continuation.ids.begin(), continuation.ids.end());
    for (int i = 0; i < count; ++i) {
      step.positions.push_back(before + i);
      step.branch.push_back(continuation.branch);
      step.sequence.push_back(s);
    }
    TEPUI_ASSERT(length_classes(model_.spec, before + count) ==
                 length_classes(model_.spec, length(continuations.front().prefix)));
    longest = std::max(longest, before + count);
  }
  if (weights_.gathers_tokens()) {  // the ids count the rows that are gathered
    TEPUI_TRY(step.token_rows, weights_.gather_tokens(step.ids));
    std::vector<TokenId> rows(step.ids.size());
    std::iota(rows.begin(), rows.end(), 0);
    TEPUI_TRY(step.ids_there, uploaded(backend_, rows));
  } else {
    TEPUI_TRY(step.ids_there, uploaded(backend_, step.ids));
  }
  TEPUI_TRY(step.positions_there, uploaded(backend_, step.positions));
  TEPUI_TRY(load_tables(longest));
  step.cache.positions = table_positions_;
  return place(step, continuations);
}

Status Decoder::load_tables(int longest) {
  const std::vector<int> wanted = length_classes(model_.spec, longest);
  if (longest <= table_positions_ && wanted == table_class_) return {};
  table_positions_ = std::min(roomy(longest, 0), longest_context(model_.spec.dims));
  table_class_ = wanted;
  tables_.clear();
  for (const Table table : tables_of(model_.spec)) {
    TEPUI_TRY(tables_[table],
              uploaded(backend_, table_values(model_.spec, table, table_positions_, longest)));
  }
  return {};
}

Status Decoder::bind_cache(Step& step, Layer& layer, const Lowered& lowered, Bindings& bindings,
                           std::vector<Ticket>& after) {
  const LoweredCache& cache = lowered.cache;
  const auto bind = [&](Value value, const Buffer& buffer) {
    bindings[value.id] = BufferSlice::whole(buffer);
  };
  bind(cache.moved, step.moved);
  bind(cache.own, step.own);
  bind(cache.fresh, step.fresh);
  bind(cache.offsets, step.key_offsets);
  bind(cache.keys, layer.keys);
  bind(cache.values, layer.values);
  const std::size_t bytes = backend_.storage_bytes(lowered.program.info(cache.keys_left).type);
  TEPUI_TRY(step.keys_left, pool_.take(bytes, after));
  TEPUI_TRY(step.values_left, pool_.take(bytes, after));
  bind(cache.keys_left, step.keys_left);
  bind(cache.values_left, step.values_left);
  return {};
}

Status Decoder::compute(Step& step, const std::string& kind, Point point,
                        const std::function<Result<Lowered>()>& lower) {
  if (!weights_.resident(point.layer)) TEPUI_TRY(wait(step));  // others may have to leave
  TEPUI_TRY(weights_.require(point.layer));
  step.edits = active_edits(step, point);
  std::vector<LaneEdit> edits;
  for (const ActiveEdit& edit : step.edits)
    edits.push_back({edit.edit, LaneEdit::kOwn, LaneEdit::kOwn});
  TEPUI_TRY(Part* const part, parts_.get(kind, step.shape, 0, edits, {}, lower));
  const Lowered& lowered = part->tapped.lowered;
  Bindings bindings(lowered.program.values.size());
  const auto bind = [&](Value value, const Buffer& buffer) {
    if (value.present()) bindings[value.id] = BufferSlice::whole(buffer);
  };
  bind(lowered.hidden, step.state);
  bind(lowered.ids, step.ids_there);
  bind(lowered.positions, step.positions_there);
  bind(lowered.offsets, step.offsets);
  for (const auto& [table, value] : lowered.tables) bind(value, tables_.at(table));
  for (const auto& [role, value] : lowered.weights)
    bindings[value.id] = role == WeightRole::token_embedding && weights_.gathers_tokens()
                             ? BufferSlice::whole(step.token_rows)
                             : weights_.slice(point.layer, role);
  std::vector<Ticket> after = part->uploads;
  after.insert(after.end(), step.last.begin(), step.last.end());
  TEPUI_TRY(bind_taps(backend_, *part, bindings));  // constants of edits
  TEPUI_TRY(bind_marks(step, *part, bindings));
  Layer* const layer =
      point.layer == kNoLayer ? nullptr : &layers_[static_cast<std::size_t>(point.layer)];
  if (layer != nullptr) TEPUI_TRY(bind_cache(step, *layer, lowered, bindings, after));
  const std::size_t bytes = backend_.storage_bytes(lowered.program.info(lowered.result).type);
  TEPUI_TRY(Buffer result, pool_.take(bytes, after));
  bind(lowered.result, result);
  step.last = {backend_.run(*part->prepared, bindings, after)};
  pool_.give_back(std::exchange(step.state, std::move(result)), step.last);
  if (layer == nullptr) return {};
  pool_.give_back(std::exchange(layer->keys, std::move(step.keys_left)), step.last);
  pool_.give_back(std::exchange(layer->values, std::move(step.values_left)), step.last);
  return {};
}

Status Decoder::compute_all(Step& step) {
  TEPUI_TRY(compute(step, "embedding", {kNoLayer, Site::embeddings}, [&] {
    return lower_embedding(model_, step.shape, weights_.gathers_tokens());
  }));
  const CacheShape& cache = step.cache;
  for (int layer = 0; layer < model_.spec.dims.layers; ++layer) {
    const std::string kind = fmt::format("block {} {} {} {}", layer_kind(model_.spec, layer),
                                         cache.before, cache.rows, cache.positions);
    TEPUI_TRY(compute(step, kind, {layer, Site::resid_pre},
                      [&] { return lower_block(model_, layer, step.shape, cache); }));
  }
  return compute(step, "final norm", {kNoLayer, Site::final_norm},
                 [&] { return lower_final_norm(model_, step.shape); });
}

Status Decoder::wait(Step& step) {
  Status status;
  for (const Ticket ticket : step.last) {
    const Status one = backend_.wait(ticket);
    if (status) status = one;
  }
  step.last.clear();
  return status;
}

Result<BufferSlice> Decoder::run(std::span<const Continuation> continuations) {
  if (parts_.size() > kStepsKept) parts_.clear();
  Step step;
  TEPUI_TRY(load(step, continuations));
  Status status = compute_all(step);
  const Status waited =
      wait(step);  // also after an error: what was issued uses this call's buffers
  TEPUI_TRY(status);
  TEPUI_TRY(waited);
  if (step.cache.rows != rows_) pool_.clear();  // its buffers are too small from now on
  rows_ = step.cache.rows;
  kept_ = std::move(step.kept);
  state_ = std::move(step.state);
  return BufferSlice::whole(state_);
}

}  // namespace tepui
