// SPDX-License-Identifier: MIT
#include "backend/reference/reference_backend.h"

#include "backend/host_memory.h"
#include "base/assert.h"
#include "ir/memory_plan.h"
#include "tepui/op.h"

namespace tepui {

namespace {

class PreparedProgram : public Prepared {
 public:
  Program program;
  MemoryPlan plan;
  std::unique_ptr<HostStorage> arena;
};

class ReferenceBackend : public HostBackend {
 public:
  ReferenceBackend() {
    info_.backend = "reference";
    info_.name = "reference implementation";
    info_.isa = "double";
    info_.detail = "every op by its definition, on one thread";
  }

  const DeviceInfo& device() const override { return info_; }
  bool can_run(const Step&, const Program&) const override { return true; }

  std::size_t storage_bytes(const TensorType& type) const override {
    if (type.dtype != DType::packed) return type.bytes();
    return static_cast<std::size_t>(type.shape.elements()) * sizeof(float);
  }

  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override {
    auto prepared = std::make_unique<PreparedProgram>();
    prepared->program = program;
    prepared->plan =
        plan_memory(program, [this](const TensorType& type) { return storage_bytes(type); });
    prepared->arena = HostStorage::allocate(prepared->plan.bytes);
    if (prepared->arena == nullptr)
      return fail(ErrorKind::io, "out of memory: {} bytes were asked for", prepared->plan.bytes);
    return prepared;
  }

  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override {
    if (Status status = before(after); !status) return done(std::move(status));
    const auto& plan = static_cast<PreparedProgram&>(prepared);
    for (const Step& step : plan.program.steps) {
      std::vector<HostView> in;
      std::vector<MutableHostView> out;
      for (const Value value : step.in) in.push_back(view(plan, bindings, value));
      for (const Value value : step.out) out.push_back(view(plan, bindings, value));
      op_of(step.op).reference(in, out, step.params);
    }
    return done({});
  }

 private:
  MutableHostView view(const PreparedProgram& plan, const Bindings& bindings, Value value) const {
    if (!value.present()) return {TensorType::absent(), {}};
    const ValueInfo& info = plan.program.info(value);
    const std::size_t bytes = storage_bytes(info.type);
    if (info.role == Role::temp)
      return {info.type, {plan.arena->data() + plan.plan.offsets[value.id], bytes}};
    const auto bound = host_bytes(bindings[value.id]);
    TEPUI_ASSERT(bound.size() >= bytes);
    return {info.type, bound.first(bytes)};
  }

  DeviceInfo info_;
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace tepui
