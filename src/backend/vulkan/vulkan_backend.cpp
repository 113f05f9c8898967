// SPDX-License-Identifier: MIT
#include "backend/vulkan/vulkan_backend.h"

#include <map>

#include "backend/host_memory.h"
#include "backend/vulkan/device_list.h"
#include "backend/vulkan/imported_memory.h"
#include "backend/vulkan/prepared.h"
#include "backend/vulkan/staging.h"
#include "backend/vulkan/timer.h"
#include "base/assert.h"
#include "ir/validate.h"
#include "tepui/op.h"

namespace tepui {

using vulkan::PreparedVulkan;
using vulkan::Range;
using vulkan::range_of;

namespace {

class VulkanBackend final : public Backend {
 public:
  VulkanBackend(std::shared_ptr<vulkan::Device> device, bool matrices, bool profile)
      : device_(std::move(device)),
        traits_(vulkan::traits_of(device_->physical(), matrices)),
        profile_(profile),
        pool_(std::make_shared<vulkan::MemoryPool>(device_, Memory::device)),
        staging_(device_, [this] { return ++issued_; }) {}
  ~VulkanBackend() override {
    (void)device_->queue().wait_for_all();
    if (arena_.block != nullptr) pool_->give_back(arena_);
  }
  VulkanBackend(const VulkanBackend&) = delete;
  VulkanBackend& operator=(const VulkanBackend&) = delete;

  Status open();

  const DeviceInfo& device() const override { return info_; }
  bool can_run(const Step& step, const Program& program) const override;
  std::size_t storage_bytes(const TensorType& type) const override {
    return is_packed(type.dtype) ? vulkan::packed_bytes(type.shape, traits_) : type.bytes();
  }
  Result<Buffer> allocate(std::size_t bytes, Memory memory) override;
  Result<Buffer> adopt(std::span<const std::byte> bytes) override;
  Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) override;
  Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) override;
  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override;
  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override;
  Status wait(Ticket ticket) override;
  BackendCounters counters() const override;

  Result<vulkan::Peak> measure_peak() { return vulkan::measure_peak(device_, *shaders_, issued_); }

 private:
  Status failed(Tickets tickets) const;  // the first error among them
  Ticket record(const Status& status);
  Status run_steps(PreparedVulkan& planned, const Bindings& bindings);
  Status run_timed(PreparedVulkan& planned, const Bindings& bindings);
  Status check_alignment(const Program& program, const Bindings& bindings) const;
  Status make_arena(std::size_t bytes);
  void count(const PreparedVulkan& planned, const vulkan::Recorder& recorder);

  std::shared_ptr<vulkan::Device> device_;
  vulkan::DeviceTraits traits_;
  bool profile_;
  std::unique_ptr<vulkan::Timer> timer_;  // where it profiles
  std::unique_ptr<vulkan::ShaderLibrary> shaders_;
  std::shared_ptr<vulkan::MemoryPool> pool_;
  std::uint64_t issued_ = 0;  // the last ticket's count; the timeline's values are counts
  vulkan::Staging staging_;
  std::map<std::uint64_t, Error> errors_;
  Range arena_;  // of all Programs: runs follow each other on the queue
  DeviceInfo info_;
  BackendCounters counters_;  // but for the queue's
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
  if (traits_.matrix) {
    const std::string units = fmt::format(", matrix units {}x{}x{}", traits_.matrix->m,
                                          traits_.matrix->n, traits_.matrix->k);
    info_.isa += units;  // other sums
    info_.detail += units;
  }
  return {};
}

Status VulkanBackend::failed(Tickets tickets) const {
  for (const Ticket ticket : tickets) {
    const auto found = errors_.find(ticket.count);
    if (found != errors_.end()) return tl::unexpected<Error>(found->second);
    TEPUI_TRY(device_->queue().state(ticket.count));
  }
  return {};
}

// A failed ticket has a count of its own; work that needed no submission is done with the last one.
Ticket VulkanBackend::record(const Status& status) {
  if (status) return {0, device_->queue().last_recorded()};
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
  return vulkan::plan_step(step, program, traits_).has_value();
}

Result<Buffer> VulkanBackend::allocate(std::size_t bytes, Memory /*memory*/) {
  TEPUI_TRY(const Range range, pool_->take(bytes));
  return Buffer{std::make_unique<vulkan::PooledStorage>(pool_, range), bytes};
}

Result<Buffer> VulkanBackend::adopt(std::span<const std::byte> bytes) {
  if (auto storage = vulkan::import_memory(device_, bytes); storage != nullptr)
    return Buffer{std::move(storage), bytes.size()};
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
  if (status) counters_.downloaded_bytes += to.size();
  return record(status);
}

Status VulkanBackend::wait(Ticket ticket) {
  TEPUI_ASSERT(ticket.count <= issued_);
  TEPUI_TRY(failed({&ticket, 1}));
  const Status status = device_->queue().wait(ticket.count);
  staging_.finish(ticket.count);
  return status;
}

BackendCounters VulkanBackend::counters() const {
  BackendCounters all = counters_;
  return all += device_->queue().counters();
}

Result<std::unique_ptr<Prepared>> VulkanBackend::prepare(const Program& program) {
  TEPUI_TRY(validate(program));
  TEPUI_TRY(check_steps(*this, program));
  (void)device_->queue().flush();  // the device works while kernels are compiled
  const auto size_of = [&](Value value) { return storage_bytes(program.type_of(value)); };
  TEPUI_TRY(auto prepared, PreparedVulkan::make(program, traits_, *shaders_, size_of));
  TEPUI_TRY(make_arena(prepared->arena_bytes()));
  return prepared;
}

Ticket VulkanBackend::run(Prepared& prepared, const Bindings& bindings, Tickets after) {
  auto* planned = dynamic_cast<PreparedVulkan*>(&prepared);
  TEPUI_ASSERT(planned != nullptr);
  (void)device_->queue().flush();  // a failure is kept for those who wait for what was recorded
  Status status = failed(after);
  if (status) status = check_bindings(*this, planned->program(), bindings);
  if (status) status = check_alignment(planned->program(), bindings);
  if (status) status = profile_ ? run_timed(*planned, bindings) : run_steps(*planned, bindings);
  return record(status);
}

// Shaders read words, and packed matrices by four.
Status VulkanBackend::check_alignment(const Program& program, const Bindings& bindings) const {
  for (std::size_t id = 0; id < bindings.size(); ++id) {
    const ValueInfo& info = program.values[id];
    const std::size_t unit = is_packed(info.type.dtype) ? 16 : 4;
    if (info.role != Role::temp && bindings[id].offset % unit != 0) {
      return fail(ErrorKind::data,
                  "vulkan: \"{}\": expected an offset that is a multiple of {}, found {}",
                  info.name, unit, bindings[id].offset);
    }
  }
  return {};
}

// Runs do not wait for one that is large enough: there is room for every Program that was prepared.
Status VulkanBackend::make_arena(std::size_t bytes) {
  if (bytes <= arena_.bytes) return {};
  TEPUI_TRY(device_->queue().wait_for_all());
  if (arena_.block != nullptr) pool_->give_back(arena_);
  arena_ = {};
  TEPUI_TRY(arena_, pool_->take(bytes));
  return {};
}

// Step by step behind a barrier each, and waited for.
Status VulkanBackend::run_timed(PreparedVulkan& planned, const Bindings& bindings) {
  const auto marks = static_cast<std::uint32_t>(planned.steps().size()) + 1;
  if (timer_ == nullptr || timer_->room() < marks) {
    TEPUI_TRY(timer_, vulkan::Timer::make(*device_, marks));
  }
  const auto record = [&](VkCommandBuffer commands) {
    vulkan::Recorder recorder(*device_, shaders_->layout(), commands);
    timer_->start(commands);
    for (std::size_t i = 0; i < planned.steps().size(); ++i) {
      planned.record(recorder, bindings, arena_, i);
      timer_->mark(commands);
    }
    count(planned, recorder);
  };
  TEPUI_TRY(device_->queue().submit(++issued_, vulkan::Queue::Work::program, record));
  TEPUI_TRY(device_->queue().wait(issued_));
  TEPUI_TRY(const std::vector<double> seconds, timer_->read());
  planned.add_seconds(seconds);
  return {};
}

Status VulkanBackend::run_steps(PreparedVulkan& planned, const Bindings& bindings) {
  const auto record = [&](VkCommandBuffer commands) {
    vulkan::Recorder recorder(*device_, shaders_->layout(), commands);
    for (std::size_t i = 0; i < planned.steps().size(); ++i)
      planned.record(recorder, bindings, arena_, i);
    count(planned, recorder);
  };
  return device_->queue().record(++issued_, vulkan::Queue::Work::program, record);
}

void VulkanBackend::count(const PreparedVulkan& planned, const vulkan::Recorder& recorder) {
  counters_ += recorder.counters();
  counters_.steps += planned.program().steps.size();
}

Result<std::unique_ptr<Backend>> open_device(const std::shared_ptr<const vulkan::Context>& context,
                                             std::size_t index, const BackendOptions& options) {
  TEPUI_TRY(const bool matrices, vulkan::matrices_wanted(context->devices()[index].matrices));
  TEPUI_TRY(std::shared_ptr<vulkan::Device> device, vulkan::Device::make(context, index, matrices));
  auto backend = std::make_unique<VulkanBackend>(std::move(device), matrices, options.profile);
  TEPUI_TRY(backend->open());
  return backend;
}

}  // namespace

Result<std::unique_ptr<Backend>> make_vulkan_backend(std::string_view which,
                                                     const BackendOptions& options) {
  TEPUI_TRY(std::shared_ptr<const vulkan::Context> context, vulkan::Context::make());
  TEPUI_TRY(const std::size_t index, vulkan::choose_device(context->devices(), which));
  return open_device(context, index, options);
}

Result<std::unique_ptr<Backend>> make_gpu_backend(const BackendOptions& options) {
  auto made = vulkan::Context::make();
  if (!made) return nullptr;  // no loader, no driver
  const std::shared_ptr<const vulkan::Context> context = *std::move(made);
  const auto index = vulkan::find_gpu(context->devices());
  if (!index) return nullptr;
  return open_device(context, *index, options);
}

Result<std::vector<DeviceListing>> list_vulkan_devices() {
  TEPUI_TRY(const auto context, vulkan::Context::make());
  std::vector<DeviceListing> list;
  for (const vulkan::PhysicalDevice& device : context->devices()) {
    list.push_back(vulkan::listing_of(device, list.size()));
  }
  return list;
}

int vulkan::dispatch_count(const Prepared& prepared) {
  return dynamic_cast<const PreparedVulkan&>(prepared).dispatches();
}

std::span<const double> vulkan::step_seconds(const Prepared& prepared) {
  return dynamic_cast<const PreparedVulkan&>(prepared).step_seconds();
}

Result<vulkan::Peak> vulkan::measure_peak(Backend& backend) {
  return dynamic_cast<VulkanBackend&>(backend).measure_peak();
}

}  // namespace tepui
