// SPDX-License-Identifier: MIT
// A backend holds bytes, moves them up and down, prepares and runs Programs, waits, and says what
// it cannot do. Ops are never mentioned here; there is no fallback from one backend to another (law
// 6): a planner asks can_run first. Calls come from one thread at a time. Work that is issued may
// run later, in the order its tickets demand; everything a run reads or writes must live until its
// ticket was waited for.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tepui/program.h"
#include "tepui/result.h"

namespace tepui {

struct DeviceInfo {
  std::string backend;  // "cpu", "vulkan", "reference"
  std::string name;     // the processor's or the device's own name
  std::string isa;      // what the bits of a result may depend on: "avx2", a driver's version
  std::string detail;   // threads, driver: what else a reader needs to repeat a figure
  std::uint64_t memory_bytes = 0;
  std::uint64_t max_allocation_bytes = 0;
  int threads = 0;        // of this process that compute; 0 where a device does
  bool software = false;  // a GPU driver that computes on the processor: right, but slow
};

enum class Memory : std::uint8_t {
  device,   // where kernels run fastest
  staging,  // visible to the host as well, for uploads and downloads
};

// A backend's own storage behind a Buffer; freed with it.
class BufferStorage {
 public:
  virtual ~BufferStorage() = default;
};

struct Buffer {
  std::unique_ptr<BufferStorage> storage;
  std::size_t bytes = 0;
};

struct BufferSlice {
  const Buffer* buffer = nullptr;
  std::size_t offset = 0;
  std::size_t bytes = 0;

  static BufferSlice whole(const Buffer& buffer) { return {&buffer, 0, buffer.bytes}; }
};

// A promise of device work: the count-th job of a queue, 0 of a backend and 1 of its companion. An
// error stays with its ticket until wait.
struct Ticket {
  std::uint32_t queue = 0;
  std::uint64_t count = 0;
};
using Tickets = std::span<const Ticket>;

// A Program that a backend has planned: kernels chosen, memory laid out, pipelines made. Reusable
// for any bindings.
class Prepared {
 public:
  virtual ~Prepared() = default;
};

// One slice per value of the Program, by value id; temporaries stay empty.
using Bindings = std::vector<BufferSlice>;

// What a backend has done since it was made. A submission is what a device is given at once; those
// of backends that compute on the processor are their runs.
struct BackendCounters {
  std::uint64_t steps = 0;             // of Programs that were run
  std::uint64_t dispatches = 0;        // kernels that they started on a device
  std::uint64_t barriers = 0;          // between those
  std::uint64_t submissions = 0;       // that run Programs, with the transfers among them
  std::uint64_t copy_submissions = 0;  // of transfers alone
  std::uint64_t waits = 0;             // of the host for a device
  std::uint64_t downloaded_bytes = 0;
  std::uint64_t uploaded_bytes = 0;

  BackendCounters& operator+=(const BackendCounters& other);
  BackendCounters operator-(const BackendCounters& earlier) const;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual const DeviceInfo& device() const = 0;
  // Whether this backend has a kernel for the step as it stands: op, dtypes, sizes.
  virtual bool can_run(const Step& step, const Program& program) const = 0;
  // Bytes that a value of this type takes in this backend's memory; only `packed` differs between
  // backends.
  virtual std::size_t storage_bytes(const TensorType& type) const = 0;
  // Bytes that a run of the Program takes beside its values, where the backend can tell.
  virtual std::size_t scratch_bytes(const Program&) const { return 0; }
  // Rows of a packed matrix that lie together, one group behind the other: it may be packed in
  // pieces of a multiple of them. 0: only whole.
  virtual std::int64_t packed_rows() const { return 0; }
  // Another one of the same device, for a second thread: each may use the other's buffers once what
  // writes them was waited for. Null where a device takes calls from one thread only.
  virtual std::unique_ptr<Backend> companion() const { return nullptr; }
  // Gives the device what was issued. The ticket of the last of it, which the companion's work may
  // name among what it comes behind.
  virtual Ticket flush() { return {}; }

  virtual Result<Buffer> allocate(std::size_t bytes, Memory memory) = 0;
  // Where the host writes what is uploaded or adopted from there without another copy; empty where
  // other memory is as good.
  virtual std::span<std::byte> host_view(const Buffer& /*staging*/) const { return {}; }
  // Host memory used in place where the device can (CPU, integrated GPU), copied otherwise, before
  // any work that is issued later. The bytes must outlive it and may be unaligned.
  virtual Result<Buffer> adopt(std::span<const std::byte> bytes) = 0;
  virtual Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) = 0;
  virtual Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) = 0;

  // Fails with an error that lists every step it cannot run.
  virtual Result<std::unique_ptr<Prepared>> prepare(const Program& program) = 0;
  virtual Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) = 0;
  virtual Status wait(Ticket ticket) = 0;

  virtual BackendCounters counters() const = 0;
};

}  // namespace tepui
