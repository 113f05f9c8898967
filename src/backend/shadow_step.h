// SPDX-License-Identifier: MIT
// The parts of the shadow backend: buffers that remember what each side needs, Programs of one
// step, and the values of a run on its way through them. Internal to shadow.cpp.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "tepui/backend.h"
#include "tepui/op.h"

namespace tepui::shadow {

// A value in host memory. A packed one is f32 [N, K] here, as the references read it.
struct HostValue {
  TensorType type = TensorType::absent();
  std::vector<std::byte> bytes;
  HostView view() const { return {type, bytes}; }
};
using HostValues = std::vector<HostValue>;
std::vector<HostView> views(const HostValues& values);

class Storage final : public BufferStorage {
 public:
  explicit Storage(Buffer first_buffer) : first(std::move(first_buffer)) {}

  Buffer first;
  std::span<const std::byte> adopted;  // the bytes, where they are the caller's
  Buffer second;                       // of adopted bytes or of a packed matrix
  HostValue matrix;                    // a packed matrix as it is
};

Storage& storage_of(const BufferSlice& slice);
BufferSlice first_slice(const BufferSlice& slice);
Bindings first_slices(const Bindings& bindings);

// A Program of one step of another, with all its operands bound by the caller.
struct StepProgram {
  std::unique_ptr<Prepared> prepared;
  std::vector<Value> values;  // its values in the Program that the step is of
};
Result<StepProgram> prepare_step(Backend& backend, const Program& program, std::size_t index);

// The values of one run of a Program.
class RunState {
 public:
  RunState(const Program& program, const Bindings& bindings, Backend& first, Backend* second)
      : program_(program),
        bindings_(bindings),
        first_(first),
        second_(second),
        temporaries_(program.values.size()),
        host_(program.values.size()),
        on_second_(program.values.size()) {}

  // The step's operands on the host; brought from the first backend once.
  Result<std::vector<HostView>> inputs(const Step& step);
  Result<HostValues> reference(const Step& step, std::span<const HostView> in);
  // Its outputs become the values that later steps read, and are on the host as well.
  Status run_first(const StepProgram& planned, const Step& step);
  // On the inputs of the first; gives the outputs.
  Result<HostValues> run_second(const StepProgram& planned, const Step& step);

  HostView host(Value value) const;

 private:
  bool packed(Value value) const { return is_packed(program_.type_of(value).dtype); }
  BufferSlice slice(Value value) const;
  Status bring(Value value);
  Result<BufferSlice> second_slice(Value value);

  const Program& program_;
  const Bindings& bindings_;
  Backend& first_;
  Backend* second_;
  std::vector<Buffer> temporaries_;  // of the first backend, by value
  HostValues host_;                  // by value
  std::vector<Buffer> on_second_;    // copies of the first's values
};

}  // namespace tepui::shadow
