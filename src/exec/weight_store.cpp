// SPDX-License-Identifier: MIT
#include "exec/weight_store.h"

#include <algorithm>
#include <chrono>

#include "base/assert.h"
#include "tepui/site.h"
#include "weights/read_bytes.h"

namespace tepui {

namespace {

// What exec/head.h holds.
bool is_of_head(WeightRole role) {
  return role == WeightRole::head || role == WeightRole::head_bias;
}

bool is_table(WeightRole role) { return kind_of(role) == WeightKind::table; }

}  // namespace

Result<Buffer> upload_values(Backend& backend, const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  TEPUI_TRY(Buffer buffer, backend.allocate(bytes.size(), Memory::device));
  TEPUI_TRY(backend.wait(backend.upload(BufferSlice::whole(buffer), bytes, {})));
  return buffer;
}

WeightStore::WeightStore(Backend& backend, const Model& model, ThreadPool& pool,
                         std::uint64_t budget)
    : backend_(backend), model_(model), pool_(pool), loader_(backend, pool), budget_(budget) {}

std::span<const BoundWeight> WeightStore::bound(int layer) const {
  if (layer == kNoLayer) return model_.globals;
  return model_.layers[static_cast<std::size_t>(layer)];
}

// A table that the host reads in place takes nothing: its pages are given back.
std::uint64_t WeightStore::held_bytes(const BoundWeight& weight) const {
  if (!held(weight)) return 0;
  const bool on_host = backend_.device().threads > 0;
  if (on_host && kind_of(weight.role) == WeightKind::table) return 0;
  return backend_.storage_bytes(resident_type(weight));
}

std::uint64_t WeightStore::bytes_of(int layer) const {
  std::uint64_t bytes = 0;
  for (const BoundWeight& weight : bound(layer)) bytes += held_bytes(weight);
  return bytes;
}

std::uint64_t WeightStore::largest_layer() const {
  std::uint64_t largest = 0;
  for (int layer = 0; layer < model_.spec.dims.layers; ++layer)
    largest = std::max(largest, bytes_of(layer));
  return largest;
}

bool WeightStore::held(const BoundWeight& weight) const {
  if (is_of_head(weight.role)) return false;
  return weight.role != WeightRole::token_embedding || !gathers_tokens();
}

bool WeightStore::gathers_tokens() const {
  // What is adopted in place takes whole pages.
  constexpr std::uint64_t kPages = std::uint64_t{1} << 16;
  const BoundWeight* table = model_.find_global(WeightRole::token_embedding);
  if (table == nullptr) return false;
  const std::uint64_t bytes = resident_type(*table).bytes();
  return bytes + kPages > backend_.device().max_allocation_bytes || bytes > budget_ / 2;
}

Result<Buffer> WeightStore::gather_tokens(std::span<const TokenId> ids) {
  const BoundWeight& table = *model_.find_global(WeightRole::token_embedding);
  const DType dtype = table.tensor->type.dtype;
  const std::size_t row = stored_bytes(dtype, table.place.k);
  const std::size_t from = stored_bytes(dtype, table.place.offset);
  std::vector<std::byte> rows(ids.size() * row);
  for (std::size_t i = 0; i < ids.size(); ++i)
    TEPUI_TRY(read_bytes(*table.tensor, from + static_cast<std::size_t>(ids[i]) * row,
                         std::span(rows).subspan(i * row, row)));
  TEPUI_TRY(Buffer buffer, backend_.allocate(rows.size(), Memory::device));
  TEPUI_TRY(backend_.wait(backend_.upload(BufferSlice::whole(buffer), rows, {})));
  return buffer;
}

bool WeightStore::all_fit() const {
  std::uint64_t bytes = bytes_of(kNoLayer);
  for (int layer = 0; layer < model_.spec.dims.layers; ++layer) bytes += bytes_of(layer);
  return bytes <= budget_;
}

std::optional<Buffer> WeightStore::take_spare(std::size_t bytes) {
  const auto found = spare_.find(bytes);
  if (found == spare_.end()) return std::nullopt;
  Buffer buffer = std::move(found->second);
  spare_.erase(found);
  return buffer;
}

// A run visits the layers in a circle, so the one that is needed last is the one just used: the
// highest leaves first, and its buffers serve the next.
Result<bool> WeightStore::make_room(std::uint64_t bytes, std::span<const int> keep) {
  while (held_ + bytes > budget_ && !spare_.contains(static_cast<std::size_t>(bytes))) {
    if (!spare_.empty()) {
      if (settle_) TEPUI_TRY(settle_());
      held_ -= spare_.begin()->first;
      spare_.erase(spare_.begin());
      continue;
    }
    auto victim = resident_.end();
    for (auto it = resident_.begin(); it != resident_.end(); ++it) {
      const bool kept = it->first == kNoLayer || std::ranges::find(keep, it->first) != keep.end();
      if (!kept) victim = it;
    }
    if (victim == resident_.end()) return false;
    for (auto& [role, buffer] : victim->second) spare_.emplace(buffer.bytes, std::move(buffer));
    resident_.erase(victim);
  }
  return true;
}

Result<Buffer> WeightStore::take(std::size_t bytes, std::span<const int> keep) {
  TEPUI_TRY(const bool room, make_room(bytes, keep));
  static_cast<void>(room);  // one layer is always allowed
  if (auto spare = take_spare(bytes)) return *std::move(spare);
  TEPUI_TRY(Buffer buffer, backend_.allocate(bytes, Memory::device));
  held_ += bytes;
  return buffer;
}

Result<Buffer> WeightStore::load(const BoundWeight& weight, bool check, int layer) {
  if (!is_table(weight.role)) {
    const int keep[] = {layer};
    TEPUI_TRY(Buffer buffer, take(backend_.storage_bytes(resident_type(weight)), keep));
    TEPUI_TRY(loader_.issue(weight, check, buffer, {}));
    return buffer;
  }
  const TensorRef& tensor = *weight.tensor;
  if (check) TEPUI_TRY(check_finite(tensor, pool_));
  TEPUI_TRY(check_length(tensor));
  const TensorType type = resident_type(weight);
  TEPUI_TRY(Buffer buffer, backend_.adopt(tensor.bytes.subspan(
                               stored_bytes(type.dtype, weight.place.offset), type.bytes())));
  held_ += held_bytes(weight);
  return buffer;
}

// What was loaded ahead.
Status WeightStore::take_over(int layer, Slots& slots) {
  if (!under_way_) return {};
  const Status loaded = prefetch_->finish();
  loaded_.ahead = prefetch_->counters() - loaded_ahead_;
  loaded_ahead_ = prefetch_->counters();
  UnderWay done = *std::move(under_way_);
  under_way_.reset();
  if (done.layer == layer && loaded) {
    slots = std::move(done.slots);
    return {};
  }
  for (auto& [role, buffer] : done.slots) spare_.emplace(buffer.bytes, std::move(buffer));
  return done.layer == layer ? loaded : Status();
}

Status WeightStore::load_layer(int layer) {
  Slots slots;
  TEPUI_TRY(take_over(layer, slots));
  const bool check = !checked_.contains(layer);
  for (const BoundWeight& weight : bound(layer)) {
    if (is_of_head(weight.role) || slots.contains(weight.role)) continue;
    if (held(weight)) {
      auto loaded = load(weight, check, layer);
      if (!loaded) {
        static_cast<void>(loader_.finish());  // it writes the others, which go now
        return tl::unexpected<Error>(loaded.error());
      }
      slots[weight.role] = *std::move(loaded);
    } else if (check) {
      TEPUI_TRY(check_finite(*weight.tensor, pool_));
    }
  }
  checked_.insert(layer);
  resident_[layer] = std::move(slots);
  return {};
}

Status WeightStore::require(int layer) {
  loaded_ = {};
  if (resident_.contains(layer)) return {};
  const BackendCounters before = backend_.counters();
  const auto start = std::chrono::steady_clock::now();
  Status status = load_layer(layer);
  const Status finished = loader_.finish();
  if (status) status = finished;
  loaded_.still = backend_.counters() - before;
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
  seconds_waited_ += waited.count();
  return status;
}

Status WeightStore::prefetch(int layer, int current) {
  if (resident_.contains(layer) || under_way_) return {};
  if (!prefetch_) prefetch_ = std::make_unique<Prefetch>(backend_, pool_.size());
  const int keep[] = {layer, current};
  under_way_ = UnderWay{layer, {}};
  std::vector<Prefetch::Item> items;
  std::vector<const TensorRef*> ahead;
  bool room = prefetch_->can_pack();
  for (const BoundWeight& weight : bound(layer)) {
    if (is_table(weight.role) || is_of_head(weight.role)) continue;
    const std::size_t bytes = backend_.storage_bytes(resident_type(weight));
    if (room) {
      TEPUI_TRY(room, make_room(bytes, keep));
    }
    auto buffer = room ? take(bytes, keep) : Result<Buffer>(Buffer());
    if (room && buffer) {
      Buffer& slot = under_way_->slots[weight.role] = *std::move(buffer);
      items.push_back({&weight, &slot});
      continue;
    }
    room = false;
    ahead.push_back(weight.tensor);
    ahead.insert(ahead.end(), weight.rest.begin(), weight.rest.end());
  }
  prefetch_->start(std::move(items), !checked_.contains(layer), std::move(ahead), backend_.flush());
  return {};
}

void WeightStore::release_layers() {
  Slots none;
  static_cast<void>(take_over(kNoLayer, none));
  for (auto it = resident_.begin(); it != resident_.end();) {
    if (it->first == kNoLayer) {
      ++it;
      continue;
    }
    for (auto& [role, buffer] : it->second) held_ -= buffer.bytes;
    it = resident_.erase(it);
  }
  for (const auto& [bytes, buffer] : spare_) held_ -= bytes;
  spare_.clear();
}

BufferSlice WeightStore::slice(int layer, WeightRole role) const {
  const auto slots = resident_.find(layer);
  TEPUI_ASSERT(slots != resident_.end());
  const auto found = slots->second.find(role);
  TEPUI_ASSERT(found != slots->second.end());
  return BufferSlice::whole(found->second);
}

Status WeightStore::check_tables() const {
  for (const BoundWeight& weight : model_.globals) {
    if (kind_of(weight.role) == WeightKind::table) TEPUI_TRY(check_length(*weight.tensor));
  }
  return {};
}

void WeightStore::drop_tables() const {
  for (const BoundWeight& weight : model_.globals) {
    if (kind_of(weight.role) == WeightKind::table) drop_pages(*weight.tensor);
  }
}

std::uint64_t WeightStore::bytes_read() const {
  return loader_.bytes_read() + (prefetch_ ? prefetch_->bytes_read() : 0);
}

}  // namespace tepui
