// SPDX-License-Identifier: MIT
#include "backend/cpu/cpu_backend.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "backend/cpu/isa.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/together.h"
#include "backend/host_memory.h"
#include "base/assert.h"
#include "base/thread_pool.h"
#include "ir/memory_plan.h"
#include "tepui/op.h"

namespace tepui {

namespace {

using cpu::KernelCall;
using cpu::KernelFn;
using cpu::KernelTable;
using cpu::KernelThreads;
using cpu::Operand;

class PreparedCpu : public Prepared {
 public:
  Program program;
  std::vector<KernelFn> kernels;  // by step
  std::vector<int> together;      // by step: how many from it on run as one
  MemoryPlan plan;
  std::vector<double> seconds;  // by step
};

// What a KernelCall points to.
struct Called {
  std::vector<Operand> in;
  std::vector<Operand> out;
  std::array<std::byte, ParamBytes::kCapacity> params;
};

void run_on_pool(void* pool, std::int64_t pieces, KernelThreads::Piece call, const void* body) {
  static_cast<ThreadPool*>(pool)->for_each(
      pieces, [=](std::int64_t piece, int thread) { call(body, piece, thread); });
}

std::byte* take_scratch(void* arena, std::size_t bytes) {
  return static_cast<cpu::Scratch*>(arena)->take(bytes);
}

std::uint64_t physical_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGE_SIZE);
  return pages > 0 && page > 0
             ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page)
             : 0;
}

class CpuBackend : public HostBackend {
 public:
  CpuBackend(const KernelTable& table, int threads, bool asks_ahead, bool profile)
      : table_(table), pool_(threads), asks_ahead_(asks_ahead), profile_(profile) {
    info_.backend = "cpu";
    info_.name = cpu::processor_name();
    info_.isa = table.isa;
    info_.detail = fmt::format("{}, {} thread{}", table.isa, threads, threads == 1 ? "" : "s");
    info_.memory_bytes = physical_memory();
    info_.max_allocation_bytes = info_.memory_bytes;
    info_.threads = threads;
  }

  const DeviceInfo& device() const override { return info_; }

  bool can_run(const Step& step, const Program& program) const override {
    return kernel_of(step) != nullptr && follows_its_op(step, program);
  }

  std::size_t storage_bytes(const TensorType& type) const override {
    if (!is_packed(type.dtype)) return type.bytes();
    const int last = type.shape.rank() - 1;
    const std::int64_t experts = last == 2 ? type.shape[0] : 1;
    const std::int64_t panels = (type.shape[last - 1] + table_.panel - 1) / table_.panel;
    return static_cast<std::size_t>(experts * panels *
                                    table_.panel_bytes(type.dtype, type.shape[last]));
  }

  std::int64_t packed_rows() const override { return table_.panel; }

  std::unique_ptr<Backend> companion() const override {
    return std::make_unique<CpuBackend>(table_, pool_.size(), asks_ahead_, false);
  }

  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override {
    auto prepared = std::make_unique<PreparedCpu>();
    std::vector<std::string> refused;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
      const Step& step = program.steps[i];
      prepared->kernels.push_back(kernel_of(step));
      if (!can_run(step, program)) refused.push_back(describe(program, i));
    }
    if (!refused.empty())
      return fail(ErrorKind::unsupported, "the cpu backend ({}) cannot run {} of {} steps: {}",
                  table_.isa, refused.size(), program.steps.size(), fmt::join(refused, "; "));
    prepared->program = program;
    prepared->seconds.assign(program.steps.size(), 0);
    prepared->plan =
        plan_memory(program, [&](Value value) { return storage_bytes(program.type_of(value)); });
    prepared->together = cpu::steps_together(program);
    return prepared;
  }

  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override {
    return tickets_.record(run_all(static_cast<PreparedCpu&>(prepared), bindings, after));
  }

 private:
  Status run_all(PreparedCpu& planned, const Bindings& bindings, Tickets after) {
    TEPUI_TRY(tickets_.state(after));
    TEPUI_TRY(check_bindings(*this, planned.program, bindings));
    if (arena_.storage == nullptr || arena_.bytes < planned.plan.bytes) {
      arena_ = {};
      TEPUI_TRY(arena_, allocate_host(planned.plan.bytes));
    }
    count_run(planned.program);
    for (std::size_t i = 0; i < planned.kernels.size(); ++i) {
      const int together = planned.together[i];
      if (profile_) {
        run_timed(planned, bindings, i);
      } else if (together > 1) {
        run_together(planned, bindings, i, together);
        i += static_cast<std::size_t>(together) - 1;
      } else {
        run_step(planned, bindings, i);
      }
    }
    return {};
  }

  KernelFn kernel_of(const Step& step) const {
    const auto code = static_cast<std::size_t>(step.op);
    return code < cpu::kOpCount ? table_.by_op[code] : nullptr;
  }

  static std::string describe(const Program& program, std::size_t index) {
    const Step& step = program.steps[index];
    std::vector<std::string> operands;
    for (const Value value : step.in) operands.push_back(program.type_of(value).to_string());
    return fmt::format("step {}: {}({})", index, op_of(step.op).name, fmt::join(operands, ", "));
  }

  void run_timed(PreparedCpu& planned, const Bindings& bindings, std::size_t index) {
    const auto begin = std::chrono::steady_clock::now();
    run_step(planned, bindings, index);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    planned.seconds[index] += spent.count();
  }

  void run_step(const PreparedCpu& planned, const Bindings& bindings, std::size_t index) {
    scratch_.clear();
    planned.kernels[index](called(planned, bindings, index, calls_[0]));
  }

  void run_together(const PreparedCpu& planned, const Bindings& bindings, std::size_t first,
                    int count) {
    scratch_.clear();
    std::vector<KernelCall> calls;
    calls.reserve(cpu::kMostTogether);
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      calls.push_back(called(planned, bindings, first + at, calls_[at]));
    }
    table_.single_rows(calls.data(), count);
  }

  // What a step's kernel is called with, as long as `own` stays as it is.
  KernelCall called(const PreparedCpu& planned, const Bindings& bindings, std::size_t index,
                    Called& own) {
    const Step& step = planned.program.steps[index];
    own.in.clear();
    own.out.clear();
    for (const Value value : step.in) own.in.push_back(operand(planned, bindings, value, false));
    for (const Value value : step.out) own.out.push_back(operand(planned, bindings, value, true));
    std::memcpy(own.params.data(), &step.params, own.params.size());
    return {own.in.data(),     own.out.data(),
            own.params.data(), KernelThreads(&pool_, pool_.size(), run_on_pool),
            &scratch_,         take_scratch,
            asks_ahead_};
  }

  Operand operand(const PreparedCpu& planned, const Bindings& bindings, Value value,
                  bool written) const {
    Operand operand;
    if (!value.present()) return operand;
    const ValueInfo& info = planned.program.info(value);
    operand.dtype = info.type.dtype;
    operand.is_present = info.type.present();
    for (int axis = 0; axis < info.type.shape.rank(); ++axis)
      operand.shape[axis] = info.type.shape[axis];
    if (info.role == Role::temp) {
      const auto arena = writable_host_bytes(BufferSlice::whole(arena_));
      operand.data = arena.data() + planned.plan.offset[value.id];
    } else if (written) {
      operand.data = writable_host_bytes(bindings[value.id]).data();
    } else {
      operand.data = const_cast<std::byte*>(host_bytes(bindings[value.id]).data());
    }
    return operand;
  }

  const KernelTable& table_;
  ThreadPool pool_;
  cpu::Scratch scratch_;
  Buffer arena_;  // of all Programs: runs follow each other
  DeviceInfo info_;
  bool asks_ahead_;
  bool profile_;
  std::array<Called, cpu::kMostTogether> calls_;  // of the steps that run
};

}  // namespace

Result<std::unique_ptr<Backend>> make_cpu_backend(const BackendOptions& options) {
  if (options.threads < 0)
    return fail(ErrorKind::usage, "the option threads is {}, expected 0 (all processors) or more",
                options.threads);
  TEPUI_TRY(const KernelTable* table, cpu::choose_kernels(options.isa));
  TEPUI_TRY(const bool asks_ahead, cpu::choose_asking());
  const int threads = options.threads > 0 ? options.threads : ThreadPool::hardware_threads();
  return std::make_unique<CpuBackend>(*table, threads, asks_ahead, options.profile);
}

std::span<const double> cpu_step_seconds(const Prepared& prepared) {
  return static_cast<const PreparedCpu&>(prepared).seconds;
}

}  // namespace tepui
