// SPDX-License-Identifier: MIT
#include "backend/host_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/assert.h"

namespace tepui {

namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

std::unique_ptr<HostStorage> HostStorage::allocate(std::size_t bytes) {
  if (bytes > PTRDIFF_MAX - kAlignment) return nullptr;
  const std::size_t whole =
      std::max((bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
  void* data = std::aligned_alloc(kAlignment, whole);
  if (data == nullptr) return nullptr;
  return std::unique_ptr<HostStorage>(new HostStorage(static_cast<std::byte*>(data), true));
}

std::unique_ptr<HostStorage> HostStorage::borrow(std::span<const std::byte> bytes) {
  return std::unique_ptr<HostStorage>(new HostStorage(const_cast<std::byte*>(bytes.data()), false));
}

HostStorage::~HostStorage() {
  if (owned_) std::free(data_);
}

std::span<std::byte> host_bytes(const BufferSlice& slice) {
  if (slice.buffer == nullptr) return {};
  TEPUI_ASSERT(slice.offset + slice.bytes <= slice.buffer->bytes);
  return {static_cast<const HostStorage&>(*slice.buffer->storage).data() + slice.offset,
          slice.bytes};
}

Result<Buffer> HostBackend::allocate(std::size_t bytes, Memory) {
  auto storage = HostStorage::allocate(bytes);
  if (storage == nullptr)
    return fail(ErrorKind::io, "out of memory: {} bytes were asked for on {}", bytes,
                device().name);
  return Buffer{std::move(storage), bytes};
}

Result<Buffer> HostBackend::adopt(std::span<const std::byte> bytes) {
  return Buffer{HostStorage::borrow(bytes), bytes.size()};
}

Ticket HostBackend::done(Status status) {
  ++count_;
  if (!status) errors_[count_] = std::move(status).error();
  return {0, count_};
}

Status HostBackend::before(Tickets after) const {
  for (const Ticket& ticket : after) {
    const auto error = errors_.find(ticket.count);
    if (error != errors_.end()) return tl::unexpected(error->second);
  }
  return {};
}

Ticket HostBackend::upload(BufferSlice to, std::span<const std::byte> from, Tickets after) {
  if (Status status = before(after); !status) return done(std::move(status));
  const auto bytes = host_bytes(to);
  TEPUI_ASSERT(bytes.size() >= from.size());
  if (!from.empty()) std::memcpy(bytes.data(), from.data(), from.size());
  return done({});
}

Ticket HostBackend::download(std::span<std::byte> to, BufferSlice from, Tickets after) {
  if (Status status = before(after); !status) return done(std::move(status));
  const auto bytes = host_bytes(from);
  TEPUI_ASSERT(bytes.size() >= to.size());
  if (!to.empty()) std::memcpy(to.data(), bytes.data(), to.size());
  return done({});
}

Status HostBackend::wait(Ticket ticket) {
  const auto error = errors_.find(ticket.count);
  if (error == errors_.end()) return {};
  Status status = tl::unexpected(std::move(error->second));
  errors_.erase(error);
  return status;
}

}  // namespace tepui
