// SPDX-License-Identifier: MIT
#include "backend/host_memory.h"

#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/value_memory.h"
#include "tepui/op.h"

namespace tepui {
namespace {

class HostStorage final : public BufferStorage {
 public:
  HostStorage(ValueMemory owned, std::span<const std::byte> bytes)
      : owned_(std::move(owned)), bytes_(bytes) {}

  std::span<const std::byte> bytes() const { return bytes_; }
  std::byte* owned() const { return owned_.get(); }

 private:
  ValueMemory owned_;  // null where adopted
  std::span<const std::byte> bytes_;
};

const HostStorage& storage_of(const BufferSlice& slice) {
  TEPUI_ASSERT(slice.buffer != nullptr && slice.offset <= slice.buffer->bytes &&
               slice.bytes <= slice.buffer->bytes - slice.offset);
  const auto* storage = dynamic_cast<const HostStorage*>(slice.buffer->storage.get());
  TEPUI_ASSERT(storage != nullptr);
  return *storage;
}

}  // namespace

Result<Buffer> allocate_host(std::size_t bytes) {
  ValueMemory memory = allocate_values(bytes);
  if (memory == nullptr) {
    return fail(ErrorKind::unsupported, "out of memory: the system refused {} bytes", bytes);
  }
  const std::span<const std::byte> view(memory.get(), bytes);
  return Buffer{std::make_unique<HostStorage>(std::move(memory), view), bytes};
}

Buffer adopt_host(std::span<const std::byte> bytes) {
  return Buffer{std::make_unique<HostStorage>(nullptr, bytes), bytes.size()};
}

std::span<const std::byte> host_bytes(const BufferSlice& slice) {
  return storage_of(slice).bytes().subspan(slice.offset, slice.bytes);
}

std::span<std::byte> writable_host_bytes(const BufferSlice& slice) {
  std::byte* owned = storage_of(slice).owned();
  TEPUI_ASSERT(owned != nullptr);
  return {owned + slice.offset, slice.bytes};
}

Ticket HostTickets::record(Status status) {
  ++issued_;
  if (!status) errors_.emplace(issued_, std::move(status).error());
  return {0, issued_};
}

Status HostTickets::state(Ticket ticket) const {
  TEPUI_ASSERT(ticket.count <= issued_);
  const auto found = errors_.find(ticket.count);
  if (found == errors_.end()) return {};
  return tl::unexpected<Error>(found->second);
}

Status HostTickets::state(Tickets tickets) const {
  for (const Ticket ticket : tickets) TEPUI_TRY(state(ticket));
  return {};
}

Result<Buffer> HostBackend::allocate(std::size_t bytes, Memory /*memory*/) {
  return allocate_host(bytes);
}

Result<Buffer> HostBackend::adopt(std::span<const std::byte> bytes) { return adopt_host(bytes); }

Ticket HostBackend::upload(BufferSlice to, std::span<const std::byte> from, Tickets after) {
  const Status before = tickets_.state(after);
  if (!before) return tickets_.record(before);
  if (to.bytes != from.size()) {
    return tickets_.record(
        fail(ErrorKind::data, "upload: expected {} bytes, found {}", to.bytes, from.size()));
  }
  if (!from.empty()) std::memcpy(writable_host_bytes(to).data(), from.data(), from.size());
  return tickets_.record({});
}

Ticket HostBackend::download(std::span<std::byte> to, BufferSlice from, Tickets after) {
  const Status before = tickets_.state(after);
  if (!before) return tickets_.record(before);
  if (to.size() != from.bytes) {
    return tickets_.record(
        fail(ErrorKind::data, "download: expected {} bytes, found {}", from.bytes, to.size()));
  }
  if (!to.empty()) std::memcpy(to.data(), host_bytes(from).data(), to.size());
  counters_.downloaded_bytes += to.size();
  return tickets_.record({});
}

Status check_bindings(const Backend& backend, const Program& program, const Bindings& bindings) {
  if (bindings.size() != program.values.size()) {
    return fail(ErrorKind::data, "{}: expected {} bindings, found {}", backend.device().backend,
                program.values.size(), bindings.size());
  }
  for (std::size_t id = 0; id < bindings.size(); ++id) {
    const ValueInfo& info = program.values[id];
    if (info.role == Role::temp) continue;
    const std::size_t bytes = backend.storage_bytes(info.type);
    if (bindings[id].buffer == nullptr || bindings[id].bytes != bytes) {
      return fail(ErrorKind::data, "{}: %{} \"{}\" {}: expected a binding of {} bytes, found {}",
                  backend.device().backend, id, info.name, info.type.to_string(), bytes,
                  bindings[id].buffer == nullptr ? "none" : std::to_string(bindings[id].bytes));
    }
  }
  return {};
}

bool follows_its_op(const Step& step, const Program& program) {
  Types in;
  for (const Value value : step.in) in.push_back(program.type_of(value));
  const auto out = op_of(step.op).infer(in, step.params);
  if (!out || out->size() != step.out.size()) return false;
  for (std::size_t i = 0; i < out->size(); ++i) {
    if ((*out)[i] != program.type_of(step.out[i])) return false;
  }
  return true;
}

Status check_steps(const Backend& backend, const Program& program) {
  std::string missing;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    if (backend.can_run(step, program)) continue;
    missing += missing.empty() ? "" : "; ";
    missing += fmt::format("step {} {}", i, op_of(step.op).name);
    for (const Value value : step.in) {
      const TensorType type = program.type_of(value);
      missing += fmt::format(" {}", type.present() ? type.to_string() : "-");
    }
  }
  if (missing.empty()) return {};
  return fail(ErrorKind::unsupported, "{}: cannot run {}", backend.device().backend, missing);
}

}  // namespace tepui
