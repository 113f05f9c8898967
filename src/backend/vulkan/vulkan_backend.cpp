// SPDX-License-Identifier: MIT
#include "backend/vulkan/vulkan_backend.h"

#include <algorithm>
#include <cstring>

#include "backend/host_memory.h"
#include "backend/vulkan/memory.h"
#include "backend/vulkan/recorder.h"
#include "backend/vulkan/shader_library.h"
#include "backend/vulkan/staging.h"
#include "backend/vulkan/step_plan.h"
#include "base/assert.h"
#include "ir/memory_plan.h"
#include "ir/validate.h"
#include "tepui/op.h"

namespace tepui {

using vulkan::AddressRange;
using vulkan::PushBlock;
using vulkan::Range;
using vulkan::StepPlan;

namespace {

struct PlannedStep {
  StepPlan plan;
  std::vector<VkPipeline> pipelines;  // by pass
};

class PreparedVulkan final : public Prepared {
 public:
  Program program;
  std::vector<PlannedStep> steps;
  MemoryPlan plan;
  std::size_t scratch_at = 0;  // in the arena, behind the temporaries; the steps share it
  std::size_t arena_bytes = 0;
};

const Range& range_of(const BufferSlice& slice) {
  TEPUI_ASSERT(slice.buffer != nullptr && slice.offset <= slice.buffer->bytes &&
               slice.bytes <= slice.buffer->bytes - slice.offset);
  const auto* storage = dynamic_cast<const vulkan::VulkanStorage*>(slice.buffer->storage.get());
  TEPUI_ASSERT(storage != nullptr);
  return storage->range();
}

class VulkanBackend final : public Backend {
 public:
  explicit VulkanBackend(std::shared_ptr<vulkan::Device> device)
      : device_(std::move(device)),
        pool_(std::make_shared<vulkan::MemoryPool>(device_, Memory::device)),
        staging_(device_, [this] { return ++issued_; }) {}
  ~VulkanBackend() override {
    (void)device_->wait(device_->last_submitted());
    if (arena_.block != nullptr) pool_->give_back(arena_);
  }
  VulkanBackend(const VulkanBackend&) = delete;
  VulkanBackend& operator=(const VulkanBackend&) = delete;

  Status open();

  const DeviceInfo& device() const override { return info_; }
  bool can_run(const Step& step, const Program& program) const override;
  std::size_t storage_bytes(const TensorType& type) const override {
    return type.dtype == DType::packed ? vulkan::packed_bytes(type.shape) : type.bytes();
  }
  Result<Buffer> allocate(std::size_t bytes, Memory memory) override;
  Result<Buffer> adopt(std::span<const std::byte> bytes) override;
  Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) override;
  Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) override;
  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override;
  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override;
  Status wait(Ticket ticket) override;

 private:
  Status failed(Tickets tickets) const;  // the first error among them
  Ticket record(const Status& status);
  Status run_steps(const PreparedVulkan& planned, const Bindings& bindings);
  Status check_alignment(const Program& program, const Bindings& bindings) const;
  Status make_arena(std::size_t bytes);
  AddressRange place(const PreparedVulkan& planned, const Bindings& bindings, Value value) const;
  void record_step(vulkan::Recorder& recorder, const PreparedVulkan& planned,
                   const Bindings& bindings, std::size_t index) const;

  std::shared_ptr<vulkan::Device> device_;
  std::unique_ptr<vulkan::ShaderLibrary> shaders_;
  std::shared_ptr<vulkan::MemoryPool> pool_;
  std::uint64_t issued_ = 0;  // the last ticket's count; the timeline's values are counts
  vulkan::Staging staging_;
  std::map<std::uint64_t, Error> errors_;
  Range arena_;  // of all Programs: runs follow each other on the queue
  DeviceInfo info_;
};

Status VulkanBackend::open() {
  TEPUI_TRY(shaders_, vulkan::ShaderLibrary::make(*device_));
  const vulkan::PhysicalDevice& physical = device_->physical();
  info_.backend = "vulkan";
  info_.name = physical.name;
  info_.isa = fmt::format("{}, {}", physical.name, physical.driver);
  info_.detail = fmt::format("{}, {}", vulkan::type_name(physical.type), physical.driver);
  info_.memory_bytes = physical.memory_bytes;
  info_.max_allocation_bytes = physical.max_allocation_bytes;
  info_.software = physical.software();
  return {};
}

Status VulkanBackend::failed(Tickets tickets) const {
  for (const Ticket ticket : tickets) {
    const auto found = errors_.find(ticket.count);
    if (found != errors_.end()) return tl::unexpected<Error>(found->second);
  }
  return {};
}

// A failed ticket has a count of its own; work that needed no submission is done with the last one.
Ticket VulkanBackend::record(const Status& status) {
  if (status) return {0, device_->last_submitted()};
  errors_.emplace(++issued_, status.error());
  return {0, issued_};
}

bool VulkanBackend::can_run(const Step& step, const Program& program) const {
  Types in;
  for (const Value value : step.in) in.push_back(program.type_of(value));
  const auto out = op_of(step.op).infer(in, step.params);
  if (!out || out->size() != step.out.size()) return false;
  for (std::size_t i = 0; i < out->size(); ++i) {
    if ((*out)[i] != program.type_of(step.out[i])) return false;
  }
  return vulkan::plan_step(step, program).has_value();
}

Result<Buffer> VulkanBackend::allocate(std::size_t bytes, Memory /*memory*/) {
  TEPUI_TRY(const Range range, pool_->take(bytes));
  return Buffer{std::make_unique<vulkan::VulkanStorage>(pool_, range), bytes};
}

Result<Buffer> VulkanBackend::adopt(std::span<const std::byte> bytes) {
  TEPUI_TRY(Buffer buffer, allocate(bytes.size(), Memory::device));
  TEPUI_TRY(wait(upload(BufferSlice::whole(buffer), bytes, {})));
  return buffer;
}

Ticket VulkanBackend::upload(BufferSlice to, std::span<const std::byte> from, Tickets after) {
  Status status = failed(after);
  if (status && to.bytes != from.size())
    status = fail(ErrorKind::data, "upload: expected {} bytes, found {}", to.bytes, from.size());
  if (status) status = staging_.upload(range_of(to), to.offset, from);
  return record(status);
}

Ticket VulkanBackend::download(std::span<std::byte> to, BufferSlice from, Tickets after) {
  Status status = failed(after);
  if (status && to.size() != from.bytes)
    status = fail(ErrorKind::data, "download: expected {} bytes, found {}", from.bytes, to.size());
  if (status) status = staging_.download(to, range_of(from), from.offset);
  return record(status);
}

Status VulkanBackend::wait(Ticket ticket) {
  TEPUI_ASSERT(ticket.count <= issued_);
  TEPUI_TRY(failed({&ticket, 1}));
  TEPUI_TRY(device_->wait(ticket.count));
  staging_.finish(ticket.count);
  return {};
}

Result<std::unique_ptr<Prepared>> VulkanBackend::prepare(const Program& program) {
  TEPUI_TRY(validate(program));
  TEPUI_TRY(check_steps(*this, program));
  auto prepared = std::make_unique<PreparedVulkan>();
  prepared->program = program;
  prepared->plan =
      plan_memory(program, [&](Value value) { return storage_bytes(program.type_of(value)); });
  std::size_t scratch = 0;
  for (const Step& step : program.steps) {
    PlannedStep planned{*vulkan::plan_step(step, program), {}};
    for (const vulkan::Pass& pass : planned.plan.passes) {
      TEPUI_TRY(planned.pipelines.emplace_back(),
                shaders_->pipeline(planned.plan.shader, pass.constants));
    }
    scratch = std::max(scratch, planned.plan.scratch_bytes);
    prepared->steps.push_back(std::move(planned));
  }
  constexpr std::size_t kMask = vulkan::MemoryPool::kAlignment - 1;
  prepared->scratch_at = (prepared->plan.bytes + kMask) & ~kMask;
  prepared->arena_bytes = prepared->scratch_at + scratch;
  return prepared;
}

Ticket VulkanBackend::run(Prepared& prepared, const Bindings& bindings, Tickets after) {
  const auto* planned = dynamic_cast<const PreparedVulkan*>(&prepared);
  TEPUI_ASSERT(planned != nullptr);
  Status status = failed(after);
  if (status) status = check_bindings(*this, planned->program, bindings);
  if (status) status = check_alignment(planned->program, bindings);
  if (status) status = make_arena(planned->arena_bytes);
  if (status) status = run_steps(*planned, bindings);
  return record(status);
}

// Shaders read words, and packed matrices by four.
Status VulkanBackend::check_alignment(const Program& program, const Bindings& bindings) const {
  for (std::size_t id = 0; id < bindings.size(); ++id) {
    const ValueInfo& info = program.values[id];
    const std::size_t unit = info.type.dtype == DType::packed ? 16 : 4;
    if (info.role != Role::temp && bindings[id].offset % unit != 0) {
      return fail(ErrorKind::data,
                  "vulkan: \"{}\": expected an offset that is a multiple of {}, found {}",
                  info.name, unit, bindings[id].offset);
    }
  }
  return {};
}

Status VulkanBackend::make_arena(std::size_t bytes) {
  if (bytes <= arena_.bytes) return {};
  TEPUI_TRY(device_->wait(device_->last_submitted()));
  if (arena_.block != nullptr) pool_->give_back(arena_);
  arena_ = {};
  TEPUI_TRY(arena_, pool_->take(bytes));
  return {};
}

Status VulkanBackend::run_steps(const PreparedVulkan& planned, const Bindings& bindings) {
  return device_->submit(++issued_, [&](VkCommandBuffer commands) {
    vulkan::Recorder recorder(*device_, shaders_->layout(), commands);
    for (std::size_t i = 0; i < planned.steps.size(); ++i)
      record_step(recorder, planned, bindings, i);
  });
}

AddressRange VulkanBackend::place(const PreparedVulkan& planned, const Bindings& bindings,
                                  Value value) const {
  if (!value.present()) return {};
  const ValueInfo& info = planned.program.info(value);
  const std::size_t bytes = storage_bytes(info.type);
  const std::uint64_t begin =
      info.role == Role::temp ? arena_.address() + planned.plan.offset[value.id]
                              : range_of(bindings[value.id]).address() + bindings[value.id].offset;
  return {begin, begin + bytes};
}

void VulkanBackend::record_step(vulkan::Recorder& recorder, const PreparedVulkan& planned,
                                const Bindings& bindings, std::size_t index) const {
  const Step& step = planned.program.steps[index];
  const StepPlan& plan = planned.steps[index].plan;
  PushBlock push;
  std::vector<AddressRange> reads;
  std::vector<AddressRange> writes;
  std::size_t slot = 0;
  for (const Value value : step.in) {
    reads.push_back(place(planned, bindings, value));
    push.addresses[slot++] = reads.back().begin;
  }
  for (const Value value : step.out) {
    writes.push_back(place(planned, bindings, value));
    push.addresses[slot++] = writes.back().begin;
  }
  std::memcpy(push.params.data(), &step.params, push.params.size());
  if (plan.scratch_bytes > 0) {
    push.scratch = arena_.address() + planned.scratch_at;
    writes.push_back({push.scratch, push.scratch + plan.scratch_bytes});
    recorder.clear(arena_.block->buffer, arena_.offset + planned.scratch_at, plan.cleared_bytes,
                   {push.scratch, push.scratch + plan.cleared_bytes});
  }
  for (std::size_t i = 0; i < plan.passes.size(); ++i)
    recorder.dispatch(planned.steps[index].pipelines[i], push, plan.passes[i].groups, reads,
                      writes);
}

int preference(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return 0;
    default: return 1;
  }
}

Result<std::size_t> choose_device(const vulkan::Context& context, std::string_view which) {
  const auto& devices = context.devices();
  if (devices.empty())
    return fail(ErrorKind::unsupported, "vulkan: no driver offers a device on this machine");
  std::size_t best = 0;
  if (!which.empty()) {
    best = std::stoul(std::string(which));
    if (best >= devices.size())
      return fail(ErrorKind::usage, "--backend vulkan:{}: there are {} devices, counted from 0",
                  best, devices.size());
  } else {
    const auto rank = [&](std::size_t i) {
      return devices[i].usable() ? preference(devices[i].type) : -1;
    };
    for (std::size_t i = 1; i < devices.size(); ++i) {
      if (rank(i) > rank(best)) best = i;
    }
  }
  const vulkan::PhysicalDevice& chosen = devices[best];
  if (chosen.usable()) return best;
  std::string lacks;
  for (const std::string& one : chosen.lacks) lacks += (lacks.empty() ? "" : ", ") + one;
  return fail(ErrorKind::unsupported, "vulkan: {} ({}) cannot be used: it lacks {}", chosen.name,
              chosen.driver, lacks);
}

}  // namespace

Result<std::unique_ptr<Backend>> make_vulkan_backend(std::string_view which,
                                                     const BackendOptions& /*options*/) {
  TEPUI_TRY(std::shared_ptr<const vulkan::Context> context, vulkan::Context::make());
  TEPUI_TRY(const std::size_t index, choose_device(*context, which));
  TEPUI_TRY(std::shared_ptr<vulkan::Device> device, vulkan::Device::make(context, index));
  auto backend = std::make_unique<VulkanBackend>(std::move(device));
  TEPUI_TRY(backend->open());
  return backend;
}

Result<std::vector<DeviceListing>> list_vulkan_devices() {
  TEPUI_TRY(const auto context, vulkan::Context::make());
  std::vector<DeviceListing> list;
  for (const vulkan::PhysicalDevice& device : context->devices()) {
    DeviceListing one;
    one.selector = fmt::format("vulkan:{}", list.size());
    one.name = device.name;
    one.kind = vulkan::type_name(device.type);
    one.driver = fmt::format("Vulkan {}.{}.{}, {}", VK_API_VERSION_MAJOR(device.api_version),
                             VK_API_VERSION_MINOR(device.api_version),
                             VK_API_VERSION_PATCH(device.api_version), device.driver);
    one.memory_bytes = device.memory_bytes;
    one.max_allocation_bytes = device.max_allocation_bytes;
    one.subgroup = device.subgroup;
    if (device.half_arithmetic) one.features.emplace_back("16-bit arithmetic");
    if (device.int8_products) one.features.emplace_back("8-bit dot products");
    if (device.matrices) one.features.emplace_back("cooperative matrices");
    one.lacks = device.lacks;
    list.push_back(std::move(one));
  }
  return list;
}

int vulkan::dispatch_count(const Prepared& prepared) {
  int count = 0;
  for (const PlannedStep& step : static_cast<const PreparedVulkan&>(prepared).steps) {
    for (const Pass& pass : step.plan.passes) count += pass.groups > 0 ? 1 : 0;
  }
  return count;
}

}  // namespace tepui
