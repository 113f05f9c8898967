// SPDX-License-Identifier: MIT
// The CPU kernels of linear layers and attention on every instruction set of this machine: within
// their bounds, and law 2: the same bits for any number of rows, threads and neighbours.
#include <cmath>
#include <limits>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/isa.h"
#include "run_step.h"

namespace tepui::test {
namespace {

std::unique_ptr<Backend> cpu(const std::string& isa, int threads = 2) {
  BackendOptions options;
  options.isa = isa;
  options.threads = threads;
  return make_cpu_backend(options).value();
}

std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (const cpu::KernelTable* table : cpu::usable_kernels()) names.emplace_back(table->isa);
  return names;
}

Operand packed(std::int64_t n, std::int64_t k, unsigned seed) {
  Operand weight = random_operand({n, k}, seed);
  weight.type.dtype = DType::packed;
  return weight;
}

std::uint32_t u(std::int64_t value) { return static_cast<std::uint32_t>(value); }

struct LinearCase {
  std::int64_t rows, n, k;
  std::uint32_t act;
  bool bias, residual;
};

std::vector<Operand> operands(const LinearCase& c) {
  std::vector<Operand> in = {random_operand({c.rows, c.k}, 1), packed(c.n, c.k, 2), {}, {}};
  if (c.bias) in[2] = random_operand({c.n}, 3);
  if (c.residual) in[3] = random_operand({c.rows, c.n}, 4);
  return in;
}

class CpuIsa : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Isa, CpuIsa, testing::ValuesIn(isas()),
                         [](const auto& info) { return info.param; });

TEST_P(CpuIsa, LinearIsWithinItsBound) {
  const auto backend = cpu(GetParam());
  for (const LinearCase& c : {LinearCase{1, 1, 1, TEPUI_ACT_NONE, false, false},
                              {1, 33, 300, TEPUI_ACT_NONE, true, true},
                              {3, 31, 257, TEPUI_ACT_SILU, false, true},
                              {13, 65, 512, TEPUI_ACT_GELU_ERF, true, false},
                              {40, 100, 700, TEPUI_ACT_GELU_TANH, true, true},
                              {400, 48, 30, TEPUI_ACT_RELU, false, false},
                              {25, 1000, 64, TEPUI_ACT_NONE, true, false}}) {
    const auto in = operands(c);
    const LinearParams params{u(c.rows), u(c.n), u(c.k), c.act};
    const Floats result = run_step(*backend, OpCode::linear, in, params);
    EXPECT_EQ(outside(OpCode::linear, in, params, result), 0)
        << c.rows << " rows, n " << c.n << ", k " << c.k;
  }
}

// A weight of zero meets a massive activation: its row must not lose the small terms beside it.
TEST_P(CpuIsa, LinearKeepsSmallTermsBesideAMassiveOne) {
  const auto backend = cpu(GetParam());
  auto in = operands({5, 70, 300, TEPUI_ACT_NONE, false, false});
  for (int r = 0; r < 5; ++r) reinterpret_cast<float*>(in[0].bytes.data())[r * 300 + 17] = 1e6F;
  for (int n = 0; n < 70; ++n) reinterpret_cast<float*>(in[1].bytes.data())[n * 300 + 17] = 0;
  const LinearParams params{5, 70, 300, TEPUI_ACT_NONE};
  EXPECT_EQ(outside(OpCode::linear, in, params, run_step(*backend, OpCode::linear, in, params)), 0);
}

// A few of a matrix's rows.
Operand last_rows(const Operand& from, std::int64_t rows) {
  const std::int64_t width = from.type.shape[1];
  const auto* end = reinterpret_cast<const float*>(from.bytes.data() + from.bytes.size());
  return operand(DType::f32, {rows, width}, Floats(end - rows * width, end));
}

// The second is too deep for a thread's rows to be copied whole.
TEST_P(CpuIsa, LinearBitsDependOnNeitherRowsNorThreads) {
  for (const LinearCase& all :
       {LinearCase{401, 144, 600, TEPUI_ACT_SILU, true, true}, {401, 40, 2050, 0, true, true}}) {
    const auto in = operands(all);
    const auto params = [&](std::int64_t rows) {
      return LinearParams{u(rows), u(all.n), u(all.k), all.act};
    };
    const auto backend = cpu(GetParam(), 2);
    const Floats whole = run_step(*backend, OpCode::linear, in, params(all.rows));
    for (const int threads : {1, 3})
      EXPECT_EQ(run_step(*cpu(GetParam(), threads), OpCode::linear, in, params(all.rows)), whole)
          << threads << " threads";
    for (const std::int64_t rows : {1, 2, 3, 5, 12, 13, 100}) {
      auto some = in;
      some[0] = last_rows(in[0], rows);
      some[3] = last_rows(in[3], rows);
      const Floats part = run_step(*backend, OpCode::linear, some, params(rows));
      EXPECT_EQ(part, Floats(whole.end() - rows * all.n, whole.end())) << rows << " rows";
    }
  }
}

struct AttentionCase {
  std::vector<std::int32_t> offsets;
  std::uint32_t heads, kv_heads, head_dim;
  float scale;

  AttentionParams params() const {
    return {u(offsets.back()), heads, kv_heads, head_dim, u(std::ssize(offsets) - 1), scale};
  }
  std::vector<Operand> operands() const {
    const std::int64_t rows = offsets.back();
    const std::int64_t keys = kv_heads * head_dim;
    return {random_operand({rows, heads * head_dim}, 1, 2.0F),
            random_operand({rows, keys}, 2),
            random_operand({rows, keys}, 3),
            operand(DType::i32, {std::ssize(offsets)}, offsets),
            {},
            {}};
  }
};

TEST_P(CpuIsa, AttentionIsWithinItsBound) {
  const auto backend = cpu(GetParam());
  for (const AttentionCase& c : {AttentionCase{{0, 1}, 1, 1, 1, 1.0F},
                                 {{0, 5, 5, 40}, 4, 2, 7, 0.3F},
                                 {{0, 300, 317}, 6, 2, 16, 0.25F},
                                 {{0, 97}, 3, 3, 65, 0.125F},
                                 {{0, 20, 50}, 2, 1, 300, -0.05F},
                                 {{0, 600}, 2, 1, 32, 0.5F}}) {
    const auto in = c.operands();
    const Floats result = run_step(*backend, OpCode::attention, in, c.params());
    EXPECT_EQ(outside(OpCode::attention, in, c.params(), result), 0)
        << c.offsets.back() << " rows, head size " << c.head_dim;
  }
}

// Rows [first, first + count) of q, k and v as a sequence of their own.
std::vector<Operand> rows_of(const AttentionCase& c, const std::vector<Operand>& in, int first,
                             int count) {
  std::vector<Operand> out = in;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto width = in[i].type.shape[1];
    const auto* values = reinterpret_cast<const float*>(in[i].bytes.data()) + first * width;
    out[i] = operand(DType::f32, {count, width}, Floats(values, values + count * width));
  }
  out[3] = operand(DType::i32, {2}, std::vector<std::int32_t>{0, count});
  (void)c;
  return out;
}

TEST_P(CpuIsa, AttentionBitsDependOnNeitherNeighboursNorThreads) {
  const AttentionCase all{{0, 530, 537, 800}, 4, 2, 40, 0.2F};
  const auto in = all.operands();
  const auto backend = cpu(GetParam(), 2);
  const Floats whole = run_step(*backend, OpCode::attention, in, all.params());
  for (const int threads : {1, 3})
    EXPECT_EQ(run_step(*cpu(GetParam(), threads), OpCode::attention, in, all.params()), whole);
  const auto width = static_cast<int>(all.heads * all.head_dim);
  for (std::size_t s = 0; s + 1 < all.offsets.size(); ++s) {
    const int first = all.offsets[s];
    for (const int count : {1, 2, 7, 255, 256, 257, 300, all.offsets[s + 1] - first}) {
      if (first + count > all.offsets[s + 1]) continue;
      AttentionCase alone = all;
      alone.offsets = {0, count};
      const Floats part =
          run_step(*backend, OpCode::attention, rows_of(all, in, first, count), alone.params());
      EXPECT_EQ(part,
                Floats(whole.begin() + first * width, whole.begin() + (first + count) * width))
          << "sequence " << s << ", its first " << count << " rows";
    }
  }
}

// What lies past the diagonal contributes nothing, not even a NaN.
TEST_P(CpuIsa, AttentionNeverReadsTheFuture) {
  const AttentionCase c{{0, 290}, 2, 1, 24, 0.2F};
  auto in = c.operands();
  const auto backend = cpu(GetParam());
  const Floats clean = run_step(*backend, OpCode::attention, in, c.params());
  constexpr int kBad = 270;
  for (const std::size_t i : {1U, 2U})
    reinterpret_cast<float*>(in[i].bytes.data())[kBad * 24 + 5] =
        i == 1 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  const Floats result = run_step(*backend, OpCode::attention, in, c.params());
  EXPECT_EQ(Floats(result.begin(), result.begin() + kBad * 48),
            Floats(clean.begin(), clean.begin() + kBad * 48));
  for (int r = kBad; r < 290; ++r)
    EXPECT_TRUE(std::isnan(result[static_cast<std::size_t>(r) * 48]));
}

TEST(CpuIsaPair, Avx2AndAvx512GiveTheSameBits) {
  const auto names = isas();
  if (names.back() != "avx512") GTEST_SKIP() << "this processor has no AVX-512";
  const LinearCase c{37, 90, 700, TEPUI_ACT_GELU_ERF, true, true};
  const LinearParams linear{37, 90, 700, TEPUI_ACT_GELU_ERF};
  EXPECT_EQ(run_step(*cpu("avx2"), OpCode::linear, operands(c), linear),
            run_step(*cpu("avx512"), OpCode::linear, operands(c), linear));
  const AttentionCase a{{0, 300, 333}, 4, 2, 48, 0.2F};
  EXPECT_EQ(run_step(*cpu("avx2"), OpCode::attention, a.operands(), a.params()),
            run_step(*cpu("avx512"), OpCode::attention, a.operands(), a.params()));
}

// Stored dtypes, unaligned bytes, transposed and strided sources: the same products as from f32.
TEST_P(CpuIsa, PackReadsEveryLayout) {
  const auto backend = cpu(GetParam());
  constexpr std::uint32_t kN = 70, kK = 37, kStride = 90, kOffset = 3;
  for (const bool transposed : {false, true}) {
    const std::uint32_t lines = transposed ? kK : kN;
    Bytes stored(1 + 2 * (lines + 1) * kStride);
    Operand weight{{DType::packed, {kN, kK}}, Bytes(kN * kK * 4)};
    for (std::uint32_t n = 0; n < kN; ++n)
      for (std::uint32_t k = 0; k < kK; ++k) {
        const auto value = static_cast<float>(static_cast<int>(n * 31 + k * 17) % 64 - 32) / 8;
        const auto bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
        const std::size_t at = kOffset + (transposed ? k * kStride + n : n * kStride + k);
        std::memcpy(stored.data() + 1 + 2 * at, &bits, 2);
        std::memcpy(weight.bytes.data() + 4 * (n * kK + k), &value, 4);
      }
    Program program;
    program.values = {{{DType::bf16, {lines + 1, kStride}}, Role::weight, "stored"},
                      {{DType::packed_bf16, {kN, kK}}, Role::temp, "packed"},
                      {{DType::f32, {2, kK}}, Role::input, "x"},
                      {{DType::f32, {2, kN}}, Role::output, "out"}};
    const PackParams pack{kN, kK, kOffset, kStride, transposed ? 1U : 0U};
    program.steps = {{OpCode::pack, {{0}}, {{1}}, ParamBytes(pack)},
                     {OpCode::linear,
                      {{2}, {1}, kNone, kNone},
                      {{3}},
                      ParamBytes(LinearParams{2, kN, kK, TEPUI_ACT_NONE})}};
    const Operand x = random_operand({2, kK}, 9);
    const Buffer source = backend->adopt(std::span(stored).subspan(1)).value();
    const Buffer rows = backend->adopt(x.bytes).value();
    const Buffer out = backend->allocate(2 * kN * 4, Memory::device).value();
    auto prepared = backend->prepare(program);
    ASSERT_TRUE(prepared) << prepared.error().message;
    const Bindings bindings = {
        BufferSlice::whole(source), {}, BufferSlice::whole(rows), BufferSlice::whole(out)};
    ASSERT_TRUE(backend->wait(backend->run(**prepared, bindings, {})));
    Floats result(2 * kN);
    backend->download(std::as_writable_bytes(std::span(result)), BufferSlice::whole(out), {});
    const std::vector<Operand> in = {x, weight, {}, {}};
    const LinearParams linear{2, kN, kK, TEPUI_ACT_NONE};
    EXPECT_EQ(result, run_step(*backend, OpCode::linear, in, linear)) << transposed;
  }
}

}  // namespace
}  // namespace tepui::test
