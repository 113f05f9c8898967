// SPDX-License-Identifier: MIT
// The statistics of one value that run together, and with the step that produces it, give the bits
// of the single ops: each Program is run with its statistics fused, and its value is then given to
// the same ops on the reference and, one by one, on the same device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <random>

#include "backend/registry.h"
#include "backend/vulkan/vulkan_backend.h"
#include "ops/builder.h"

namespace tepui::test {
namespace {

using Floats = std::vector<float>;
using Bytes = std::vector<std::byte>;

enum class Producer { input, add, linear, linear_residual };

struct StatisticsCase {
  Producer producer = Producer::input;
  std::vector<int> lengths;
  int dim = 0;
  int inner = 5;  // columns that a linear layer reads
  uint k = 7;
  uint capacity = 9;
};

std::string describe(const StatisticsCase& c) {
  return fmt::format("producer {} sequences {} dim {} k {} capacity {}",
                     static_cast<int>(c.producer), c.lengths.size(), c.dim, c.k, c.capacity);
}

constexpr std::int64_t kRanks = 4;

// A Program with its inputs' bytes, in the order in which they were declared.
struct Built {
  Program program;
  std::vector<std::pair<Value, Bytes>> inputs;
  std::vector<Value> outputs;
  Value x;
};

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

Floats random_floats(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> die(0, 99);
  Floats values(static_cast<std::size_t>(count));
  for (float& value : values) {
    const int face = die(random);
    value = normal(random);
    if (face == 0) value *= 8e5F;
    if (face < 20) value = 1e-3F;  // many equal ones
  }
  return values;
}

std::vector<std::int32_t> offsets_of(const std::vector<int>& lengths) {
  std::vector<std::int32_t> offsets{0};
  for (const int length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

class StatisticsProgram {
 public:
  explicit StatisticsProgram(const StatisticsCase& c)
      : case_(c), rows_(std::accumulate(c.lengths.begin(), c.lengths.end(), std::int64_t{0})) {}

  std::int64_t elements() const { return rows_ * case_.dim; }

  // With the value computed by its producer, and all statistics behind it.
  Built fused() {
    start();
    const Shape shape{rows_, case_.dim};
    built_.x = produce(shape);
    if (case_.producer != Producer::input) mark(built_.x);
    statistics(built_.x, -1);
    return finish();
  }

  // One statistic of a value that is given; -1: all of them.
  Built of_value(const Floats& values, int only) {
    start();
    built_.x = input({DType::f32, Shape{rows_, case_.dim}}, bytes_of(values));
    statistics(built_.x, only);
    return finish();
  }
  static constexpr int kStatistics = 6;

 private:
  void start() {
    builder_ = Builder();
    built_ = Built();
  }
  Value input(const TensorType& type, Bytes bytes) {
    const Value value = builder_.input(type, "input");
    built_.inputs.emplace_back(value, std::move(bytes));
    return value;
  }
  void mark(Value value) {
    builder_.mark_output(value);
    built_.outputs.push_back(value);
  }
  Value floats(Shape shape, unsigned seed) {
    return input({DType::f32, shape}, bytes_of(random_floats(shape.elements(), seed)));
  }

  Value produce(const Shape& shape) {
    if (case_.producer == Producer::input) return floats(shape, 1);
    if (case_.producer == Producer::add)
      return builder_.add(floats(shape, 1), floats(shape, 2), "sum");
    const Value from = floats(Shape{rows_, case_.inner}, 3);
    const Value weight = builder_.pack(floats(Shape{case_.dim, case_.inner}, 4), false, "weight");
    const bool residual = case_.producer == Producer::linear_residual;
    const Value bias = residual ? kNone : floats(Shape{case_.dim}, 6);
    return builder_.linear(from, weight, bias, residual ? floats(shape, 5) : kNone, TEPUI_ACT_NONE,
                           "product");
  }

  std::vector<std::uint32_t> ranks() const {
    std::vector<std::uint32_t> all;
    for (const int length : case_.lengths) {
      const auto count = static_cast<std::uint32_t>(length * case_.dim);
      const std::uint32_t last = count == 0 ? 0 : count - 1;
      for (const std::uint32_t rank : {0U, last / 2, last, count + 3}) all.push_back(rank);
    }
    return all;
  }

  void statistics(Value x, int only) {
    const auto sequences = static_cast<std::int64_t>(case_.lengths.size());
    const Value offsets =
        input({DType::i32, Shape{sequences + 1}}, bytes_of(offsets_of(case_.lengths)));
    const auto wants = [&](int which) { return only == -1 || only == which; };
    if (wants(0)) {
      const auto top = builder_.top_k_abs(x, offsets, case_.k, "top");
      mark(top.value);
      mark(top.index);
    }
    if (wants(1) || wants(2)) {
      const Value quantiles = builder_.quantile_abs(
          x, offsets, input({DType::u32, Shape{sequences, kRanks}}, bytes_of(ranks())), "q");
      mark(quantiles);
      if (wants(2)) {
        const Builder::AboveRule rule{case_.capacity, 1, 50.0F, 0.5F};
        const auto above = builder_.above_abs(x, offsets, quantiles, rule, "above");
        mark(above.count);
        mark(above.value);
        mark(above.index);
      }
    }
    if (wants(3)) {
      const auto channel = builder_.channel_max_abs(x, offsets, "channel");
      mark(channel.value);
      mark(channel.index);
    }
    if (wants(4)) {
      const auto token = builder_.token_max_abs(x, "token");
      mark(token.value);
      mark(token.index);
    }
    if (wants(5)) mark(builder_.l2_norm(x, "norm"));
  }

  Built finish() {
    auto program = builder_.finish();
    EXPECT_TRUE(program) << program.error().message;
    built_.program = *std::move(program);
    return std::move(built_);
  }

  StatisticsCase case_;
  std::int64_t rows_;
  Builder builder_;
  Built built_;
};

// The bytes of every output by name; `dispatches` of the run, where asked.
std::map<std::string, Bytes> run(Backend& backend, const Built& built, int* dispatches = nullptr) {
  auto prepared = backend.prepare(built.program);
  EXPECT_TRUE(prepared) << (prepared ? "" : prepared.error().message);
  if (dispatches != nullptr) *dispatches = vulkan::dispatch_count(**prepared);
  Bindings bindings(built.program.values.size());
  std::vector<Buffer> buffers;
  buffers.reserve(built.inputs.size() + built.outputs.size());
  for (const auto& [value, bytes] : built.inputs) {
    buffers.push_back(backend.allocate(bytes.size(), Memory::device).value());
    bindings[value.id] = BufferSlice::whole(buffers.back());
    EXPECT_TRUE(backend.wait(backend.upload(bindings[value.id], bytes, {})));
  }
  for (const Value value : built.outputs) {
    const std::size_t bytes = backend.storage_bytes(built.program.info(value).type);
    buffers.push_back(backend.allocate(bytes, Memory::device).value());
    bindings[value.id] = BufferSlice::whole(buffers.back());
    const Bytes junk(bytes, std::byte{0xa5});  // every place must be written
    EXPECT_TRUE(backend.wait(backend.upload(bindings[value.id], junk, {})));
  }
  const Ticket ran = backend.run(**prepared, bindings, {});
  std::map<std::string, Bytes> found;
  for (const Value value : built.outputs) {
    Bytes& bytes = found[built.program.info(value).name];
    bytes.resize(bindings[value.id].bytes);
    EXPECT_TRUE(backend.wait(backend.download(bytes, bindings[value.id], {{ran}})));
  }
  return found;
}

Floats floats_of(const Bytes& bytes) {
  Floats values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Floats value_of(const StatisticsCase& c, const Built& built,
                const std::map<std::string, Bytes>& found) {
  if (c.producer == Producer::input) return floats_of(built.inputs.front().second);
  return floats_of(found.at(built.program.info(built.x).name));
}

class FusedStatistics : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
    vulkan_ = make_backend("vulkan", {}).value();
    reference_ = make_backend("reference", {}).value();
  }

  void check(const StatisticsCase& c) {
    SCOPED_TRACE(describe(c));
    StatisticsProgram programs(c);
    const Built fused = programs.fused();
    const auto found = run(*vulkan_, fused);
    const Floats x = value_of(c, fused, found);
    const auto expected = run(*reference_, programs.of_value(x, -1));
    for (const auto& [name, bytes] : expected) {
      if (name != "norm") {
        EXPECT_TRUE(found.at(name) == bytes) << name;
      }
    }
    for (int i = 0; i < StatisticsProgram::kStatistics; ++i) {
      for (const auto& [name, bytes] : run(*vulkan_, programs.of_value(x, i)))
        EXPECT_TRUE(found.at(name) == bytes) << name << " alone";
    }
  }

  std::unique_ptr<Backend> vulkan_;
  std::unique_ptr<Backend> reference_;
};

TEST_F(FusedStatistics, AreThoseOfTheSingleOps) {
  for (const Producer producer :
       {Producer::input, Producer::add, Producer::linear, Producer::linear_residual}) {
    check({producer, {9}, 33});
    check({producer, {1}, 1});
    check({producer, {3, 1, 0, 2, 0, 7}, 70});  // tiles with rows of several sequences, empty ones
    check({producer, {0, 5}, 257});
    check({producer, {2, 3}, 5000});  // rows larger than a block
    check({producer, {40}, 300, 5, 64, 4096});
    check({producer, {2}, 3, 5, 20, 1});  // more asked for than there is
    check({producer, {130, 61}, 64});     // many rows to a block, many blocks
  }
}

TEST_F(FusedStatistics, OfNoRows) {
  for (const Producer producer : {Producer::input, Producer::add, Producer::linear})
    check({producer, {0}, 12});
}

// What a tapped site may cost: at most 8 dispatches more than the bare step.
TEST_F(FusedStatistics, AddAtMostEightDispatches) {
  for (const Producer producer :
       {Producer::input, Producer::add, Producer::linear, Producer::linear_residual}) {
    StatisticsProgram programs({producer, {40, 60}, 96});
    const Built fused = programs.fused();
    int dispatches = 0;
    run(*vulkan_, fused, &dispatches);
    // A linear layer's weights are packed there; on matrix units that is three passes, x is split
    // by another, and none of them counts the first histogram.
    const bool layer = producer == Producer::linear || producer == Producer::linear_residual;
    const bool on_matrices =
        layer && vulkan_->device().detail.find("matrix units") != std::string::npos;
    const int plain = producer == Producer::input ? 0 : !layer ? 1 : on_matrices ? 5 : 2;
    const bool counts = producer != Producer::input && !on_matrices;
    EXPECT_LE(dispatches, plain + (counts ? 5 : 6));
    EXPECT_GT(dispatches, plain);
  }
}

}  // namespace
}  // namespace tepui::test
