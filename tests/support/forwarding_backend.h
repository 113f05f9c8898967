// SPDX-License-Identifier: MIT
// A backend that passes everything on to another one: for tests that look at, or tamper with, some
// of the calls.
#pragma once

#include <memory>

#include "tepui/backend.h"

namespace tepui::test {

class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(std::unique_ptr<Backend> to) : to_(std::move(to)) {}

  const DeviceInfo& device() const override { return to_->device(); }
  bool can_run(const Step& step, const Program& program) const override {
    return to_->can_run(step, program);
  }
  std::size_t storage_bytes(const TensorType& type) const override {
    return to_->storage_bytes(type);
  }
  std::size_t scratch_bytes(const Program& program) const override {
    return to_->scratch_bytes(program);
  }
  Result<Buffer> allocate(std::size_t bytes, Memory memory) override {
    return to_->allocate(bytes, memory);
  }
  Result<Buffer> adopt(std::span<const std::byte> bytes) override { return to_->adopt(bytes); }
  Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) override {
    return to_->upload(to, from, after);
  }
  Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) override {
    return to_->download(to, from, after);
  }
  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override {
    return to_->prepare(program);
  }
  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override {
    return to_->run(prepared, bindings, after);
  }
  Status wait(Ticket ticket) override { return to_->wait(ticket); }
  BackendCounters counters() const override { return to_->counters(); }

 protected:
  std::unique_ptr<Backend> to_;
};

}  // namespace tepui::test
