// SPDX-License-Identifier: MIT
#include "exec/weight_loader.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>
#include <optional>

#include "ops/builder.h"
#include "weights/read_bytes.h"

namespace tepui {

namespace {

// Where row n stands in the stored matrix.
std::uint64_t stored_row(const PackParams& p, std::uint64_t n) {
  return p.run == 0 ? n : n / p.run * p.period + n % p.run;
}

// The elements of the tensor that some rows of a weight stand among.
struct Range {
  std::uint64_t first;
  std::uint64_t count;
};

Range range_of(const PackParams& p, std::int64_t first, std::int64_t count) {
  const auto n = static_cast<std::uint64_t>(first);
  const std::uint64_t last = stored_row(p, n + static_cast<std::uint64_t>(count) - 1);
  if (p.transposed != 0) return {p.offset, std::uint64_t{p.k - 1} * p.stride + last + 1};
  const std::uint64_t begin = stored_row(p, n);
  return {p.offset + begin * p.stride, (last - begin) * p.stride + p.k};
}

// Rows of whole heads, with row i and its partner i + size / 2 of each, which the file holds as
// rows 2i and 2i + 1. Whole rows are moved as they are stored, so that any type will do.
void order_in_halves(std::span<const std::byte> from, std::size_t rows, int head,
                     std::vector<std::byte>& to) {
  const std::size_t row = from.size() / rows;
  to.resize(from.size());
  for (std::size_t n = 0; n < rows; ++n)
    std::memcpy(&to[n * row], from.data() + paired_row(n, head) * row, row);
}

}  // namespace

std::size_t stored_bytes(DType dtype, std::uint64_t elements) {
  const DTypeBlock block = dtype_block(dtype);
  return static_cast<std::size_t>(elements) / static_cast<std::size_t>(block.elements) *
         block.bytes;
}

Result<Packing> packing_of(const BoundWeight& weight) {
  const TensorRef& tensor = *weight.tensor;
  const bool whole = weight.paired_rows > 0;  // reordered rows, and just these
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

WeightLoader::WeightLoader(Backend& backend, ThreadPool& pool)
    : backend_(backend), pool_(pool), stages_(backend.device().threads == 0) {}

// Of a small device's memory a small part is used.
std::int64_t WeightLoader::piece_bytes() const {
  constexpr std::uint64_t kPart = 64;
  const DeviceInfo& device = backend_.device();
  std::uint64_t bytes = kPieceBytes;
  if (device.memory_bytes > 0) bytes = std::min(bytes, device.memory_bytes / kPart);
  if (device.max_allocation_bytes > 0) bytes = std::min(bytes, device.max_allocation_bytes);
  return static_cast<std::int64_t>(bytes);
}

std::int64_t WeightLoader::rows_at_once(const BoundWeight& weight, DType dtype) const {
  const PackParams& p = weight.place;
  const std::int64_t all = p.n;
  const std::int64_t group = backend_.packed_rows();
  if (p.transposed != 0 || group == 0) return all;
  std::int64_t unit = std::lcm(group, std::max<std::int64_t>(1, p.run));
  unit = std::lcm(unit, std::max<std::int64_t>(1, weight.paired_rows));
  const Range one = range_of(p, 0, std::min(unit, all));
  const auto bytes = static_cast<std::int64_t>(stored_bytes(dtype, one.count));
  return std::min(
      all, unit * std::max<std::int64_t>(1, piece_bytes() / std::max<std::int64_t>(1, bytes)));
}

Status WeightLoader::settle(Slot& slot) {
  if (!slot.under_way) return {};
  slot.under_way = false;
  const Status status = backend_.wait(slot.ticket);
  slot.source = {};
  return status;
}

Status WeightLoader::finish() {
  Status first;
  for (Slot& slot : slots_) {
    Status status = settle(slot);
    if (first) first = std::move(status);
  }
  return first;
}

// Where so many bytes can be read into: in memory that the device copies from, if it has such.
Result<std::span<std::byte>> WeightLoader::room(Slot& slot, std::size_t bytes) {
  if (stages_ && slot.staging.bytes < bytes) {
    slot.staging = {};
    TEPUI_TRY(slot.staging, backend_.allocate(bytes, Memory::staging));
    stages_ = !backend_.host_view(slot.staging).empty();
  }
  if (stages_) return backend_.host_view(slot.staging).first(bytes);
  slot.staging = {};
  if (slot.host.size() < bytes) slot.host = std::vector<std::byte>(bytes);
  return std::span(slot.host).first(bytes);
}

Result<std::span<const std::byte>> WeightLoader::read(const TensorRef& tensor, std::size_t first,
                                                      std::size_t count, bool check, Slot& slot) {
  bytes_read_ += count;
  const bool in_memory = tensor.descriptor < 0;
  std::span<std::byte> own;
  if (!in_memory) {
    TEPUI_TRY(own, room(slot, count));
  }
  const std::span<const std::byte> all = in_memory ? tensor.bytes.subspan(first, count) : own;
  const std::size_t unit = dtype_block(tensor.type.dtype).bytes;
  const std::size_t stretch = std::max<std::size_t>(1, (std::size_t{1} << 20) / unit) * unit;
  std::mutex mutex;
  std::optional<std::pair<std::int64_t, Error>> error;  // the lowest stretch's
  const auto pieces = static_cast<std::int64_t>((count + stretch - 1) / stretch);
  pool_.for_each(pieces, [&](std::int64_t piece, int) {
    const std::size_t at = static_cast<std::size_t>(piece) * stretch;
    const std::size_t length = std::min(stretch, count - at);
    Status status;
    if (!in_memory) status = read_bytes(tensor, first + at, own.subspan(at, length));
    if (status && check) status = check_finite(tensor, all.subspan(at, length), first + at);
    if (status) return;
    const std::lock_guard lock(mutex);
    if (!error || piece < error->first) error.emplace(piece, status.error());
  });
  if (error) return tl::unexpected<Error>(error->second);
  return all;
}

Status WeightLoader::issue_rows(const TensorRef& tensor, const BoundWeight& weight,
                                std::int64_t first, std::int64_t count, bool check, BufferSlice to,
                                Tickets after) {
  Slot& slot = next_slot();
  TEPUI_TRY(settle(slot));
  const DType dtype = tensor.type.dtype;
  const Range range = range_of(weight.place, first, count);
  TEPUI_TRY(std::span<const std::byte> bytes, read(tensor, stored_bytes(dtype, range.first),
                                                   stored_bytes(dtype, range.count), check, slot));
  PackParams place = weight.place;
  place.n = static_cast<uint>(count);
  // What is read begins with the first row, or, where rows stand as columns, with the first line.
  place.offset = 0;
  if (place.transposed != 0)
    place.offset = static_cast<uint>(stored_row(place, static_cast<std::uint64_t>(first)));
  if (weight.paired_rows > 0) {
    order_in_halves(bytes, static_cast<std::size_t>(count), weight.paired_rows, slot.ordered);
    bytes = std::span<const std::byte>(slot.ordered).first(bytes.size());
  }
  Builder builder;
  const TensorType source{dtype, Shape{static_cast<std::int64_t>(range.count)}};
  const Value from = builder.weight(source, tensor.name);
  const Value packed = builder.pack(from, place, "packed");
  builder.mark_output(packed);
  TEPUI_TRY(const Program program, builder.finish());
  TEPUI_TRY(slot.prepared, backend_.prepare(program));
  TEPUI_TRY(slot.source, backend_.adopt(bytes));
  Bindings bindings(program.values.size());
  bindings[from.id] = BufferSlice::whole(slot.source);
  bindings[packed.id] = to;
  slot.ticket = backend_.run(*slot.prepared, bindings, after);
  slot.under_way = true;
  return {};
}

Status WeightLoader::pack_rows(const TensorRef& tensor, const BoundWeight& weight,
                               std::int64_t first, std::int64_t count, bool check, BufferSlice to) {
  Status status = issue_rows(tensor, weight, first, count, check, to, {});
  const Status rest = finish();
  return status ? rest : status;
}

Status WeightLoader::issue_vector(const BoundWeight& weight, bool check, const Buffer& to,
                                  Tickets after) {
  Slot& slot = next_slot();
  TEPUI_TRY(settle(slot));
  std::vector<const TensorRef*> tensors = {weight.tensor};
  tensors.insert(tensors.end(), weight.rest.begin(), weight.rest.end());
  for (const TensorRef* tensor : tensors) {
    if (check) TEPUI_TRY(check_finite(*tensor, pool_));
    TEPUI_TRY(check_length(*tensor));
  }
  slot.values = vector_values(weight);
  for (const TensorRef* tensor : tensors) drop_pages(*tensor);
  slot.ticket =
      backend_.upload(BufferSlice::whole(to), std::as_bytes(std::span(slot.values)), after);
  slot.under_way = true;
  return {};
}

Status WeightLoader::issue(const BoundWeight& weight, bool check, const Buffer& to, Tickets after) {
  if (kind_of(weight.role) == WeightKind::vector) return issue_vector(weight, check, to, after);
  const std::size_t tensors = 1 + weight.rest.size();
  const std::size_t one = to.bytes / tensors;
  const std::int64_t rows = weight.place.n;
  for (std::size_t i = 0; i < tensors; ++i) {
    const TensorRef& tensor = i == 0 ? *weight.tensor : *weight.rest[i - 1];
    const std::int64_t at_once = rows_at_once(weight, tensor.type.dtype);
    std::size_t offset = i * one;
    for (std::int64_t first = 0; first < rows; first += at_once) {
      const std::int64_t count = std::min(at_once, rows - first);
      const std::size_t bytes =
          backend_.storage_bytes({packed_dtype(tensor.type.dtype), Shape{count, weight.place.k}});
      TEPUI_TRY(issue_rows(tensor, weight, first, count, check, {&to, offset, bytes}, after));
      offset += bytes;
    }
  }
  return {};
}

}  // namespace tepui
