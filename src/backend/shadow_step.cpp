// SPDX-License-Identifier: MIT
#include "backend/shadow_step.h"

#include <algorithm>

#include "base/assert.h"

namespace tepui::shadow {

namespace {

Status send(Backend& backend, const Buffer& to, std::span<const std::byte> bytes) {
  return backend.wait(backend.upload({&to, 0, bytes.size()}, bytes, {}));
}

Status run_once(Backend& backend, const StepProgram& planned, const Bindings& bindings) {
  return backend.wait(backend.run(*planned.prepared, bindings, {}));
}

// Bytes of a value as the references hold it.
std::size_t host_size(const TensorType& type) {
  if (!is_packed(type.dtype)) return type.bytes();
  return static_cast<std::size_t>(type.shape.elements()) * sizeof(float);
}

}  // namespace

std::vector<HostView> views(const HostValues& values) {
  std::vector<HostView> out;
  for (const HostValue& value : values) out.push_back(value.view());
  return out;
}

Storage& storage_of(const BufferSlice& slice) {
  TEPUI_ASSERT(slice.buffer != nullptr);
  auto* storage = dynamic_cast<Storage*>(slice.buffer->storage.get());
  TEPUI_ASSERT(storage != nullptr);
  return *storage;
}

BufferSlice first_slice(const BufferSlice& slice) {
  if (slice.buffer == nullptr) return {};
  return {&storage_of(slice).first, slice.offset, slice.bytes};
}

Bindings first_slices(const Bindings& bindings) {
  Bindings out;
  for (const BufferSlice& slice : bindings) out.push_back(first_slice(slice));
  return out;
}

Result<StepProgram> prepare_step(Backend& backend, const Program& program, std::size_t index) {
  StepProgram out;
  Program alone;
  Step step = program.steps[index];
  const auto rename = [&](Value& value, Role role) {
    if (!value.present()) return;
    const auto found = std::ranges::find(out.values, value);
    const auto id = static_cast<std::uint32_t>(found - out.values.begin());
    if (found == out.values.end()) {
      const ValueInfo& info = program.info(value);
      alone.values.push_back(
          {info.type, info.role == Role::weight ? Role::weight : role, info.name});
      out.values.push_back(value);
    }
    value = Value{id};
  };
  for (Value& value : step.in) rename(value, Role::input);
  for (Value& value : step.out) rename(value, Role::output);
  alone.steps.push_back(std::move(step));
  TEPUI_TRY(out.prepared, backend.prepare(alone));
  return out;
}

BufferSlice RunState::slice(Value value) const {
  const Buffer& temporary = temporaries_[value.id];
  return temporary.storage != nullptr ? BufferSlice::whole(temporary)
                                      : first_slice(bindings_[value.id]);
}

HostView RunState::host(Value value) const {
  const TensorType& type = program_.type_of(value);
  if (!value.present()) return {type, {}};
  if (program_.info(value).role != Role::temp) {
    const BufferSlice& bound = bindings_[value.id];
    const Storage& storage = storage_of(bound);
    if (packed(value)) return storage.matrix.view();
    if (!storage.adopted.empty()) return {type, storage.adopted.subspan(bound.offset, bound.bytes)};
  }
  return host_[value.id].view();
}

Status RunState::bring(Value value) {
  if (!value.present()) return {};
  const ValueInfo& info = program_.info(value);
  if (packed(value)) {
    if (info.role == Role::temp || storage_of(bindings_[value.id]).matrix.type != info.type)
      return fail(ErrorKind::unsupported,
                  "shadow: \"{}\": expected a packed matrix that a step of an earlier Program made",
                  info.name);
    return {};
  }
  if (info.role != Role::temp && !storage_of(bindings_[value.id]).adopted.empty()) return {};
  HostValue& host = host_[value.id];
  if (host.type == info.type) return {};
  host = {info.type, std::vector<std::byte>(info.type.bytes())};
  return first_.wait(first_.download(host.bytes, slice(value), {}));
}

Result<std::vector<HostView>> RunState::inputs(const Step& step) {
  std::vector<HostView> out;
  for (const Value value : step.in) {
    TEPUI_TRY(bring(value));
    out.push_back(host(value));
  }
  return out;
}

Result<HostValues> RunState::reference(const Step& step, std::span<const HostView> in) {
  HostValues values;
  for (const Value value : step.out) {
    const TensorType& type = program_.info(value).type;
    values.push_back({type, std::vector<std::byte>(host_size(type))});
  }
  std::vector<MutableHostView> out;
  for (HostValue& value : values) out.push_back({value.type, value.bytes});
  op_of(step.op).reference(in, out, step.params);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!packed(step.out[i])) continue;
    if (program_.info(step.out[i]).role == Role::temp ||
        bindings_[step.out[i].id].bytes != bindings_[step.out[i].id].buffer->bytes)
      return fail(ErrorKind::unsupported,
                  "shadow: \"{}\": expected a packed matrix in a buffer of its own",
                  program_.info(step.out[i]).name);
    storage_of(bindings_[step.out[i].id]).matrix = values[i];
  }
  return values;
}

Status RunState::run_first(const StepProgram& planned, const Step& step) {
  for (const Value value : step.out) {
    const ValueInfo& info = program_.info(value);
    if (info.role != Role::temp) continue;
    TEPUI_TRY(temporaries_[value.id],
              first_.allocate(first_.storage_bytes(info.type), Memory::device));
  }
  Bindings bindings;
  for (const Value value : planned.values) bindings.push_back(slice(value));
  TEPUI_TRY(run_once(first_, planned, bindings));
  for (const Value value : step.out) {
    if (!packed(value)) TEPUI_TRY(bring(value));
  }
  return {};
}

// A value of the first backend in the second's memory: what does not change stays there.
Result<BufferSlice> RunState::second_slice(Value value) {
  const ValueInfo& info = program_.info(value);
  if (info.role != Role::temp) {
    const BufferSlice& bound = bindings_[value.id];
    Storage& storage = storage_of(bound);
    if (packed(value)) return BufferSlice::whole(storage.second);
    if (!storage.adopted.empty()) {
      if (storage.second.storage == nullptr) {
        TEPUI_TRY(storage.second, second_->adopt(storage.adopted));
      }
      return BufferSlice{&storage.second, bound.offset, bound.bytes};
    }
  }
  Buffer& copy = on_second_[value.id];
  if (copy.storage == nullptr) {
    const HostView view = host(value);
    TEPUI_TRY(copy, second_->allocate(view.bytes.size(), Memory::device));
    TEPUI_TRY(send(*second_, copy, view.bytes));
  }
  return BufferSlice::whole(copy);
}

Result<HostValues> RunState::run_second(const StepProgram& planned, const Step& step) {
  std::map<std::uint32_t, Buffer> outputs;
  for (const Value value : step.out) {
    TEPUI_TRY(outputs[value.id],
              second_->allocate(second_->storage_bytes(program_.info(value).type), Memory::device));
  }
  Bindings bindings;
  for (const Value value : planned.values) {
    const auto output = outputs.find(value.id);
    if (output != outputs.end()) {
      bindings.push_back(BufferSlice::whole(output->second));
    } else {
      TEPUI_TRY(bindings.emplace_back(), second_slice(value));
    }
  }
  TEPUI_TRY(run_once(*second_, planned, bindings));
  HostValues values;
  for (const Value value : step.out) {
    const TensorType& type = program_.info(value).type;
    values.push_back({type, {}});
    if (packed(value)) {
      storage_of(bindings_[value.id]).second = std::move(outputs[value.id]);
      continue;
    }
    values.back().bytes.resize(type.bytes());
    TEPUI_TRY(second_->wait(
        second_->download(values.back().bytes, BufferSlice::whole(outputs[value.id]), {})));
  }
  return values;
}

}  // namespace tepui::shadow
