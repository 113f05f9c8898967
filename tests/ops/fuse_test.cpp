// SPDX-License-Identifier: MIT
#include "ops/fuse.h"

#include <gtest/gtest.h>

#include "backend/registry.h"
#include "ir/validate.h"
#include "ops/builder.h"
#include "support/op_harness.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

// x [5, 9], w [9, 9], and what the caller makes of them; `out` becomes the last output.
struct Parts {
  Builder b;
  Value x = b.input({DType::f32, {5, 9}}, "x");
  Value residual = b.input({DType::f32, {5, 9}}, "residual");
  Value stored = b.input({DType::bf16, {9, 9}}, "stored");
  Value bias = b.input({DType::f32, {9}}, "bias");
  Value w = b.pack(stored, false, "w");

  Value linear(Value in, std::string name) {
    return b.linear(in, w, bias, kNone, TEPUI_ACT_NONE, std::move(name));
  }
  Program finish(Value out) {
    b.mark_output(out);
    auto program = b.finish();
    EXPECT_TRUE(program) << program.error().message;
    return *std::move(program);
  }
};

std::vector<std::string> ops_of(const Program& program) {
  std::vector<std::string> names;
  for (const Step& step : program.steps) names.emplace_back(op_of(step.op).name);
  return names;
}

using Names = std::vector<std::string>;

// All outputs of the Program on one backend, one after the other.
std::vector<std::byte> run(Backend& backend, const Program& program) {
  std::vector<Buffer> buffers(program.values.size());
  Bindings bindings(program.values.size());
  for (std::size_t id = 0; id < program.values.size(); ++id) {
    const ValueInfo& info = program.values[id];
    if (info.role == Role::temp) continue;
    auto buffer = backend.allocate(backend.storage_bytes(info.type), Memory::device);
    EXPECT_TRUE(buffer);
    buffers[id] = *std::move(buffer);
    bindings[id] = BufferSlice::whole(buffers[id]);
    if (info.role != Role::input) continue;
    const HostTensor tensor = make_tensor({.type = info.type}, id);
    EXPECT_TRUE(backend.wait(backend.upload(bindings[id], tensor.bytes, {})));
  }
  auto prepared = backend.prepare(program);
  EXPECT_TRUE(prepared) << prepared.error().message;
  if (!prepared) return {};
  EXPECT_TRUE(backend.wait(backend.run(**prepared, bindings, {})));
  std::vector<std::byte> all;
  for (std::size_t id = 0; id < program.values.size(); ++id) {
    if (program.values[id].role != Role::output) continue;
    std::vector<std::byte> bytes(bindings[id].bytes);
    EXPECT_TRUE(backend.wait(backend.download(bytes, bindings[id], {})));
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

// The ops after fusing; the result must keep every bit, on the reference as well.
Names fused(const Program& program) {
  const Program result = fuse(program);
  EXPECT_TRUE(validate(result));
  for (const std::string_view name : backend_names()) {
    auto backend = shared_backend(std::string(name), {});
    EXPECT_TRUE(backend);
    EXPECT_EQ(run(**backend, program), run(**backend, result)) << name;
  }
  return ops_of(result);
}

TEST(Fuse, ActivationThenResidual) {
  for (uint act = TEPUI_ACT_SILU; act <= TEPUI_ACT_SIGMOID; ++act) {
    for (const bool first : {false, true}) {
      Parts p;
      const Value a = p.b.act(p.linear(p.x, "sum"), act, "act");
      const Value out = first ? p.b.add(p.residual, a, "out") : p.b.add(a, p.residual, "out");
      const Program program = p.finish(out);
      EXPECT_EQ(fused(program), (Names{"pack", "linear"}));
      const Step linear = fuse(program).steps[1];
      EXPECT_EQ(linear.in[3], p.residual);
      EXPECT_EQ(linear.out[0], out);
      EXPECT_EQ(linear.params.as<LinearParams>().act, act);
    }
  }
}

TEST(Fuse, NoActivationAfterAResidual) {
  Parts p;
  const Value sum = p.b.add(p.linear(p.x, "sum"), p.residual, "mid");
  EXPECT_EQ(fused(p.finish(p.b.act(sum, TEPUI_ACT_SILU, "out"))), (Names{"pack", "linear", "act"}));
}

TEST(Fuse, AValueThatATapReadsStays) {
  Parts p;
  const Value sum = p.linear(p.x, "attn_out");
  const Value norm = p.b.l2_norm(sum, "tap");
  p.b.mark_output(norm);
  EXPECT_EQ(fused(p.finish(p.b.add(sum, p.residual, "out"))),
            (Names{"pack", "linear", "l2_norm", "add"}));
}

TEST(Fuse, AnOutputStays) {
  Parts p;
  const Value sum = p.linear(p.x, "sum");
  p.b.mark_output(sum);
  EXPECT_EQ(fused(p.finish(p.b.act(sum, TEPUI_ACT_SILU, "out"))), (Names{"pack", "linear", "act"}));
}

TEST(Fuse, AResidualThatIsNotThereYet) {
  Parts p;
  const Value sum = p.linear(p.x, "sum");
  const Value late = p.b.act(p.residual, TEPUI_ACT_RELU, "late");
  EXPECT_EQ(fused(p.finish(p.b.add(sum, late, "out"))), (Names{"pack", "linear", "act", "add"}));
}

TEST(Fuse, ASumWithItselfStays) {
  Parts p;
  const Value sum = p.linear(p.x, "sum");
  EXPECT_EQ(fused(p.finish(p.b.add(sum, sum, "out"))), (Names{"pack", "linear", "add"}));
}

// Two linear steps that are added: the second takes the first as its residual.
TEST(Fuse, AParallelBlock) {
  Parts p;
  const Value left = p.linear(p.x, "left");
  const Value right = p.linear(p.residual, "right");
  const Program program = p.finish(p.b.add(left, right, "out"));
  EXPECT_EQ(fused(program), (Names{"pack", "linear", "linear"}));
  EXPECT_EQ(fuse(program).steps[2].in[3], left);
}

}  // namespace
}  // namespace tepui::test
