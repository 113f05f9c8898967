// SPDX-License-Identifier: MIT
#include "backend/reference/reference_backend.h"

#include "backend/host_memory.h"
#include "base/assert.h"
#include "ir/validate.h"
#include "tepui/op.h"

namespace tepui {
namespace {

class ReferencePrepared final : public Prepared {
 public:
  explicit ReferencePrepared(Program program) : program_(std::move(program)) {}
  const Program& program() const { return program_; }

 private:
  Program program_;
};

class ReferenceBackend final : public HostBackend {
 public:
  ReferenceBackend() {
    device_.backend = "reference";
    device_.name = "plain loops in double";
    device_.memory_bytes = SIZE_MAX;
    device_.max_allocation_bytes = SIZE_MAX;
  }

  const DeviceInfo& device() const override { return device_; }
  bool can_run(const Step& step, const Program& program) const override {
    return follows_its_op(step, program);
  }
  std::size_t storage_bytes(const TensorType& type) const override;
  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override;
  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override;

 private:
  Status run_steps(const Program& program, const Bindings& bindings);

  DeviceInfo device_;
};

std::size_t ReferenceBackend::storage_bytes(const TensorType& type) const {
  if (!is_packed(type.dtype)) return type.bytes();
  return static_cast<std::size_t>(type.shape.elements()) * sizeof(float);
}

Result<std::unique_ptr<Prepared>> ReferenceBackend::prepare(const Program& program) {
  TEPUI_TRY(validate(program));
  TEPUI_TRY(check_steps(*this, program));
  return std::make_unique<ReferencePrepared>(program);
}

Ticket ReferenceBackend::run(Prepared& prepared, const Bindings& bindings, Tickets after) {
  const auto* own = dynamic_cast<const ReferencePrepared*>(&prepared);
  TEPUI_ASSERT(own != nullptr);
  Status status = tickets_.state(after);
  if (status) status = check_bindings(*this, own->program(), bindings);
  if (status) {
    count_run(own->program());
    status = run_steps(own->program(), bindings);
  }
  return tickets_.record(std::move(status));
}

Status ReferenceBackend::run_steps(const Program& program, const Bindings& bindings) {
  Bindings slices = bindings;
  std::vector<Buffer> temporaries(program.values.size());  // each its own: an oracle shares nothing
  for (const Step& step : program.steps) {
    std::vector<HostView> in;
    std::vector<MutableHostView> out;
    for (const Value value : step.in) {
      if (!value.present()) {
        in.push_back({TensorType::absent(), {}});
      } else {
        in.push_back({program.type_of(value), host_bytes(slices[value.id])});
      }
    }
    for (const Value value : step.out) {
      const ValueInfo& info = program.info(value);
      if (info.role == Role::temp) {
        TEPUI_TRY(temporaries[value.id], allocate_host(storage_bytes(info.type)));
        slices[value.id] = BufferSlice::whole(temporaries[value.id]);
      }
      out.push_back({info.type, writable_host_bytes(slices[value.id])});
    }
    op_of(step.op).reference(in, out, step.params);
  }
  return {};
}

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace tepui
