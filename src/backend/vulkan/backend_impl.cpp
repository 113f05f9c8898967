// SPDX-License-Identifier: MIT
#include "backend/vulkan/backend_impl.h"

#include <algorithm>

#include "backend/host_memory.h"
#include "backend/vulkan/imported_memory.h"
#include "backend/vulkan/statistics_plan.h"
#include "base/assert.h"
#include "ir/validate.h"

namespace tepui::vulkan {
namespace {

DeviceInfo info_of(const PhysicalDevice& physical, const DeviceTraits& traits) {
  DeviceInfo info;
  info.backend = "vulkan";
  info.name = physical.name;
  info.isa = fmt::format("{}, {}", physical.name, physical.driver);
  info.detail = fmt::format("{}, {}", vulkan::type_name(physical.type), physical.driver);
  info.memory_bytes = physical.memory_bytes;
  info.max_allocation_bytes = physical.max_allocation_bytes;
  info.software = physical.software();
  if (traits.matrix) {
    std::string units = fmt::format(", matrix units {}x{}x{}", traits.matrix->m, traits.matrix->n,
                                    traits.matrix->k);
    if (traits.workgroup) units += " and of workgroups";
    info.isa += units;  // other sums
    info.detail += units;
  }
  return info;
}

}  // namespace

Result<std::unique_ptr<VulkanBackend>> VulkanBackend::make(std::shared_ptr<Device> device,
                                                           MatrixUse use, bool profile) {
  const DeviceTraits traits = traits_of(device->physical(), use);
  TEPUI_TRY(auto shaders, ShaderLibrary::make(*device));
  const DeviceInfo info = info_of(device->physical(), traits);
  Common common{std::move(device), traits, std::move(shaders), info};
  return std::unique_ptr<VulkanBackend>(
      new VulkanBackend(std::move(common), profile, nullptr, nullptr));
}

VulkanBackend::VulkanBackend(Common common, bool profile, std::unique_ptr<Queue> computes,
                             std::unique_ptr<Queue> transfers)
    : device_(std::move(common.device)),
      traits_(common.traits),
      shaders_(std::move(common.shaders)),
      info_(std::move(common.info)),
      profile_(profile),
      own_queue_(std::move(computes)),
      own_transfers_(std::move(transfers)),
      queue_(own_queue_ ? *own_queue_ : device_->queue()),
      transfers_(own_transfers_ ? *own_transfers_ : queue_),
      pool_(std::make_shared<MemoryPool>(device_, Memory::device)),
      host_pool_(std::make_shared<MemoryPool>(device_, Memory::staging)),
      staging_(device_, transfers_, [this] { return ++issued_; }) {}

VulkanBackend::~VulkanBackend() {
  (void)queue_.wait_for_all();
  (void)transfers_.wait_for_all();
  if (arena_.block != nullptr) pool_->give_back(arena_);
}

std::unique_ptr<Backend> VulkanBackend::companion() const {
  if (is_companion() || profile_) return nullptr;
  auto computes = device_->make_second_queue();
  auto transfers = device_->make_transfer_queue();
  if (!computes || !transfers) return nullptr;  // weights are loaded between layers then
  return std::unique_ptr<Backend>(new VulkanBackend({device_, traits_, shaders_, info_}, false,
                                                    *std::move(computes), *std::move(transfers)));
}

Ticket VulkanBackend::flush() {
  (void)queue_.flush();  // a failure is kept for those who wait for what was recorded
  return {queue_number(), queue_.last_submitted()};
}

void VulkanBackend::start_behind(Queue& queue, Tickets after) {
  if (!is_companion()) return;  // its one queue keeps the order
  Queue& other = &queue == &queue_ ? transfers_ : queue_;
  std::uint64_t own = 0;
  for (const Ticket ticket : after) {
    if (ticket.queue == queue_number())
      own = std::max(own, ticket.count);
    else
      queue.start_behind(device_->queue().timeline(), ticket.count);
  }
  // What is adopted comes before all that computes.
  if (&queue == &queue_) own = UINT64_MAX;
  queue.start_behind(other.timeline(), std::min(own, other.last_submitted()));
}

Status VulkanBackend::failed(Tickets tickets) const {
  for (const Ticket ticket : tickets) {
    if (ticket.queue != queue_number()) continue;  // of the first backend: it was submitted
    const auto found = errors_.find(ticket.count);
    if (found != errors_.end()) return tl::unexpected<Error>(found->second);
    TEPUI_TRY(queue_.state(ticket.count));
    if (is_companion()) TEPUI_TRY(transfers_.state(ticket.count));
  }
  return {};
}

// A failed ticket has a count of its own; work that needed no submission is done with the last one.
Ticket VulkanBackend::record(const Status& status) {
  const std::uint64_t last = std::max(queue_.last_recorded(), transfers_.last_recorded());
  if (status) return {queue_number(), last};
  errors_.emplace(++issued_, status.error());
  return {queue_number(), issued_};
}

bool VulkanBackend::can_run(const Step& step, const Program& program) const {
  return follows_its_op(step, program) && plan_step(step, program, traits_).has_value();
}

Result<Buffer> VulkanBackend::allocate(std::size_t bytes, Memory memory) {
  const std::shared_ptr<MemoryPool>& pool = memory == Memory::staging ? host_pool_ : pool_;
  TEPUI_TRY(const Range range, pool->take(bytes));
  return Buffer{std::make_unique<PooledStorage>(pool, range), bytes};
}

std::span<std::byte> VulkanBackend::host_view(const Buffer& staging) const {
  const Range& range = range_of(BufferSlice::whole(staging));
  if (range.block->mapped == nullptr) return {};
  return {range.mapped(), staging.bytes};
}

Result<Buffer> VulkanBackend::adopt(std::span<const std::byte> bytes) {
  const Range staged = host_pool_->find(bytes);
  if (staged.block != nullptr && device_->physical().adopts_host_memory())
    return Buffer{std::make_unique<VulkanStorage>(staged), bytes.size()};
  if (staged.block == nullptr) {
    if (auto storage = import_memory(device_, bytes); storage != nullptr)
      return Buffer{std::move(storage), bytes.size()};
  }
  TEPUI_TRY(Buffer buffer, allocate(bytes.size(), Memory::device));
  const Ticket copied = upload(BufferSlice::whole(buffer), bytes, {});
  TEPUI_TRY(failed({&copied, 1}));
  return buffer;
}

Ticket VulkanBackend::upload(BufferSlice to, std::span<const std::byte> from, Tickets after) {
  Status status = failed(after);
  if (status && to.bytes != from.size())
    status = fail(ErrorKind::data, "upload: expected {} bytes, found {}", to.bytes, from.size());
  if (status) {
    start_behind(transfers_, after);
    const Range staged = host_pool_->find(from);
    status = staged.block == nullptr ? staging_.upload(range_of(to), to.offset, from)
                                     : staging_.upload(range_of(to), to.offset, staged);
  }
  if (status) counters_.uploaded_bytes += from.size();
  return record(status);
}

Ticket VulkanBackend::download(std::span<std::byte> to, BufferSlice from, Tickets after) {
  Status status = failed(after);
  if (status && to.size() != from.bytes)
    status = fail(ErrorKind::data, "download: expected {} bytes, found {}", from.bytes, to.size());
  if (status) {
    start_behind(transfers_, after);
    status = staging_.download(to, range_of(from), from.offset);
  }
  if (status) counters_.downloaded_bytes += to.size();
  return record(status);
}

Status VulkanBackend::wait(Ticket ticket) {
  TEPUI_ASSERT(ticket.count <= issued_);
  TEPUI_TRY(failed({&ticket, 1}));
  TEPUI_ASSERT(ticket.queue == queue_number());
  Status status = queue_.wait(ticket.count);
  if (status && is_companion()) status = transfers_.wait(ticket.count);
  staging_.finish(ticket.count);
  return status;
}

BackendCounters VulkanBackend::counters() const {
  BackendCounters all = counters_;
  all += queue_.counters();
  return is_companion() ? all += transfers_.counters() : all;
}

// Nothing of what cannot run here anyway.
std::size_t VulkanBackend::scratch_bytes(const Program& program) const {
  const bool runs =
      std::ranges::all_of(program.steps, [&](const Step& step) { return can_run(step, program); });
  return runs ? most_scratch(plan_program(program, traits_)) : 0;
}

Result<std::unique_ptr<Prepared>> VulkanBackend::prepare(const Program& program) {
  TEPUI_TRY(validate(program));
  TEPUI_TRY(check_steps(*this, program));
  (void)queue_.flush();  // the device works while kernels are compiled
  const auto size_of = [&](Value value) { return storage_bytes(program.type_of(value)); };
  TEPUI_TRY(auto prepared, PreparedVulkan::make(program, traits_, *shaders_, size_of));
  TEPUI_TRY(make_arena(prepared->arena_bytes()));
  return prepared;
}

Ticket VulkanBackend::run(Prepared& prepared, const Bindings& bindings, Tickets after) {
  auto* planned = dynamic_cast<PreparedVulkan*>(&prepared);
  TEPUI_ASSERT(planned != nullptr);
  (void)queue_.flush();  // a failure is kept for those who wait for what was recorded
  Status status = failed(after);
  if (status) status = check_bindings(*this, planned->program(), bindings);
  if (status) status = check_alignment(planned->program(), bindings);
  if (status) start_behind(queue_, after);
  if (status) status = profile_ ? run_timed(*planned, bindings) : run_steps(*planned, bindings);
  return record(status);
}

// Shaders read words, and packed matrices by four elements: of quantised types these are a word.
Status VulkanBackend::check_alignment(const Program& program, const Bindings& bindings) const {
  for (std::size_t id = 0; id < bindings.size(); ++id) {
    const ValueInfo& info = program.values[id];
    const DType dtype = info.type.dtype;
    // Kernels of matrix units read f16 by eight.
    const bool halves =
        dtype == DType::packed_bf16 || (dtype == DType::packed_f16 && !traits_.matrix);
    const bool words = !is_packed(dtype) || dtype >= DType::packed_q8_0;
    const std::size_t unit = halves ? 8 : words ? 4 : 16;
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
  TEPUI_TRY(queue_.wait_for_all());
  if (arena_.block != nullptr) pool_->give_back(arena_);
  arena_ = {};
  TEPUI_TRY(arena_, pool_->take(bytes));
  return {};
}

// Step by step behind a barrier each, and waited for.
Status VulkanBackend::run_timed(PreparedVulkan& planned, const Bindings& bindings) {
  const auto marks = static_cast<std::uint32_t>(planned.steps().size()) + 1;
  if (timer_ == nullptr || timer_->room() < marks) {
    TEPUI_TRY(timer_, Timer::make(*device_, marks));
  }
  const auto record = [&](VkCommandBuffer commands) {
    Recorder recorder(*device_, shaders_->layout(), commands);
    timer_->start(commands);
    for (std::size_t i = 0; i < planned.steps().size(); ++i) {
      planned.record(recorder, bindings, arena_, i);
      timer_->mark(commands);
    }
    count(planned, recorder);
  };
  TEPUI_TRY(queue_.submit(++issued_, Queue::Work::program, record));
  TEPUI_TRY(queue_.wait(issued_));
  TEPUI_TRY(const std::vector<double> seconds, timer_->read());
  planned.add_seconds(seconds);
  return {};
}

Status VulkanBackend::run_steps(PreparedVulkan& planned, const Bindings& bindings) {
  const auto record = [&](VkCommandBuffer commands) {
    Recorder recorder(*device_, shaders_->layout(), commands);
    for (std::size_t i = 0; i < planned.steps().size(); ++i)
      planned.record(recorder, bindings, arena_, i);
    count(planned, recorder);
  };
  TEPUI_TRY(queue_.record(++issued_, Queue::Work::program, record));
  return is_companion() ? queue_.flush() : Status();  // nothing comes back with it
}

void VulkanBackend::count(const PreparedVulkan& planned, const Recorder& recorder) {
  counters_ += recorder.counters();
  counters_.steps += planned.program().steps.size();
}

}  // namespace tepui::vulkan
