// SPDX-License-Identifier: MIT
// Times every op that is not a product: statistics, norms, element-wise ops, cast and pack; "all
// statistics" is what a scan does at one site. Each is first checked against its reference. GB/s
// counts every operand once; `share` is that over the calibrated rate: a plain sum of the same
// first operand by the same threads, just before and after. ns are per element of the first
// operand. Usage: stats_bench [NAME...]
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "calibrate.h"
#include "ops/builder.h"
#include "tepui/backend.h"

namespace tepui {
namespace {

constexpr int kTop = 32;
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
  Value x;
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

void add_quantiles(Case& c, Value offsets) { c.builder.quantile_abs(c.x, offsets, c.ranks(), "q"); }

void add_above(Case& c, Value offsets) {
  const Value level = c.input({DType::f32, Shape{1, 1}}, bytes_of<float>({0.67F}));
  c.builder.above_abs(c.x, offsets, level, {kCapacity, 0, 100, 100}, "above");
}

std::vector<Row> statistics_rows() {
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
         const Value level = c.input({DType::f32, Shape{1, 1}}, bytes_of<float>({0.67F}));
         c.builder.top_k_abs(c.x, offsets, kTop, "top");
         c.builder.quantile_abs(c.x, offsets, ranks, "q");
         c.builder.above_abs(c.x, offsets, level, {kCapacity, 0, 100, 100}, "above");
         c.builder.channel_max_abs(c.x, offsets, "channel");
         c.builder.token_max_abs(c.x, "token");
         c.builder.l2_norm(c.x, "norm");
       }},
  };
}

void add_cross_entropy(Case& c) {
  const Value targets = c.integers(c.dim);
  std::vector<float> start;
  for (std::int64_t r = 0; r < c.rows; ++r) start.insert(start.end(), {-INFINITY, 0, 0});
  const Value state = c.input({DType::f32, Shape{c.rows, 3}}, bytes_of(start));
  c.builder.cross_entropy(c.x, targets, state, 0, "out");
}

void add_arg_max(Case& c) {
  const std::vector<float> value(static_cast<std::size_t>(c.rows), -INFINITY);
  const std::vector<std::uint32_t> index(value.size(), UINT32_MAX);
  const Value start = c.input({DType::f32, Shape{c.rows}}, bytes_of(value));
  const Value place = c.input({DType::u32, Shape{c.rows}}, bytes_of(index));
  c.builder.arg_max(c.x, start, place, 0, "out");
}

std::vector<Row> other_rows() {
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

using Found = std::vector<Bytes>;  // by value

bool agrees(const HostView& found, const HostView& expected, const std::vector<double>& bound) {
  for (std::size_t e = 0; e < bound.size(); ++e) {
    const auto i = static_cast<std::int64_t>(e);
    if (!(std::abs(found.at(i) - expected.at(i)) <= bound[e])) return false;
  }
  return true;
}

// Whether a step's outputs are within the op's bound of what its reference gives.
bool step_agrees(const Case& c, const Program& program, const Step& step, const Found& found) {
  const Op& op = op_of(step.op);
  std::vector<HostView> in;
  for (const Value value : step.in) in.push_back({program.type_of(value), c.data()[value.id]});
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

struct Timing {
  double best;
  double median;
};

Result<Timing> measure(Backend& backend, const Case& c, const Program& program) {
  std::vector<Buffer> buffers(program.values.size());
  Bindings bindings(program.values.size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const std::size_t bytes = std::max<std::size_t>(1, program.values[i].type.bytes());
    TEPUI_TRY(buffers[i], backend.allocate(bytes, Memory::device));
    bindings[i] = BufferSlice::whole(buffers[i]);
    if (i < c.data().size()) TEPUI_TRY(backend.wait(backend.upload(bindings[i], c.data()[i], {})));
  }
  TEPUI_TRY(const std::unique_ptr<Prepared> prepared, backend.prepare(program));
  const auto run = [&] { return backend.wait(backend.run(*prepared, bindings, {})); };
  TEPUI_TRY(run());
  Found found(program.values.size());
  for (const Step& step : program.steps) {
    for (const Value value : step.out) {
      found[value.id].resize(program.type_of(value).bytes());
      TEPUI_TRY(backend.wait(backend.download(found[value.id], bindings[value.id], {})));
    }
    if (!step_agrees(c, program, step, found))
      return fail(ErrorKind::data, "{} differs from its reference", op_of(step.op).name);
  }
  std::vector<double> times;
  double spent = 0;
  while (times.size() < 5 || (spent < 0.2 && times.size() < 1000)) {
    const auto start = std::chrono::steady_clock::now();
    TEPUI_TRY(run());
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    times.push_back(time.count());
    spent += time.count();
  }
  std::ranges::sort(times);
  return Timing{times.front(), times[times.size() / 2]};
}

double bytes_moved(const Program& program) {
  double bytes = 0;
  for (const ValueInfo& value : program.values) bytes += static_cast<double>(value.type.bytes());
  return bytes;
}

Status bench_row(Backend& backend, int threads, const Row& row, std::int64_t count,
                 std::int64_t dim) {
  Case c(count, dim);
  row.build(c);
  const std::size_t values = c.builder.program().values.size();
  for (std::size_t i = c.data().size(); i < values; ++i)
    c.builder.mark_output(Value{static_cast<std::uint32_t>(i)});
  TEPUI_TRY(const Program program, c.builder.finish());
  ThreadPool pool(threads);
  const std::size_t bytes = c.data().front().size();
  const double before = bench::read_rate(pool, backend.device().isa, bytes);
  const Result<Timing> timing = measure(backend, c, program);
  const double peak = 0.5 * (before + bench::read_rate(pool, backend.device().isa, bytes));
  if (!timing)
    return fail(ErrorKind::data, "{} [{}, {}]: {}", row.name, count, dim, timing.error().message);
  fmt::print("{:<16}{:>6} x {:<6}{:>8}{:>12.1f}{:>12.1f}{:>9.1f}{:>8.0f} %{:>11.3f}\n", row.name,
             count, dim, threads, timing->best * 1e6, timing->median * 1e6,
             bytes_moved(program) / timing->median * 1e-9,
             100.0 * bytes_moved(program) / timing->median / peak,
             timing->median * 1e9 / static_cast<double>(count * dim));
  return {};
}

Status bench_shape(Backend& backend, int threads, std::int64_t count, std::int64_t dim,
                   const std::vector<std::string>& chosen) {
  std::vector<Row> rows = statistics_rows();
  for (Row& row : other_rows()) rows.push_back(std::move(row));
  for (const Row& row : rows)
    if (chosen.empty() || std::ranges::find(chosen, row.name) != chosen.end())
      TEPUI_TRY(bench_row(backend, threads, row, count, dim));
  return {};
}

Status bench_all(const std::vector<std::string>& chosen) {
  fmt::print("{:<16}{:>15}{:>8}{:>12}{:>12}{:>9}{:>10}{:>11}\n", "op", "rows x width", "threads",
             "best us", "median us", "GB/s", "share", "ns/element");
  for (const int threads : {1, 2}) {
    BackendOptions options;
    options.threads = threads;
    TEPUI_TRY(const std::unique_ptr<Backend> backend, make_backend("cpu", options));
    fmt::print("{} {}\n", backend->device().name, backend->device().isa);
    TEPUI_TRY(bench_shape(*backend, threads, 512, 768, chosen));
    TEPUI_TRY(bench_shape(*backend, threads, 512, 8192, chosen));
    TEPUI_TRY(bench_shape(*backend, threads, 2048, 4096, chosen));
  }
  return {};
}

}  // namespace
}  // namespace tepui

int main(int argc, char** argv) {
  const tepui::Status status = tepui::bench_all(std::vector<std::string>(argv + 1, argv + argc));
  if (!status) fmt::print(stderr, "stats_bench: {}\n", status.error().message);
  return status ? 0 : 1;
}
