// SPDX-License-Identifier: MIT
// Laws 1 and 2 for the CPU's kernels on what is hard for them: ties, zeros of both signs, NaN,
// subnormals, empty sequences, ranks and places that are not there; on every instruction set that
// this machine has, with several threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "ops/builder.h"
#include "tepui/backend.h"

namespace tepui {
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<std::unique_ptr<Backend>> cpu_backends() {
  std::vector<std::unique_ptr<Backend>> backends;
  for (const std::string isa : {"portable", "avx2", "avx512"}) {
    for (const int threads : {1, 2, 3}) {
      BackendOptions options;
      options.threads = threads;
      options.isa = isa;
      auto backend = make_backend("cpu", options);
      if (backend) backends.push_back(*std::move(backend));
    }
  }
  EXPECT_FALSE(backends.empty());
  return backends;
}

// Inputs and the steps that read them; the inputs' ids are the first.
struct Case {
  Builder builder;
  std::vector<Bytes> data;

  template <class T>
  Value input(DType dtype, Shape shape, const std::vector<T>& values) {
    data.push_back(bytes_of(values));
    return builder.input({dtype, shape}, "input" + std::to_string(data.size()));
  }
};

// All values of the program after a run.
std::vector<Bytes> run_on(Backend& backend, const Program& program, const std::vector<Bytes>& in) {
  std::vector<Buffer> buffers;
  Bindings bindings;
  for (std::size_t i = 0; i < program.values.size(); ++i) {
    const std::size_t bytes = program.values[i].type.bytes();
    auto buffer = backend.allocate(std::max<std::size_t>(bytes, 1), Memory::device);
    EXPECT_TRUE(buffer);
    buffers.push_back(*std::move(buffer));
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    bindings.push_back({&buffers[i], 0, program.values[i].type.bytes()});
    if (i < in.size()) {
      EXPECT_TRUE(backend.wait(backend.upload(bindings[i], in[i], {})));
    }
  }
  auto prepared = backend.prepare(program);
  EXPECT_TRUE(prepared) << prepared.error().message;
  EXPECT_TRUE(backend.wait(backend.run(**prepared, bindings, {})));
  std::vector<Bytes> out = in;
  for (std::size_t i = in.size(); i < buffers.size(); ++i) {
    out.emplace_back(program.values[i].type.bytes());
    EXPECT_TRUE(backend.wait(backend.download(out.back(), bindings[i], {})));
  }
  return out;
}

Program finish(Case& c) {
  const std::size_t values = c.builder.program().values.size();
  for (std::size_t i = c.data.size(); i < values; ++i)
    c.builder.mark_output(Value{static_cast<std::uint32_t>(i)});
  auto program = c.builder.finish();
  EXPECT_TRUE(program) << program.error().message;
  return *std::move(program);
}

void expect_equal_to_reference(Case& c, const std::string& what) {
  const Program program = finish(c);
  const auto reference = make_backend("reference", {});
  ASSERT_TRUE(reference);
  const std::vector<Bytes> expected = run_on(**reference, program, c.data);
  for (const auto& backend : cpu_backends()) {
    const std::vector<Bytes> found = run_on(*backend, program, c.data);
    for (std::size_t i = c.data.size(); i < found.size(); ++i)
      EXPECT_EQ(found[i], expected[i]) << what << ": " << program.values[i].name << " on "
                                       << backend->device().isa << backend->device().detail;
  }
}

enum Pattern { normal, rounded, any_bits, zeros, special, relu, kPatterns };

std::vector<float> draw(Pattern pattern, std::size_t count, std::mt19937& random) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kSpecial[] = {0, -0.0F, 1, -1, kInf, -kInf, kNan, -kNan, 1e-40F, -1e-40F, 3e38F};
  std::normal_distribution<float> bell;
  std::vector<float> values(count);
  for (float& x : values) {
    const float drawn = bell(random);
    const std::uint32_t bits = static_cast<std::uint32_t>(random());
    switch (pattern) {
      case rounded: x = std::round(2 * drawn); break;
      case any_bits: std::memcpy(&x, &bits, sizeof(x)); break;
      case zeros: x = bits % 3 == 0 ? -0.0F : 0.0F; break;
      case special: x = kSpecial[bits % std::size(kSpecial)]; break;
      case relu: x = drawn > 0 ? drawn : 0; break;
      default: x = drawn;
    }
  }
  return values;
}

// Sequences of these lengths under every selection at once.
void check_selections(Pattern pattern, const std::vector<int>& lengths, int dim, uint k, int ranks,
                      std::mt19937& random) {
  std::vector<std::int32_t> offsets = {0};
  std::vector<std::uint32_t> asked;
  std::vector<float> levels;
  for (const int length : lengths) {
    offsets.push_back(offsets.back() + length);
    const auto n = static_cast<std::uint32_t>(length * dim);
    for (int q = 0; q < ranks; ++q) asked.push_back(static_cast<std::uint32_t>(random()) % (n + 1));
    levels.insert(levels.end(), {9, random() % 3 == 0 ? 0.0F : 0.5F});
  }
  const auto sequences = static_cast<std::int64_t>(lengths.size());
  const std::int64_t rows = offsets.back();
  Case c;
  const Value x = c.input(DType::f32, Shape{rows, dim},
                          draw(pattern, static_cast<std::size_t>(rows * dim), random));
  const Value starts = c.input(DType::i32, Shape{sequences + 1}, offsets);
  const Value rank = c.input(DType::u32, Shape{sequences, ranks}, asked);
  const Value level = c.input(DType::f32, Shape{sequences, 2}, levels);
  c.builder.max_abs(x, starts, "max");
  c.builder.top_k_abs(x, starts, k, "top");
  c.builder.quantile_abs(x, starts, rank, "quantile");
  c.builder.above_abs(x, starts, level, {.capacity = 7, .level_column = 1, .ratio = 2, .floor = 1},
                      "above");
  c.builder.channel_max_abs(x, starts, "channel");
  c.builder.token_max_abs(x, "token");
  expect_equal_to_reference(c, "pattern " + std::to_string(pattern) + ", width " +
                                   std::to_string(dim) + ", rows " + std::to_string(rows));
}

TEST(CpuSelection, AgreesWithTheReferenceBitForBit) {
  std::mt19937 random(5);
  for (int pattern = 0; pattern < kPatterns; ++pattern) {
    const auto p = static_cast<Pattern>(pattern);
    check_selections(p, {1}, 1, 1, 1, random);
    check_selections(p, {3, 0, 5}, 37, 40, 20, random);  // more ranks than one pass finds
    check_selections(p, {0, 2}, 16, 70, 3, random);      // more places than elements
    check_selections(p, {90}, 513, 32, 9, random);       // shared by the threads
    check_selections(p, std::vector<int>(13, 4), 65, 5, 2, random);  // a sequence for each
  }
}

// A row's result is the same bits alone as among others.
TEST(CpuRows, DoNotDependOnTheirNeighbours) {
  constexpr int kRows = 9;
  constexpr int kWidth = 1003;
  std::mt19937 random(6);
  const auto all = draw(normal, kRows * kWidth, random);
  const auto weight = draw(normal, kWidth, random);
  const auto outputs = [&](Backend& backend, const std::vector<float>& x) {
    const auto rows = static_cast<std::int64_t>(x.size()) / kWidth;
    std::vector<float> state;
    for (std::int64_t r = 0; r < rows; ++r) state.insert(state.end(), {0.5F, 2, 0});
    Case c;
    const Value in = c.input(DType::f32, Shape{rows, kWidth}, x);
    const Value w = c.input(DType::f32, Shape{kWidth}, weight);
    const Value target = c.input(DType::i32, Shape{rows},
                                 std::vector<std::int32_t>(static_cast<std::size_t>(rows), 3));
    const Value before = c.input(DType::f32, Shape{rows, 3}, state);
    c.builder.rms_norm(in, w, 1e-5F, "rms_norm");
    c.builder.layer_norm(in, w, w, 1e-5F, "layer_norm");
    c.builder.l2_norm(in, "l2_norm");
    c.builder.cross_entropy(in, target, before, 0, "cross_entropy");
    c.builder.act(in, TEPUI_ACT_GELU_ERF, "act");
    const Program program = finish(c);
    std::vector<Bytes> found = run_on(backend, program, c.data);
    found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(c.data.size()));
    return found;
  };
  for (const auto& backend : cpu_backends()) {
    const std::vector<Bytes> whole = outputs(*backend, all);
    for (int r = 0; r < kRows; ++r) {
      const std::vector<Bytes> alone =
          outputs(*backend, {all.begin() + r * kWidth, all.begin() + (r + 1) * kWidth});
      for (std::size_t i = 0; i < alone.size(); ++i) {
        const std::size_t size = alone[i].size();
        EXPECT_EQ(0, std::memcmp(alone[i].data(),
                                 whole[i].data() + size * static_cast<std::size_t>(r), size))
            << "output " << i << " of row " << r << " on " << backend->device().isa;
      }
    }
  }
}

TEST(CpuRows, AFirstTileOfMinusInfinityIsNothing) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Case c;
  const Value logits =
      c.input<float>(DType::f32, Shape{2, 3}, {-kInf, -kInf, -kInf, 3e38F, -kInf, 1});
  const Value target = c.input<std::int32_t>(DType::i32, Shape{2}, {1, -1});
  const Value state = c.input<float>(DType::f32, Shape{2, 3}, {-kInf, 0, 0, -kInf, 0, 0});
  c.builder.cross_entropy(logits, target, state, 0, "state");
  expect_equal_to_reference(c, "cross_entropy");
}

}  // namespace
}  // namespace tepui
