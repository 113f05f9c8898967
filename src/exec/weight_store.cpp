// SPDX-License-Identifier: MIT
#include "exec/weight_store.h"

#include <cstring>

#include "base/assert.h"
#include "ops/builder.h"
#include "tepui/site.h"

namespace tepui {

namespace {

// What exec/head.h holds.
bool is_of_head(WeightRole role) {
  return role == WeightRole::head || role == WeightRole::head_bias;
}

// The weight's rows with row i and its partner i + size / 2 of each head, which the file holds as
// rows 2i and 2i + 1. Whole rows are moved as they are stored, so that any type will do.
std::vector<std::byte> rows_in_halves(const TensorRef& tensor, const BoundWeight& weight) {
  const PackParams& place = weight.place;
  const std::byte* from = tensor.bytes.data() + stored_bytes(tensor.type.dtype, place.offset);
  const std::size_t row = stored_bytes(tensor.type.dtype, place.k);
  std::vector<std::byte> to(place.n * row);
  for (uint n = 0; n < place.n; ++n)
    std::memcpy(&to[n * row], from + paired_row(n, weight.paired_rows) * row, row);
  return to;
}

}  // namespace

std::size_t stored_bytes(DType dtype, std::uint64_t elements) {
  const DTypeBlock block = dtype_block(dtype);
  return static_cast<std::size_t>(elements) / static_cast<std::size_t>(block.elements) *
         block.bytes;
}

Result<Buffer> upload_values(Backend& backend, const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  TEPUI_TRY(Buffer buffer, backend.allocate(bytes.size(), Memory::device));
  TEPUI_TRY(backend.wait(backend.upload(BufferSlice::whole(buffer), bytes, {})));
  return buffer;
}

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
    if (held(weight)) bytes += backend_.storage_bytes(resident_type(weight));
  }
  return bytes;
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
  const std::byte* from = table.tensor->bytes.data() + stored_bytes(dtype, table.place.offset);
  std::vector<std::byte> rows(ids.size() * row);
  for (std::size_t i = 0; i < ids.size(); ++i)
    std::memcpy(&rows[i * row], from + static_cast<std::size_t>(ids[i]) * row, row);
  TEPUI_TRY(Buffer buffer, backend_.allocate(rows.size(), Memory::device));
  TEPUI_TRY(backend_.wait(backend_.upload(BufferSlice::whole(buffer), rows, {})));
  return buffer;
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

Result<Packing> packing_of(const BoundWeight& weight) {
  const TensorRef& tensor = *weight.tensor;
  const bool whole = weight.paired_rows > 0;  // rows_in_halves gives just these rows
  const Shape shape{weight.place.n, weight.place.k};
  Builder builder;
  Packing out;
  out.source =
      builder.weight(whole ? TensorType{tensor.type.dtype, shape} : tensor.type, tensor.name);
  out.result = whole ? builder.pack(out.source, false, "packed")
                     : builder.pack(out.source, weight.place, "packed");
  builder.mark_output(out.result);
  TEPUI_TRY(out.program, builder.finish());
  return out;
}

// `tensor` is the weight's own or one of its rest.
Status WeightStore::pack(const TensorRef& tensor, const BoundWeight& weight, BufferSlice to) {
  TEPUI_TRY(const Packing packing, packing_of(weight));
  std::vector<std::byte> ordered;
  if (weight.paired_rows > 0) ordered = rows_in_halves(tensor, weight);
  TEPUI_TRY(const auto prepared, backend_.prepare(packing.program));
  TEPUI_TRY(const Buffer from, backend_.adopt(ordered.empty() ? tensor.bytes : ordered));
  Bindings bindings(packing.program.values.size());
  bindings[packing.source.id] = BufferSlice::whole(from);
  bindings[packing.result.id] = to;
  return backend_.wait(backend_.run(*prepared, bindings, {}));
}

// A matrix, or one for each expert, each into its part of one buffer.
Result<Buffer> WeightStore::pack_all(const BoundWeight& weight) {
  const std::size_t bytes = backend_.storage_bytes(resident_type(weight));
  TEPUI_TRY(Buffer all, backend_.allocate(bytes, Memory::device));
  const std::size_t one = bytes / (1 + weight.rest.size());
  TEPUI_TRY(pack(*weight.tensor, weight, {&all, 0, one}));
  for (std::size_t i = 0; i < weight.rest.size(); ++i)
    TEPUI_TRY(pack(*weight.rest[i], weight, {&all, (i + 1) * one, one}));
  return all;
}

Result<Buffer> WeightStore::load(const BoundWeight& weight) {
  TEPUI_TRY(check(*weight.tensor));
  for (const TensorRef* tensor : weight.rest) TEPUI_TRY(check(*tensor));
  switch (kind_of(weight.role)) {
    case WeightKind::table: {
      const TensorType type = resident_type(weight);
      return backend_.adopt(weight.tensor->bytes.subspan(
          stored_bytes(type.dtype, weight.place.offset), type.bytes()));
    }
    case WeightKind::vector: return upload_values(backend_, vector_values(weight));
    case WeightKind::matrix:
    case WeightKind::experts: break;
  }
  return pack_all(weight);
}

Status WeightStore::check(const TensorRef& tensor) {
  if (checked_[&tensor]) return {};
  TEPUI_TRY(check_finite(tensor, pool_));
  checked_[&tensor] = true;
  return {};
}

Status WeightStore::require(int layer) {
  if (resident_.contains(layer)) return {};
  const std::uint64_t bytes = bytes_of(layer);
  make_room(layer, bytes);
  Slots slots;
  for (const BoundWeight& weight : bound(layer)) {
    if (held(weight)) {
      TEPUI_TRY(slots[weight.role], load(weight));
    } else if (!is_of_head(weight.role)) {
      TEPUI_TRY(check(*weight.tensor));
    }
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
