// SPDX-License-Identifier: MIT
// What backends that compute in host memory share: storage, transfers by memcpy and tickets of work
// that is finished when it was issued. HostBackend implements all of Backend that is not about
// computing.
#pragma once

#include <map>
#include <span>

#include "tepui/backend.h"

namespace tepui {

// Memory of a buffer: its own (base/value_memory.h), or bytes adopted from elsewhere.
Result<Buffer> allocate_host(std::size_t bytes);
Buffer adopt_host(std::span<const std::byte> bytes);

// The slice must lie within its buffer; adopted bytes may be read only.
std::span<const std::byte> host_bytes(const BufferSlice& slice);
std::span<std::byte> writable_host_bytes(const BufferSlice& slice);

// Tickets of work that is done, or has failed, by the time they are given out. Work after a failed
// ticket does not run and fails with the same error.
class HostTickets {
 public:
  Ticket record(Status status);
  Status state(Ticket ticket) const;
  Status state(Tickets tickets) const;  // the first failure among them

 private:
  std::uint64_t issued_ = 0;
  std::map<std::uint64_t, Error> errors_;
};

class HostBackend : public Backend {
 public:
  Result<Buffer> allocate(std::size_t bytes, Memory memory) override;
  Result<Buffer> adopt(std::span<const std::byte> bytes) override;
  Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) override;
  Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) override;
  Status wait(Ticket ticket) override { return tickets_.state(ticket); }
  BackendCounters counters() const override { return counters_; }

 protected:
  void count_run(const Program& program) {
    ++counters_.submissions;
    counters_.steps += program.steps.size();
  }

  HostTickets tickets_;
  BackendCounters counters_;
};

// An error that names the first input, weight or output that is not bound to a slice of the size
// that the backend stores it in.
Status check_bindings(const Backend& backend, const Program& program, const Bindings& bindings);

// Whether a step's outputs are what its op makes of its operands and parameters: what any backend
// asks before it looks for a kernel.
bool follows_its_op(const Step& step, const Program& program);

// Fails with an error that lists every step that the backend cannot run.
Status check_steps(const Backend& backend, const Program& program);

}  // namespace tepui
