// SPDX-License-Identifier: MIT
#include "exec/weight_store.h"

#include "base/assert.h"
#include "ops/builder.h"
#include "tepui/site.h"

namespace tepui {

namespace {

TensorType resident_type(const BoundWeight& weight) {
  switch (kind_of(weight.role)) {
    case WeightKind::table: return weight.tensor->type;
    case WeightKind::vector: return {DType::f32, Shape{weight.place.n}};
    case WeightKind::matrix: break;
  }
  return {DType::packed, Shape{weight.place.n, weight.place.k}};
}

}  // namespace

WeightStore::WeightStore(Backend& backend, const Model& model, ThreadPool& pool,
                         std::uint64_t budget)
    : backend_(backend), model_(model), pool_(pool), budget_(budget) {}

std::span<const BoundWeight> WeightStore::bound(int layer) const {
  if (layer == kNoLayer) return model_.globals;
  return model_.layers[static_cast<std::size_t>(layer)];
}

std::uint64_t WeightStore::bytes_of(int layer) const {
  std::uint64_t bytes = 0;
  for (const BoundWeight& weight : bound(layer)) {
    if (weight.role != WeightRole::head) bytes += backend_.storage_bytes(resident_type(weight));
  }
  return bytes;
}

bool WeightStore::all_fit() const {
  std::uint64_t bytes = bytes_of(kNoLayer);
  for (int layer = 0; layer < model_.spec.dims.layers; ++layer) bytes += bytes_of(layer);
  return bytes <= budget_;
}

void WeightStore::make_room(int keep, std::uint64_t bytes) {
  // A scan visits the layers in a circle, so the one that is needed last is the one just used: drop
  // the highest first when starting over, else anything but the globals.
  while (resident_bytes_ + bytes > budget_) {
    auto victim = resident_.end();
    for (auto it = resident_.begin(); it != resident_.end(); ++it) {
      if (it->first != kNoLayer && it->first != keep) victim = it;
    }
    if (victim == resident_.end()) return;
    resident_bytes_ -= bytes_of(victim->first);
    resident_.erase(victim);
  }
}

Result<Buffer> WeightStore::convert(const BoundWeight& weight) {
  const TensorRef& tensor = *weight.tensor;
  Builder builder;
  std::span<const std::byte> bytes = tensor.bytes;
  Value source;
  Value result;
  if (kind_of(weight.role) == WeightKind::matrix) {
    source = builder.weight(tensor.type, tensor.name);
    result = builder.pack(source, weight.place, "packed");
  } else {
    const std::size_t element = dtype_bytes(tensor.type.dtype);
    bytes = bytes.subspan(weight.place.offset * element, weight.place.n * element);
    source = builder.weight({tensor.type.dtype, Shape{weight.place.n}}, tensor.name);
    result = builder.cast(source, "vector");
  }
  builder.mark_output(result);
  TEPUI_TRY(const Program program, builder.finish());
  TEPUI_TRY(const auto prepared, backend_.prepare(program));
  TEPUI_TRY(const Buffer from, backend_.adopt(bytes));
  TEPUI_TRY(Buffer to,
            backend_.allocate(backend_.storage_bytes(program.info(result).type), Memory::device));
  Bindings bindings(program.values.size());
  bindings[source.id] = BufferSlice::whole(from);
  bindings[result.id] = BufferSlice::whole(to);
  TEPUI_TRY(backend_.wait(backend_.run(*prepared, bindings, {})));
  return to;
}

Result<Buffer> WeightStore::load(const BoundWeight& weight) {
  if (!checked_[weight.tensor]) {
    TEPUI_TRY(check_finite(*weight.tensor, pool_));
    checked_[weight.tensor] = true;
  }
  if (kind_of(weight.role) == WeightKind::table) return backend_.adopt(weight.tensor->bytes);
  return convert(weight);
}

Status WeightStore::require(int layer) {
  if (resident_.contains(layer)) return {};
  const std::uint64_t bytes = bytes_of(layer);
  make_room(layer, bytes);
  Slots slots;
  for (const BoundWeight& weight : bound(layer)) {
    if (weight.role == WeightRole::head) continue;
    TEPUI_TRY(slots[weight.role], load(weight));
  }
  resident_[layer] = std::move(slots);
  resident_bytes_ += bytes;
  return {};
}

BufferSlice WeightStore::slice(int layer, WeightRole role) const {
  const auto slots = resident_.find(layer);
  TEPUI_ASSERT(slots != resident_.end());
  const auto found = slots->second.find(role);
  TEPUI_ASSERT(found != slots->second.end());
  return BufferSlice::whole(found->second);
}

}  // namespace tepui
