// SPDX-License-Identifier: MIT
// Times every op that is not a product: statistics, norms and element-wise ops. Each is first
// checked against its reference. Prints the best and the median time, GB/s over the bytes that must
// at least be moved and ns per element of its first tensor; then the price of all statistics of a
// scan at one site, per token. Usage: stats_bench [OP...]
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

// A Program of one step with the data of its inputs.
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
  bool statistic;
  std::function<void(Case&)> build;
};

std::vector<Row> rows() {
  return {
      {"max_abs", true, [](Case& c) { c.builder.max_abs(c.x, c.offsets()); }},
      {"top_k_abs", true, [](Case& c) { c.builder.top_k_abs(c.x, c.offsets(), kTop); }},
      {"quantile_abs", true,
       [](Case& c) {
         const Value offsets = c.offsets();
         c.builder.quantile_abs(c.x, offsets, c.ranks());
       }},
      {"above_abs", true,
       [](Case& c) {
         const Value offsets = c.offsets();
         const Value level = c.input({DType::f32, Shape{1, 1}}, bytes_of<float>({0.67F}));
         AboveParams params{};
         params.capacity = kCapacity;
         params.ratio = 100;
         params.floor = 100;
         c.builder.above_abs(c.x, offsets, level, params);
       }},
      {"channel_max_abs", true, [](Case& c) { c.builder.channel_max_abs(c.x, c.offsets()); }},
      {"token_max_abs", true, [](Case& c) { c.builder.token_max_abs(c.x); }},
      {"l2_norm", true, [](Case& c) { c.builder.l2_norm(c.x); }},
      {"rms_norm", false,
       [](Case& c) { c.builder.rms_norm(c.x, c.floats(Shape{c.dim}), 1e-5F, "out"); }},
      {"layer_norm", false,
       [](Case& c) {
         const Value weight = c.floats(Shape{c.dim});
         c.builder.layer_norm(c.x, weight, c.floats(Shape{c.dim}), 1e-5F, "out");
       }},
      {"rope", false,
       [](Case& c) {
         const Value positions = c.integers(c.rows);
         RopeParams params{};
         params.heads = static_cast<uint>(c.dim / 64);
         params.head_dim = 64;
         params.rotary_dim = 64;
         c.builder.rope(c.x, positions, c.floats(Shape{c.rows, 64}), params, "out");
       }},
      {"act", false, [](Case& c) { c.builder.act(c.x, TEPUI_ACT_GELU_ERF, "out"); }},
      {"act_mul", false,
       [](Case& c) {
         c.builder.act_mul(c.x, c.floats(Shape{c.rows, c.dim}), TEPUI_ACT_SILU, "out");
       }},
      {"add", false,
       [](Case& c) {
         c.builder.add(c.x, c.floats(Shape{c.rows, c.dim}), "out");
       }},
      {"embed", false,
       [](Case& c) {
         const Value ids = c.integers(kVocabulary);
         c.builder.embed(ids, c.floats(Shape{kVocabulary, c.dim}), "out");
       }},
      {"cross_entropy", false,
       [](Case& c) {
         const Value targets = c.integers(c.dim);
         std::vector<float> start;
         for (std::int64_t r = 0; r < c.rows; ++r) start.insert(start.end(), {-INFINITY, 0, 0});
         c.builder.cross_entropy(c.x, targets,
                                 c.input({DType::f32, Shape{c.rows, 3}}, bytes_of(start)), 0);
       }},
      {"arg_max", false,
       [](Case& c) {
         const std::vector<float> value(static_cast<std::size_t>(c.rows), -INFINITY);
         const std::vector<std::uint32_t> index(value.size(), UINT32_MAX);
         const Value start = c.input({DType::f32, Shape{c.rows}}, bytes_of(value));
         c.builder.arg_max(c.x, start, c.input({DType::u32, Shape{c.rows}}, bytes_of(index)), 0);
       }},
  };
}

// Whether the outputs are within the op's bound of what its reference gives.
bool agrees(const Case& c, const Program& program, const std::vector<Bytes>& found) {
  const Step& step = program.steps.front();
  const Op& op = op_of(step.op);
  std::vector<HostView> in;
  for (const Value value : step.in)
    in.push_back(value.present() ? HostView{program.info(value).type, c.data()[value.id]}
                                 : HostView{TensorType::absent(), {}});
  std::vector<Bytes> out;
  std::vector<MutableHostView> views;
  for (const Value value : step.out) out.emplace_back(program.info(value).type.bytes());
  for (std::size_t i = 0; i < out.size(); ++i)
    views.push_back({program.info(step.out[i]).type, out[i]});
  op.reference(in, views, step.params);
  const std::vector<HostView> expected(views.begin(), views.end());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::vector<double> bound(static_cast<std::size_t>(expected[i].type.shape.elements()), 0.0);
    if (op.bound != nullptr) op.bound({in, expected, i, step.params}, bound);
    const HostView given{expected[i].type, found[i]};
    for (std::size_t e = 0; e < bound.size(); ++e) {
      const auto index = static_cast<std::int64_t>(e);
      if (!(std::abs(given.at(index) - expected[i].at(index)) <= bound[e])) return false;
    }
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
  std::vector<Bytes> found;
  for (const Value value : program.steps.front().out) {
    found.emplace_back(program.info(value).type.bytes());
    TEPUI_TRY(backend.wait(backend.download(found.back(), bindings[value.id], {})));
  }
  if (!agrees(c, program, found)) return fail(ErrorKind::data, "differs from its reference");
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
  const Step& step = program.steps.front();
  for (const Value value : step.in)
    if (value.present()) bytes += static_cast<double>(program.info(value).type.bytes());
  for (const Value value : step.out) bytes += static_cast<double>(program.info(value).type.bytes());
  return bytes;
}

Status bench_shape(Backend& backend, int threads, std::int64_t count, std::int64_t dim,
                   const std::vector<std::string>& chosen) {
  double statistics = 0;
  for (const Row& row : rows()) {
    if (!chosen.empty() && std::ranges::find(chosen, row.name) == chosen.end()) continue;
    Case c(count, dim);
    row.build(c);
    const std::size_t inputs = c.data().size();
    const std::size_t values = c.builder.program().values.size();
    for (std::size_t i = inputs; i < values; ++i)
      c.builder.mark_output(Value{static_cast<std::uint32_t>(i)});
    TEPUI_TRY(const Program program, c.builder.finish());
    const Result<Timing> timing = measure(backend, c, program);
    if (!timing)
      return fail(ErrorKind::data, "{} [{}, {}]: {}", row.name, count, dim, timing.error().message);
    if (row.statistic) statistics += timing->median;
    const auto elements = static_cast<double>(count * dim);
    fmt::print(
        "{:<16} {:>6} x {:<6} {:>2} threads {:>10.1f} {:>10.1f} us {:>7.1f} GB/s {:>7.3f} ns\n",
        row.name, count, dim, threads, timing->best * 1e6, timing->median * 1e6,
        bytes_moved(program) / timing->median * 1e-9, timing->median * 1e9 / elements);
  }
  fmt::print("{:<16} {:>6} x {:<6} {:>2} threads {:>43.3f} us per token and site\n",
             "all statistics", count, dim, threads, statistics * 1e6 / static_cast<double>(count));
  return {};
}

Status bench(const std::vector<std::string>& chosen) {
  fmt::print("{:<16} {:>15} {:>10} {:>10} {:>10}\n", "op", "rows x width", "", "best", "median");
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
  const tepui::Status status = tepui::bench(std::vector<std::string>(argv + 1, argv + argc));
  if (!status) fmt::print(stderr, "stats_bench: {}\n", status.error().message);
  return status ? 0 : 1;
}
