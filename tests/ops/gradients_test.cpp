// SPDX-License-Identifier: MIT
// differentiate: gradients of Programs on every backend against differences of their losses.
#include "ops/differentiate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "backend/registry.h"
#include "ops/builder.h"
#include "support/op_harness.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

using Tensors = std::map<std::uint32_t, HostTensor>;  // by value id

// A Program whose inputs have data.
struct Model {
  Builder b;
  Tensors data;
  std::vector<Value> of;  // inputs to differentiate by
  std::vector<Value> losses;
  std::uint64_t seed = 1;

  Value constant(const Operand& operand, std::string name) {
    const Value value = b.input(operand.type, std::move(name));
    data[value.id] = make_tensor(operand, ++seed);
    return value;
  }
  Value variable(Shape shape, std::string name) {
    const Value value = constant(f32(shape), std::move(name));
    for (float& x : data[value.id].mutable_view().as<float>()) x *= 0.5F;
    of.push_back(value);
    return value;
  }
  Value matrix(std::int64_t n, std::int64_t k, std::string name) {
    return b.pack(variable({n, k}, name), false, name + " packed");
  }
  // A loss that makes every element of y count differently.
  void square(Value y) {
    const Shape shape = b.type(y).shape;
    std::vector<double> weight;
    for (std::int64_t r = 0; r < shape[0]; ++r) weight.push_back(0.1 * static_cast<double>(r + 1));
    losses.push_back(b.squared_error(y, constant(f32(shape), "target"),
                                     constant(exact(DType::f32, {shape[0]}, weight), "weight"),
                                     "loss"));
  }
};

// Every output of the Program, by value id.
Tensors run(Backend& backend, const Program& program, const Tensors& data) {
  std::vector<Buffer> buffers(program.values.size());
  Bindings bindings(program.values.size());
  for (std::uint32_t id = 0; id < program.values.size(); ++id) {
    const ValueInfo& info = program.values[id];
    if (info.role == Role::temp) continue;
    auto buffer = backend.allocate(backend.storage_bytes(info.type), Memory::device);
    EXPECT_TRUE(buffer) << buffer.error().message;
    buffers[id] = *std::move(buffer);
    bindings[id] = BufferSlice::whole(buffers[id]);
    if (info.role == Role::output) continue;
    const Status status = backend.wait(backend.upload(bindings[id], data.at(id).bytes, {}));
    EXPECT_TRUE(status) << status.error().message;
  }
  auto prepared = backend.prepare(program);
  EXPECT_TRUE(prepared) << prepared.error().message;
  if (!prepared) return {};
  const Status status = backend.wait(backend.run(**prepared, bindings, {}));
  EXPECT_TRUE(status) << status.error().message;
  Tensors out;
  for (std::uint32_t id = 0; id < program.values.size(); ++id) {
    if (program.values[id].role != Role::output) continue;
    out[id] = zeros(program.values[id].type, buffers[id].bytes);
    const Status down = backend.wait(backend.download(out[id].bytes, bindings[id], {}));
    EXPECT_TRUE(down) << down.error().message;
  }
  return out;
}

double loss_of(Backend& backend, const Program& program, const std::vector<Value>& losses,
               const Tensors& data) {
  const Tensors out = run(backend, program, data);
  double sum = 0;
  for (const Value loss : losses) {
    for (const float x : out.at(loss.id).view().as<float>()) sum += static_cast<double>(x);
  }
  return sum;
}

// By four points of the definition, for up to eight elements of each variable.
void check_gradients(Model model) {
  for (const Value loss : model.losses) model.b.mark_output(loss);
  auto finished = model.b.finish();
  ASSERT_TRUE(finished) << finished.error().message;
  auto made = differentiate(*finished, model.losses, model.of);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(made->transposed.empty());
  std::unique_ptr<Backend> reference = make_backend("reference", {}).value();
  std::vector<std::string> names = backends_under_test();
  std::map<std::string, Tensors> found;
  for (const std::string& name : names) {
    const auto backend = shared_backend(name, {.threads = 2, .isa = {}}).value();
    found[name] = run(*backend, made->program, model.data);
  }
  for (std::size_t i = 0; i < model.of.size(); ++i) {
    const std::uint32_t id = model.of[i].id;
    const auto count = model.data[id].view().as<float>().size();
    for (std::size_t at = 0; at < count; at += std::max<std::size_t>(1, count / 8)) {
      const auto shifted = [&](double by) {
        Tensors data = model.data;
        float& x = data[id].mutable_view().as<float>()[at];
        x = static_cast<float>(static_cast<double>(x) + by);
        return loss_of(*reference, *finished, model.losses, data);
      };
      const double h = 0x1p-5;
      const double slope =
          (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h);
      for (const std::string& name : names) {
        const auto gradient = found[name].at(made->gradients[i].id).view().as<float>();
        EXPECT_NEAR(static_cast<double>(gradient[at]), slope, 4e-4 * (1 + std::abs(slope)))
            << name << ": element " << at << " of " << finished->info(model.of[i]).name;
      }
    }
  }
}

TEST(Gradients, LinearWithBiasActivationAndResidual) {
  for (const uint act : {TEPUI_ACT_NONE, TEPUI_ACT_SILU, TEPUI_ACT_GELU_TANH, TEPUI_ACT_GELU_ERF}) {
    Model m;
    const Value x = m.variable({5, 7}, "x");
    const Value y = m.b.linear(x, m.matrix(6, 7, "w"), m.variable({6}, "bias"),
                               m.variable({5, 6}, "residual"), act, "y");
    m.square(y);
    check_gradients(std::move(m));
  }
}

// x is read three times: by two layers and a sum.
TEST(Gradients, FanOutIsSummed) {
  Model m;
  const Value x = m.variable({4, 5}, "x");
  const Value w = m.matrix(5, 5, "w");
  const Value a = m.b.linear(x, w, kNone, kNone, TEPUI_ACT_NONE, "a");
  const Value b = m.b.linear(m.b.scale(x, -1.5F, "scaled"), w, kNone, kNone, TEPUI_ACT_NONE, "b");
  m.square(m.b.add(m.b.add(x, a, "x + a"), b, "x + a + b"));
  check_gradients(std::move(m));
}

TEST(Gradients, GatedMlp) {
  Model m;
  const Value x = m.variable({4, 6}, "x");
  const Value gate = m.b.linear(x, m.matrix(8, 6, "gate"), kNone, kNone, TEPUI_ACT_NONE, "gate");
  const Value up = m.b.linear(x, m.matrix(8, 6, "up"), kNone, kNone, TEPUI_ACT_NONE, "up");
  m.square(m.b.act_mul(gate, up, TEPUI_ACT_SILU, "act"));
  check_gradients(std::move(m));
}

TEST(Gradients, Act) {
  Model m;
  m.square(m.b.act(m.variable({4, 6}, "x"), TEPUI_ACT_GELU_ERF, "act"));
  check_gradients(std::move(m));
}

TEST(Gradients, Norms) {
  Model m;
  const Value x = m.variable({5, 12}, "x");
  m.square(m.b.layer_norm(x, m.variable({12}, "w"), m.variable({12}, "b"), 1e-5F, "ln"));
  m.square(m.b.layer_norm(x, kNone, kNone, 1e-5F, "plain ln"));
  m.square(m.b.rms_norm(x, m.variable({12}, "g"), 1e-5F, "rms"));
  m.square(m.b.rms_norm_groups(x, m.variable({4}, "h"), 1e-5F, 3, "by head"));
  m.square(m.b.layer_norm_groups(x, m.variable({3, 4}, "apart"), kNone, 1e-5F, 3, "apart"));
  check_gradients(std::move(m));
}

TEST(Gradients, AttentionWithRope) {
  for (const bool interleaved : {false, true}) {
    Model m;
    const Value positions = m.constant(i32({0, 1, 2, 3, 0, 1, 2}), "positions");
    const Value table = m.constant(f32({4, 4}), "table");
    const Value offsets = m.constant(i32({0, 4, 7}), "offsets");
    const Value q =
        m.b.rope(m.variable({7, 16}, "q"), positions, table, 4, interleaved, "q turned");
    const Value k = m.b.rope(m.variable({7, 8}, "k"), positions, table, 2, interleaved, "k turned");
    const Builder::AttentionShape shape{
        .heads = 4, .kv_heads = 2, .head_dim = 4, .scale = 0.5F, .window = interleaved ? 2U : 0U};
    m.square(m.b.attention(q, k, m.variable({7, 8}, "v"), offsets, kNone, shape, "z"));
    check_gradients(std::move(m));
  }
}

TEST(Gradients, AttentionInEveryForm) {
  constexpr uint kExtra = TEPUI_ATTEND_EXTRA;
  struct Form {
    uint form;
    float gamma;
    bool key;
    bool value;
    uint drop;
  };
  for (const Form& form : {Form{kExtra, 0, false, false, 0},
                           {kExtra, 0, true, false, 0},
                           {kExtra, 0, true, true, 0},
                           {kExtra | TEPUI_ATTEND_ALWAYS, 0, false, true, 0},
                           {0, -0.01F, false, false, 0},
                           {TEPUI_ATTEND_SIGMOID, -1, false, false, 0},
                           {kExtra | TEPUI_ATTEND_SIGMOID, 0, true, true, 0},
                           {kExtra, 0, true, true, 16000U << 16 | 2U},
                           {kExtra | TEPUI_ATTEND_PREFIX, 0, true, true, 0}}) {
    Model m;
    Builder::AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 4, .scale = 0.5F};
    shape.form = form.form;
    shape.gamma = form.gamma;
    shape.window = (form.form & TEPUI_ATTEND_PREFIX) != 0 ? 3 : 0;
    if (form.key) shape.extra_key = m.variable({8}, "extra key");
    if (form.value) shape.extra_value = m.variable({8}, "extra value");
    const Value q = m.variable({7, 16}, "q");
    const Value k = m.variable({7, 8}, "k");
    const Value v = m.variable({7, 8}, "v");
    const Value offsets = m.constant(i32({0, 4, 7}), "offsets");
    Value z = m.b.attention(q, k, v, offsets, kNone, shape, "z");
    if (form.drop != 0) {
      Step step = m.b.program().steps.back();
      auto p = step.params.as<AttentionParams>();
      p.drop = form.drop;
      step.in[8] = m.constant(exact(DType::u32, {2}, {5, 6}), "key");
      z = m.b.emit(OpCode::attention, step.in, ParamBytes(p), {"z dropped"}).front();
    }
    m.square(z);
    check_gradients(std::move(m));
  }
}

TEST(Gradients, DytAndGate) {
  Model m;
  const Value x = m.variable({5, 12}, "x");
  const Value y =
      m.b.dyt(x, m.variable({1}, "alpha"), m.variable({12}, "w"), m.variable({12}, "b"), "dyt");
  const Value gated = m.b.act_mul(m.variable({5, 12}, "gate"), y, TEPUI_ACT_SIGMOID, "gated");
  const Value heads = m.b.gate(gated, m.variable({3}, "offset"), m.variable({5, 12}, "of"),
                               m.variable({12}, "slope"), TEPUI_ACT_SIGMOID, "heads");
  m.square(m.b.gate(heads, m.variable({1}, "factor"), kNone, kNone, TEPUI_ACT_NONE, "scaled"));
  check_gradients(std::move(m));
}

// Two tiles of a vocabulary, rows without a target and without weight; a table read twice.
TEST(Gradients, EmbeddingToCrossEntropy) {
  Model m;
  const Value table = m.variable({9, 6}, "table");
  const Value x = m.b.add(m.b.embed(m.constant(i32({3, 0, 8, 3}), "ids"), table, "tokens"),
                          m.b.embed(m.constant(i32({0, 1, 2, 3}), "positions"),
                                    m.variable({4, 6}, "learned"), "positions"),
                          "x");
  const Value targets = m.constant(i32({0, 8, 4, 2}), "targets");
  Value state =
      m.constant(exact(DType::f32, {4, 3},
                       {-INFINITY, 0, 0, -INFINITY, 0, 0, -INFINITY, 0, 0, -INFINITY, 0, 0}),
                 "state");
  const Value first = m.b.linear(x, m.matrix(5, 6, "w"), kNone, kNone, TEPUI_ACT_NONE, "logits");
  state = m.b.cross_entropy(first, targets, state, 0, "first");
  const Value second = m.b.linear(x, m.matrix(4, 6, "w2"), kNone, kNone, TEPUI_ACT_NONE, "logits");
  state = m.b.cross_entropy(second, targets, state, 5, "second");
  const Value weight = m.constant(exact(DType::f32, {4}, {1, 0.5, 0, 2}), "weight");
  m.losses.push_back(m.b.nll(state, weight, "nll"));
  check_gradients(std::move(m));
}

TEST(Gradients, Dropout) {
  Model m;
  const Value key = m.constant(exact(DType::u32, {2}, {5, 6}), "key");
  m.square(m.b.dropout(m.variable({6, 5}, "x"), key, 0.4, 1, "dropped"));
  check_gradients(std::move(m));
}

// Weights that the caller binds packed, as a block of a model has them.
TEST(Gradients, BoundMatricesNeedTheirTransposes) {
  Builder b;
  const Value x = b.input({DType::f32, Shape{3, 5}}, "x");
  const Value w = b.weight({DType::packed, Shape{4, 5}}, "w");
  const Value y = b.linear(x, w, kNone, kNone, TEPUI_ACT_NONE, "y");
  const Value loss =
      b.squared_error(y, b.input({DType::f32, Shape{3, 4}}, "target"), kNone, "loss");
  b.mark_output(loss);
  const auto made = differentiate(b.finish().value(), std::vector{loss}, std::vector{x, w});
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->transposed.size(), 1U);
  EXPECT_EQ(made->transposed[0].first, w);
  EXPECT_EQ(made->program.info(made->transposed[0].second).type,
            (TensorType{DType::packed, Shape{5, 4}}));
  EXPECT_EQ(made->program.info(made->gradients[1]).type, (TensorType{DType::f32, Shape{4, 5}}));
}

TEST(Gradients, WhatCannotBeDifferentiatedIsNamed) {
  Builder b;
  const Value x = b.input({DType::f32, Shape{3, 4}}, "x");
  const Value other = b.input({DType::f32, Shape{3, 4}}, "other");
  const Value capped = b.softcap(x, 5, "capped");
  const Value loss = b.squared_error(capped, other, kNone, "loss");
  const Value apart = b.input({DType::f32, Shape{2}}, "apart");
  b.mark_output(loss);
  const Program program = b.finish().value();
  const auto message = [&](Value of, Value end) {
    const auto made = differentiate(program, std::vector{end}, std::vector{of});
    return made ? std::string("none") : made.error().message;
  };
  EXPECT_EQ(message(x, loss), "differentiate: the step softcap \"capped\" has no gradient");
  EXPECT_EQ(message(other, loss), "none");
  EXPECT_EQ(message(apart, loss), "differentiate: apart: no loss depends on it");
  EXPECT_EQ(message(x, capped),
            "differentiate: capped: expected a loss (what nll or squared_error gives)");
}

}  // namespace
}  // namespace tepui::test
