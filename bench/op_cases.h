// SPDX-License-Identifier: MIT
// One case of each op with its data, and the check of what a backend gives for it: what the op
// benchmarks run.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "ops/builder.h"
#include "tepui/backend.h"
#include "tepui/op.h"
#include "weights/encode.h"

namespace tepui::bench {

constexpr int kTop = 32;
constexpr uint kMedianRank = 4;  // of Case::ranks()
constexpr uint kCapacity = 4096;
constexpr int kVocabulary = 1024;

using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// A Program whose steps read only its inputs, with their data.
class Case {
 public:
  Case(std::int64_t rows, std::int64_t dim) : rows(rows), dim(dim) {
    Bytes x = normal(rows * dim);
    const float spikes[2] = {1200, -900};  // as massive activations are: few, and far away
    std::memcpy(x.data() + 2 * sizeof(float), spikes, sizeof(spikes));
    data_.push_back(std::move(x));
    this->x = builder.input({DType::f32, Shape{rows, dim}}, "x");
  }

  Value input(const TensorType& type, Bytes bytes) {
    data_.push_back(std::move(bytes));
    return builder.input(type, "input");
  }
  Value floats(Shape shape) { return input({DType::f32, shape}, normal(shape.elements())); }
  // Normal too, stored as f32, f16, bf16 or q8_0.
  Value weights(DType dtype, Shape shape) {
    const Bytes wide = normal(shape.elements());
    std::vector<float> values(wide.size() / sizeof(float));
    std::memcpy(values.data(), wide.data(), wide.size());
    return input({dtype, shape}, encode(values, dtype));
  }
  Value offsets() {
    return input({DType::i32, Shape{2}},
                 bytes_of<std::int32_t>({0, static_cast<std::int32_t>(rows)}));
  }
  Value ranks() {
    std::vector<std::uint32_t> ranks;
    for (const double fraction : {0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999})
      ranks.push_back(
          static_cast<std::uint32_t>(fraction * (static_cast<double>(rows * dim) - 1.0)));
    return input({DType::u32, Shape{1, static_cast<std::int64_t>(ranks.size())}}, bytes_of(ranks));
  }
  Value integers(std::int64_t below) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<std::int32_t>(i * 7919 % static_cast<std::size_t>(below));
    return input({DType::i32, Shape{rows}}, bytes_of(values));
  }

  std::int64_t rows;
  std::int64_t dim;
  Builder builder;
  Value x;                                           // the first input
  std::map<std::uint32_t, std::uint32_t> stored_of;  // of a packed value, by id
  const std::vector<Bytes>& data() const { return data_; }

 private:
  Bytes normal(std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::normal_distribution<float> distribution;
    for (float& value : values) value = distribution(random_);
    return bytes_of(values);
  }

  std::mt19937 random_{20240229};
  std::vector<Bytes> data_;  // of value i, as inputs are declared before the step
};

struct Row {
  const char* name;
  std::function<void(Case&)> build;
};

inline void add_quantiles(Case& c, Value offsets) {
  c.builder.quantile_abs(c.x, offsets, c.ranks(), "q");
}

inline void add_above(Case& c, Value offsets) {
  const Value level = c.input({DType::f32, Shape{1, 1}}, bytes_of<float>({0.67F}));
  c.builder.above_abs(c.x, offsets, level, {kCapacity, 0, 100, 100}, "above");
}

inline std::vector<Row> statistics_rows() {
  return {
      {"max_abs", [](Case& c) { c.builder.max_abs(c.x, c.offsets(), "out"); }},
      {"top_k_abs", [](Case& c) { c.builder.top_k_abs(c.x, c.offsets(), kTop, "out"); }},
      {"quantile_abs", [](Case& c) { add_quantiles(c, c.offsets()); }},
      {"above_abs", [](Case& c) { add_above(c, c.offsets()); }},
      {"channel_max_abs", [](Case& c) { c.builder.channel_max_abs(c.x, c.offsets(), "out"); }},
      {"token_max_abs", [](Case& c) { c.builder.token_max_abs(c.x, "out"); }},
      {"l2_norm", [](Case& c) { c.builder.l2_norm(c.x, "out"); }},
      {"all statistics",
       [](Case& c) {
         const Value offsets = c.offsets();
         const Value ranks = c.ranks();
         c.builder.top_k_abs(c.x, offsets, kTop, "top");
         const Value q = c.builder.quantile_abs(c.x, offsets, ranks, "q");
         c.builder.above_abs(c.x, offsets, q, {kCapacity, kMedianRank, 100, 100}, "above");
         c.builder.channel_max_abs(c.x, offsets, "channel");
         c.builder.token_max_abs(c.x, "token");
         c.builder.l2_norm(c.x, "norm");
       }},
  };
}

inline void add_cross_entropy(Case& c) {
  const Value targets = c.integers(c.dim);
  std::vector<float> start;
  for (std::int64_t r = 0; r < c.rows; ++r) start.insert(start.end(), {-INFINITY, 0, 0});
  const Value state = c.input({DType::f32, Shape{c.rows, 3}}, bytes_of(start));
  c.builder.cross_entropy(c.x, targets, state, 0, "out");
}

inline void add_arg_max(Case& c) {
  const std::vector<float> value(static_cast<std::size_t>(c.rows), -INFINITY);
  const std::vector<std::uint32_t> index(value.size(), UINT32_MAX);
  const Value start = c.input({DType::f32, Shape{c.rows}}, bytes_of(value));
  const Value place = c.input({DType::u32, Shape{c.rows}}, bytes_of(index));
  c.builder.arg_max(c.x, start, place, 0, "out");
}

inline std::vector<Row> other_rows() {
  const auto like_x = [](const Case& c) { return Shape{c.rows, c.dim}; };
  return {
      {"rms_norm", [](Case& c) { c.builder.rms_norm(c.x, c.floats(Shape{c.dim}), 1e-5F, "out"); }},
      {"layer_norm",
       [](Case& c) {
         const Value weight = c.floats(Shape{c.dim});
         c.builder.layer_norm(c.x, weight, c.floats(Shape{c.dim}), 1e-5F, "out");
       }},
      {"rope",
       [](Case& c) {
         const Value positions = c.integers(c.rows);
         const Value table = c.floats(Shape{c.rows, 64});
         c.builder.rope(c.x, positions, table, static_cast<uint>(c.dim / 64), false, "out");
       }},
      {"act", [](Case& c) { c.builder.act(c.x, TEPUI_ACT_GELU_ERF, "out"); }},
      {"act_mul",
       [=](Case& c) { c.builder.act_mul(c.x, c.floats(like_x(c)), TEPUI_ACT_SILU, "out"); }},
      {"add", [=](Case& c) { c.builder.add(c.x, c.floats(like_x(c)), "out"); }},
      {"embed",
       [](Case& c) {
         const Value ids = c.integers(kVocabulary);
         c.builder.embed(ids, c.floats(Shape{kVocabulary, c.dim}), "out");
       }},
      {"cast",
       [](Case& c) {
         const Shape flat{c.rows * c.dim};
         c.builder.cast(c.input({DType::bf16, flat}, Bytes(2 * c.data().front().size() / 4)),
                        "out");
       }},
      {"cross_entropy", add_cross_entropy},
      {"arg_max", add_arg_max},
  };
}

// Products: the width is both that of the rows and that of the result.
inline void add_linear(Case& c, DType dtype) {
  const Value stored = c.weights(dtype, Shape{c.dim, c.dim});
  const Value packed = c.builder.pack(stored, false, "packed");
  c.stored_of[packed.id] = stored.id;
  c.builder.linear(c.x, packed, kNone, kNone, TEPUI_ACT_NONE, "out");
}

inline Builder::AttentionShape heads_of(const Case& c) {
  constexpr uint kHead = 64;
  Builder::AttentionShape heads{};
  heads.heads = heads.kv_heads = static_cast<uint>(c.dim) / kHead;
  heads.head_dim = kHead;
  heads.scale = 0.125F;
  return heads;
}

inline void add_attention(Case& c) {
  const Shape shape{c.rows, c.dim};
  const Value k = c.floats(shape);
  const Value v = c.floats(shape);
  c.builder.attention(c.x, k, v, c.offsets(), kNone, heads_of(c), "out");
}

// The last rows of a text of 4096 tokens, or one, as when it is continued: the keys and values of
// all are kept, by head; four heads share one.
inline void add_attention_kept(Case& c) {
  constexpr std::int32_t kKept = 4096;
  Builder::AttentionShape heads = heads_of(c);
  heads.kv_heads = std::max(1U, heads.heads / 4);
  const Shape shape{std::int64_t{heads.kv_heads} * kKept, std::int64_t{heads.head_dim}};
  const Value k = c.floats(shape);
  const Value v = c.floats(shape);
  const auto rows = static_cast<std::int32_t>(c.rows);
  const Value offsets =
      c.input({DType::i32, Shape{3, 2}}, bytes_of<std::int32_t>({0, rows, 0, kKept, kKept, 0}));
  c.builder.attention(c.x, k, v, offsets, kNone, heads, "out");
}

// What attention does, seen from outside, of heads as those; two tokens are marked.
inline void add_attention_stats(Case& c) {
  const Builder::AttentionShape heads = heads_of(c);
  Builder::AttentionInputs inputs{c.x, c.floats(Shape{c.rows, c.dim}), c.offsets(), kNone, {}};
  inputs.params.rows = static_cast<uint>(c.rows);
  inputs.params.sequences = 1;
  inputs.params.heads = heads.heads;
  inputs.params.kv_heads = heads.kv_heads;
  inputs.params.head_dim = heads.head_dim;
  inputs.params.scale = heads.scale;
  const Value marked = c.input({DType::u32, Shape{1, 2}}, bytes_of<std::uint32_t>({0, 5}));
  c.builder.attention_stats(inputs, marked, 64, "out");
}

// Attention and its gradient, both in the time.
inline void add_attention_grad(Case& c) {
  const Value dz = c.floats(Shape{c.rows, c.dim});
  add_attention(c);
  const Step step = c.builder.program().steps.back();
  c.builder.attention_grad(step, dz, "grad");
}

inline std::vector<Row> product_rows() {
  return {{"linear", [](Case& c) { add_linear(c, DType::f32); }}, {"attention", add_attention}};
}

inline std::vector<Row> more_of_attention() {
  return {{"attention, kept", add_attention_kept},
          {"attention_stats", add_attention_stats},
          {"attention, grad", add_attention_grad}};
}

// Weights as models are stored.
inline std::vector<Row> narrow_rows() {
  return {{"linear f16", [](Case& c) { add_linear(c, DType::f16); }},
          {"linear bf16", [](Case& c) { add_linear(c, DType::bf16); }},
          {"linear q8_0", [](Case& c) { add_linear(c, DType::q8_0); }}};
}

// A buffer for every value of a case's Program, with the data of its inputs.
struct BoundCase {
  std::vector<Buffer> buffers;
  Bindings bindings;
};

inline Result<BoundCase> bind_case(Backend& backend, const Case& c, const Program& program) {
  BoundCase bound;
  bound.buffers.resize(program.values.size());
  bound.bindings.resize(program.values.size());
  for (std::size_t i = 0; i < bound.buffers.size(); ++i) {
    Buffer& buffer = bound.buffers[i];
    TEPUI_TRY(buffer,
              backend.allocate(backend.storage_bytes(program.values[i].type), Memory::device));
    bound.bindings[i] = BufferSlice::whole(buffer);
    if (i < c.data().size())
      TEPUI_TRY(backend.wait(backend.upload(bound.bindings[i], c.data()[i], {})));
  }
  return bound;
}

using Found = std::vector<Bytes>;  // by value

inline bool agrees(const HostView& found, const HostView& expected,
                   const std::vector<double>& bound) {
  for (std::size_t e = 0; e < bound.size(); ++e) {
    const auto i = static_cast<std::int64_t>(e);
    if (!(std::abs(found.at(i) - expected.at(i)) <= bound[e])) return false;
  }
  return true;
}

// Whether a step's outputs are within the op's bound of what its reference gives.
inline bool step_agrees(const Case& c, const Program& program, const Step& step,
                        const Found& found) {
  const Op& op = op_of(step.op);
  if (step.op == OpCode::pack) return true;  // its layout is the backend's own affair
  std::vector<HostView> in;
  std::deque<Bytes> unpacked;
  for (const Value value : step.in) {
    if (!value.present()) {
      in.push_back({TensorType::absent(), {}});
      continue;
    }
    const auto stored = c.stored_of.find(value.id);
    if (stored == c.stored_of.end()) {
      in.push_back({program.type_of(value),
                    value.id < c.data().size() ? c.data()[value.id] : found[value.id]});
      continue;
    }
    const HostView weights{program.type_of(Value{stored->second}), c.data()[stored->second]};
    std::vector<float> wide(static_cast<std::size_t>(weights.type.shape.elements()));
    for (std::size_t i = 0; i < wide.size(); ++i)
      wide[i] = static_cast<float>(weights.at(static_cast<std::int64_t>(i)));
    unpacked.push_back(bytes_of(wide));  // what a reference reads as packed
    in.push_back({program.type_of(value), unpacked.back()});
  }
  std::vector<Bytes> out;
  for (const Value value : step.out) out.emplace_back(program.type_of(value).bytes());
  std::vector<MutableHostView> views;
  for (std::size_t i = 0; i < out.size(); ++i)
    views.push_back({program.type_of(step.out[i]), out[i]});
  op.reference(in, views, step.params);
  const std::vector<HostView> expected(views.begin(), views.end());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::vector<double> bound(static_cast<std::size_t>(expected[i].type.shape.elements()), 0.0);
    if (op.bound != nullptr) op.bound({in, expected, i, step.params}, bound);
    if (!agrees({expected[i].type, found[step.out[i].id]}, expected[i], bound)) return false;
  }
  return true;
}

}  // namespace tepui::bench
