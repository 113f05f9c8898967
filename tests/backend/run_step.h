// SPDX-License-Identifier: MIT
// Runs one step on a backend: operands from the host, outputs back to it.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tepui/backend.h"
#include "tepui/op.h"

namespace tepui::test {

using Floats = std::vector<float>;
using Bytes = std::vector<std::byte>;

// A host operand; `packed` ones are given as f32 [N, K] and packed on the way.
struct Operand {
  TensorType type = TensorType::absent();
  Bytes bytes;

  HostView view() const { return {type, bytes}; }
};

template <class T>
Operand operand(DType dtype, Shape shape, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {{dtype, shape}, Bytes(bytes.begin(), bytes.end())};
}

inline Operand random_operand(Shape shape, unsigned seed, float scale = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, scale);
  Floats values(static_cast<std::size_t>(shape.elements()));
  for (float& value : values) value = normal(random);
  return operand(DType::f32, shape, values);
}

// A matrix f32 [N, K] as `type` holds it.
inline Buffer packed_buffer(Backend& backend, const Bytes& stored, const TensorType& type) {
  const auto n = static_cast<std::uint32_t>(type.shape[0]);
  const auto k = static_cast<std::uint32_t>(type.shape[1]);
  Program pack;
  pack.values = {{{DType::f32, type.shape}, Role::weight, "stored"},
                 {type, Role::output, "packed"}};
  pack.steps = {{OpCode::pack, {{0}}, {{1}}, ParamBytes(PackParams{n, k, 0, k, 0})}};
  Buffer to = backend.allocate(backend.storage_bytes(type), Memory::device).value();
  const Buffer from = backend.adopt(stored).value();
  auto prepared = backend.prepare(pack).value();
  const Bindings both = {BufferSlice::whole(from), BufferSlice::whole(to)};
  EXPECT_TRUE(backend.wait(backend.run(*prepared, both, {})));
  return to;
}

// The step's single output.
template <class Params>
Floats run_step(Backend& backend, OpCode op, std::vector<Operand> in, const Params& params) {
  const ParamBytes bytes(params);
  in.resize(op_of(op).inputs);  // what is absent at the end may be left out
  Types types;
  for (const Operand& one : in) types.push_back(one.type);
  const TensorType out = op_of(op).infer(types, bytes).value()[0];
  Program program;
  Step step{op, {}, {}, bytes};
  std::vector<Buffer> buffers(in.size() + 1);
  const auto add = [&](const TensorType& type, Role role) {
    program.values.push_back({type, role, "value"});
    return Value{static_cast<std::uint32_t>(program.values.size() - 1)};
  };
  Bindings bindings;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i].type.present()) {
      step.in.push_back(kNone);
      continue;
    }
    step.in.push_back(add(in[i].type, Role::input));
    if (is_packed(in[i].type.dtype)) {
      buffers[i] = packed_buffer(backend, in[i].bytes, in[i].type);
    } else {
      buffers[i] = backend.allocate(in[i].type.bytes(), Memory::device).value();
      backend.upload(BufferSlice::whole(buffers[i]), in[i].bytes, {});
    }
    bindings.push_back(BufferSlice::whole(buffers[i]));
  }
  step.out.push_back(add(out, Role::output));
  buffers.back() = backend.allocate(out.bytes(), Memory::device).value();
  bindings.push_back(BufferSlice::whole(buffers.back()));
  program.steps.push_back(step);
  auto prepared = backend.prepare(program);
  EXPECT_TRUE(prepared) << (prepared ? "" : prepared.error().message);
  const Ticket ran = backend.run(**prepared, bindings, {});
  Floats result(static_cast<std::size_t>(out.shape.elements()));
  const Ticket down = backend.download(std::as_writable_bytes(std::span(result)), bindings.back(),
                                       Tickets(&ran, 1));
  EXPECT_TRUE(backend.wait(down));
  return result;
}

// How many elements are outside of the op's bound.
template <class Params>
int outside(OpCode op, std::vector<Operand> in, const Params& params, const Floats& result) {
  const ParamBytes bytes(params);
  in.resize(op_of(op).inputs);
  Types types;
  std::vector<HostView> views;
  for (const Operand& one : in) {
    types.push_back(one.type);
    views.push_back(one.view());
  }
  Floats expected(result.size());
  const MutableHostView out{op_of(op).infer(types, bytes).value()[0],
                            std::as_writable_bytes(std::span(expected))};
  op_of(op).reference(views, std::span(&out, 1), bytes);
  std::vector<double> bound(result.size());
  const HostView view = out;
  op_of(op).bound({views, std::span(&view, 1), 0, bytes}, bound);
  int count = 0;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double distance = std::abs(static_cast<double>(result[i]) - expected[i]);
    if (!(distance <= bound[i]) && ++count == 1)
      ADD_FAILURE() << "element " << i << ": " << result[i] << ", expected " << expected[i]
                    << " within " << bound[i];
  }
  return count;
}

}  // namespace tepui::test
