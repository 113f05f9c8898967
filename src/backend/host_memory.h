// SPDX-License-Identifier: MIT
// Buffers, transfers and tickets of the backends that compute on the host: everything happens at
// the call, and a ticket only keeps the error until someone waits for it.
#pragma once

#include <map>

#include "tepui/backend.h"

namespace tepui {

class HostStorage : public BufferStorage {
 public:
  // Owned, 64-byte aligned; not initialised. Null if the system has not so much.
  static std::unique_ptr<HostStorage> allocate(std::size_t bytes);
  // Borrowed: never written, never freed.
  static std::unique_ptr<HostStorage> borrow(std::span<const std::byte> bytes);
  ~HostStorage() override;

  std::byte* data() const { return data_; }
  bool writable() const { return owned_; }

 private:
  HostStorage(std::byte* data, bool owned) : data_(data), owned_(owned) {}
  std::byte* data_;
  bool owned_;
};

std::span<std::byte> host_bytes(const BufferSlice& slice);

// What such backends share; they add their kernels.
class HostBackend : public Backend {
 public:
  Result<Buffer> allocate(std::size_t bytes, Memory memory) override;
  Result<Buffer> adopt(std::span<const std::byte> bytes) override;
  Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) override;
  Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) override;
  Status wait(Ticket ticket) override;

 protected:
  Ticket done(Status status);
  // The first error of work that must come before; that work is then not done.
  Status before(Tickets after) const;

 private:
  std::uint64_t count_ = 0;
  std::map<std::uint64_t, Error> errors_;
};

}  // namespace tepui
