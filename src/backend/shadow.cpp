// SPDX-License-Identifier: MIT
#include "backend/shadow.h"

#include <algorithm>
#include <optional>

#include "backend/host_memory.h"
#include "backend/shadow_step.h"
#include "base/assert.h"
#include "ir/validate.h"

namespace tepui {

namespace {

using shadow::Storage;

class PreparedShadow final : public Prepared {
 public:
  Program program;
  std::vector<shadow::StepProgram> first;  // by step
  std::vector<shadow::StepProgram> second;
  std::unique_ptr<Prepared> whole;  // on the first
};

class ShadowBackend final : public Backend {
 public:
  ShadowBackend(std::unique_ptr<Backend> first, std::unique_ptr<Backend> second,
                OnStepCheck on_check)
      : first_(std::move(first)), second_(std::move(second)), on_check_(std::move(on_check)) {
    info_ = first_->device();
    const std::string other = second_ ? second_->device().backend : "the references";
    info_.detail = fmt::format("{}, step by step against {}", info_.detail, other);
  }

  const DeviceInfo& device() const override { return info_; }
  bool can_run(const Step& step, const Program& program) const override {
    return first_->can_run(step, program) && (!second_ || second_->can_run(step, program));
  }
  std::size_t storage_bytes(const TensorType& type) const override {
    return first_->storage_bytes(type);
  }
  std::size_t scratch_bytes(const Program& program) const override {
    return first_->scratch_bytes(program);
  }
  Result<Buffer> allocate(std::size_t bytes, Memory memory) override {
    TEPUI_TRY(Buffer buffer, first_->allocate(bytes, memory));
    return Buffer{std::make_unique<Storage>(std::move(buffer)), bytes};
  }
  Result<Buffer> adopt(std::span<const std::byte> bytes) override;
  Ticket upload(BufferSlice to, std::span<const std::byte> from, Tickets after) override;
  Ticket download(std::span<std::byte> to, BufferSlice from, Tickets after) override;
  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override;
  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override;
  Status wait(Ticket ticket) override { return tickets_.state(ticket); }
  BackendCounters counters() const override { return first_->counters(); }

 private:
  Status run_all(PreparedShadow& prepared, const Bindings& bindings, Tickets after);
  Status check_step(const PreparedShadow& prepared, shadow::RunState& state, std::size_t index);
  Status check_whole(PreparedShadow& prepared, shadow::RunState& state, const Bindings& bindings);

  std::unique_ptr<Backend> first_;
  std::unique_ptr<Backend> second_;
  OnStepCheck on_check_;
  DeviceInfo info_;
  HostTickets tickets_;
};

Result<Buffer> ShadowBackend::adopt(std::span<const std::byte> bytes) {
  TEPUI_TRY(Buffer buffer, first_->adopt(bytes));
  auto storage = std::make_unique<Storage>(std::move(buffer));
  storage->adopted = bytes;
  return Buffer{std::move(storage), bytes.size()};
}

Ticket ShadowBackend::upload(BufferSlice to, std::span<const std::byte> from, Tickets after) {
  Status status = tickets_.state(after);
  if (status) status = first_->wait(first_->upload(shadow::first_slice(to), from, {}));
  return tickets_.record(std::move(status));
}

Ticket ShadowBackend::download(std::span<std::byte> to, BufferSlice from, Tickets after) {
  Status status = tickets_.state(after);
  if (status) status = first_->wait(first_->download(to, shadow::first_slice(from), {}));
  return tickets_.record(std::move(status));
}

Result<std::unique_ptr<Prepared>> ShadowBackend::prepare(const Program& program) {
  TEPUI_TRY(validate(program));
  TEPUI_TRY(check_steps(*first_, program));
  if (second_) TEPUI_TRY(check_steps(*second_, program));
  auto prepared = std::make_unique<PreparedShadow>();
  prepared->program = program;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    TEPUI_TRY(prepared->first.emplace_back(), shadow::prepare_step(*first_, program, i));
    if (!second_) continue;
    TEPUI_TRY(prepared->second.emplace_back(), shadow::prepare_step(*second_, program, i));
  }
  if (program.steps.size() > 1) {
    TEPUI_TRY(prepared->whole, first_->prepare(program));
  }
  return prepared;
}

Ticket ShadowBackend::run(Prepared& prepared, const Bindings& bindings, Tickets after) {
  return tickets_.record(run_all(static_cast<PreparedShadow&>(prepared), bindings, after));
}

Status ShadowBackend::run_all(PreparedShadow& prepared, const Bindings& bindings, Tickets after) {
  TEPUI_TRY(tickets_.state(after));
  TEPUI_TRY(check_bindings(*this, prepared.program, bindings));
  shadow::RunState state(prepared.program, bindings, *first_, second_.get());
  for (std::size_t i = 0; i < prepared.program.steps.size(); ++i)
    TEPUI_TRY(check_step(prepared, state, i));
  if (prepared.program.steps.size() < 2) return {};
  return check_whole(prepared, state, bindings);
}

Status ShadowBackend::check_step(const PreparedShadow& prepared, shadow::RunState& state,
                                 std::size_t index) {
  const Step& step = prepared.program.steps[index];
  const Op& op = op_of(step.op);
  TEPUI_TRY(const std::vector<HostView> in, state.inputs(step));
  TEPUI_TRY(shadow::HostValues reference, state.reference(step, in));
  TEPUI_TRY(state.run_first(prepared.first[index], step));
  shadow::HostValues second = reference;
  if (second_) {
    TEPUI_TRY(second, state.run_second(prepared.second[index], step));
  }
  const std::vector<HostView> expected = shadow::views(reference);
  for (std::size_t o = 0; o < step.out.size(); ++o) {
    if (is_packed(expected[o].type.dtype)) continue;
    const std::vector<double> bounds = bounds_of(op, {in, expected, o, step.params});
    const HostView first_value = state.host(step.out[o]);
    const HostView second_value = second[o].view();
    TEPUI_TRY(on_check_({prepared.program, index, o, bounds, expected[o], first_value, second_value,
                         compare(expected[o], first_value, bounds),
                         compare(expected[o], second_value, bounds), false}));
  }
  return {};
}

Status ShadowBackend::check_whole(PreparedShadow& prepared, shadow::RunState& state,
                                  const Bindings& bindings) {
  TEPUI_TRY(first_->wait(first_->run(*prepared.whole, shadow::first_slices(bindings), {})));
  for (std::size_t i = 0; i < prepared.program.steps.size(); ++i) {
    const Step& step = prepared.program.steps[i];
    for (std::size_t o = 0; o < step.out.size(); ++o) {
      const ValueInfo& info = prepared.program.info(step.out[o]);
      if (info.role != Role::output || is_packed(info.type.dtype)) continue;
      const HostView alone = state.host(step.out[o]);
      std::vector<std::byte> bytes(alone.bytes.size());
      TEPUI_TRY(
          first_->wait(first_->download(bytes, shadow::first_slice(bindings[step.out[o].id]), {})));
      const HostView together{info.type, bytes};
      TEPUI_TRY(on_check_({prepared.program,
                           i,
                           o,
                           {},
                           alone,
                           together,
                           {},
                           compare(alone, together, {}),
                           {},
                           true}));
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<Backend> make_shadow_backend(std::unique_ptr<Backend> first,
                                             std::unique_ptr<Backend> second,
                                             OnStepCheck on_check) {
  return std::make_unique<ShadowBackend>(std::move(first), std::move(second), std::move(on_check));
}

}  // namespace tepui
