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

// What a sequence of so many tokens is given, so that it can grow where it lies.
int room_for(int length) { return length + length / 2 + 1; }

// A part is prepared for a number of cached rows: growing by steps keeps the number of them small.
int in_steps(int rows) {
  constexpr int kStep = 64;
  return (rows + kStep - 1) / kStep * kStep;
}

// Keys or values of sequences, whose rows hold all heads beside each other, as a cache of so many
// rows holds them: one head's rows after the other's.
std::vector<float> by_head(const Dims& dims, int rows,
                           std::span<const std::span<const float>> all) {
  const auto heads = static_cast<std::size_t>(dims.kv_heads);
  const auto dim = static_cast<std::size_t>(dims.head_dim);
  const auto of_head = static_cast<std::size_t>(rows) * dim;
  std::vector<float> out(heads * of_head);
  std::size_t at = 0;
  for (const std::span<const float> sequence : all) {
    for (std::size_t from = 0; from < sequence.size(); at += dim)
      for (std::size_t head = 0; head < heads; ++head, from += dim)
        std::ranges::copy(sequence.subspan(from, dim),
                          out.begin() + static_cast<std::ptrdiff_t>(head * of_head + at));
  }
  return out;
}

int roomy(int needed, int before) {
  return needed <= before && before <= 4 * needed ? before : in_steps(needed);
}

}  // namespace

std::uint64_t decoder_bytes(const Dims& dims, std::int64_t tokens) {
  const auto most = static_cast<std::uint64_t>(  // each of at least one token
      in_steps(static_cast<int>(std::min<std::int64_t>(2 * tokens, 1 << 30))));
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
    kept_.push_back({rows_, prefix->length, prefix->length, prefix->ids});
    rows_ += prefix->length;
  }
  rows_ = in_steps(rows_);
  layers_.clear();
  pool_.clear();
  const Dims& dims = model_.spec.dims;
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(dims.layers); ++layer) {
    std::vector<std::span<const float>> keys;
    std::vector<std::span<const float>> values;
    for (const Prefix* prefix : prefixes) {
      keys.emplace_back(prefix->keys[layer]);
      values.emplace_back(prefix->values[layer]);
    }
    Layer cache;
    TEPUI_TRY(cache.keys, uploaded(backend_, by_head(dims, rows_, keys)));
    TEPUI_TRY(cache.values, uploaded(backend_, by_head(dims, rows_, values)));
    layers_.push_back(std::move(cache));
  }
  return {};
}

// Whether each goes on with a sequence of its own, in their order, that has room enough.
bool Decoder::fits_in_place(std::span<const Continuation> continuations) const {
  for (std::size_t i = 0; i < continuations.size(); ++i) {
    const Kept& kept = kept_[static_cast<std::size_t>(continuations[i].prefix)];
    if (i > 0 && continuations[i].prefix <= continuations[i - 1].prefix) return false;
    if (kept.length + static_cast<int>(continuations[i].ids.size()) > kept.room) return false;
  }
  return true;
}

// Where sequences lie in the caches that are left behind, and which rows get there how.
Status Decoder::place(Step& step, std::span<const Continuation> continuations) {
  step.cache.before = rows_;
  step.cache.in_place = fits_in_place(continuations);
  int needed = 0;
  for (const Continuation& continuation : continuations) {
    Kept kept = kept_[static_cast<std::size_t>(continuation.prefix)];
    kept.length += static_cast<int>(continuation.ids.size());
    kept.ids.insert(kept.ids.end(), continuation.ids.begin(), continuation.ids.end());
    if (!step.cache.in_place) {
      kept.begin = needed;
      kept.room = room_for(kept.length);
      needed += kept.room;
    }
    step.kept.push_back(std::move(kept));
    step.branch_of.push_back(continuation.branch);
  }
  step.cache.rows = step.cache.in_place ? rows_ : roomy(needed, rows_);
  std::vector<std::int32_t> moved(static_cast<std::size_t>(step.cache.rows), 0);  // of one head
  std::vector<std::int32_t> begins;
  std::vector<std::int32_t> ends;
  for (std::size_t i = 0; i < continuations.size(); ++i) {
    const Kept& before = kept_[static_cast<std::size_t>(continuations[i].prefix)];
    const Kept& kept = step.kept[i];
    begins.push_back(kept.begin);
    ends.push_back(kept.begin + kept.length);
    for (int row = 0; row < before.length; ++row)
      moved[static_cast<std::size_t>(kept.begin + row)] = before.begin + row;
    for (int row = before.length; row < kept.length; ++row) step.places.push_back(kept.begin + row);
  }
  step.chunk_offsets = step.shape.offsets();
  std::vector<std::int32_t>& offsets = step.cache_offsets;
  offsets = step.chunk_offsets;
  for (const auto& part : {begins, ends}) {
    offsets.insert(offsets.end(), part.begin(), part.end());
    offsets.push_back(0);  // read by nobody
  }
  TEPUI_TRY(step.offsets, uploading(backend_, step.chunk_offsets, step.last));
  TEPUI_TRY(step.key_offsets, uploading(backend_, offsets, step.last));
  TEPUI_TRY(step.at, uploading(backend_, step.places, step.last));
  if (!step.cache.in_place) {
    const int heads = model_.spec.dims.kv_heads;
    for (int head = 0; head < heads; ++head)
      for (const std::int32_t row : moved) step.moves.push_back(head * rows_ + row);
    TEPUI_TRY(step.moved, uploading(backend_, step.moves, step.last));
  }
  return {};
}

Status Decoder::load(Step& step, std::span<const Continuation> continuations) {
  int longest = 0;
  for (std::size_t s = 0; s < continuations.size(); ++s) {
    const Continuation& continuation = continuations[s];
    TEPUI_ASSERT(continuation.prefix < kept() && !continuation.ids.empty());
    const int before = length(continuation.prefix);
    const int count = static_cast<int>(continuation.ids.size());
    TEPUI_ASSERT(before >= model_.spec.dims.prefix);
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
    step.gathered.resize(step.ids.size());
    std::iota(step.gathered.begin(), step.gathered.end(), 0);
    TEPUI_TRY(step.ids_there, uploading(backend_, step.gathered, step.last));
  } else {
    TEPUI_TRY(step.ids_there, uploading(backend_, step.ids, step.last));
  }
  TEPUI_TRY(step.positions_there, uploading(backend_, step.positions, step.last));
  TEPUI_TRY(load_tables(longest));
  step.cache.positions = table_positions_;
  return place(step, continuations);
}

Status Decoder::load_tables(int longest) {
  const std::vector<int> wanted = length_classes(model_.spec, longest);
  if (longest <= table_positions_ && wanted == table_class_) return {};
  table_positions_ = std::min(in_steps(room_for(longest)), longest_context(model_.spec.dims));
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
    if (value.present()) bindings[value.id] = BufferSlice::whole(buffer);
  };
  bind(cache.moved, step.moved);
  bind(cache.at, step.at);
  bind(cache.offsets, step.key_offsets);
  bind(cache.keys, layer.keys);
  bind(cache.values, layer.values);
  if (step.cache.in_place) {
    bind(cache.keys_left, layer.keys);
    bind(cache.values_left, layer.values);
    return {};
  }
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
  if (layer == nullptr || step.cache.in_place) return {};
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
    const std::string kind = fmt::format("block {} {} {} {} {}", layer_kind(model_.spec, layer),
                                         cache.before, cache.rows, cache.positions, cache.in_place);
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
  Status status = load(step, continuations);
  if (status) status = compute_all(step);
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
