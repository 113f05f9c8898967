// SPDX-License-Identifier: MIT
// Causal attention at the shapes of models of 15M to 8B parameters: GFLOP/s of the causal half of
// both products, and their share of the FMA rate measured just before and after. Softmax and the
// copies count as time, not as work.
// Then one query a head behind so many keys: the bytes of these and their values a second, and
// their share of what a plain sum reads.
//   attention_bench [isa [longest]]    sequences of at most so many positions (default: all)
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "backend/cpu/calibrate.h"
#include "backend/registry.h"
#include "ops/builder.h"

namespace {

using namespace tepui;

struct Case {
  std::uint32_t heads, kv_heads, head_dim;
  std::int32_t length, sequences;
};

constexpr Case kCases[] = {
    {6, 6, 48, 256, 8},  {9, 3, 64, 512, 1},   {9, 3, 64, 512, 4},   {9, 3, 64, 2048, 1},
    {9, 3, 64, 8192, 1}, {12, 12, 64, 512, 1}, {32, 4, 64, 2048, 1}, {32, 8, 128, 2048, 1},
};

struct Continued {
  Case shape;
  int copies;  // of keys and values
};

constexpr Continued kContinued[] = {
    {{2, 2, 64, 256, 1}, 1},    {{12, 12, 64, 512, 1}, 64},  {{12, 12, 64, 2048, 1}, 16},
    {{32, 4, 64, 512, 1}, 128}, {{32, 8, 128, 2048, 1}, 16},
};

Buffer random_buffer(Backend& backend, std::int64_t count) {
  std::minstd_rand random(3);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values)
    value = static_cast<float>(random()) / static_cast<float>(std::minstd_rand::max()) - 0.5F;
  Buffer buffer = backend.allocate(values.size() * sizeof(float), Memory::device).value();
  backend.upload(BufferSlice::whole(buffer), std::as_bytes(std::span(values)), {});
  return buffer;
}

void print_row(const Case& c, int copies, std::vector<double> rates, std::vector<double> shares) {
  std::ranges::sort(rates);
  std::ranges::sort(shares);
  fmt::print("{:3} {:3} {:4} {:6} x {:2} | {:6.1f} {:4.0f} % ({:.0f}-{:.0f})\n", c.heads,
             c.kv_heads, c.head_dim, c.length, copies, rates[rates.size() / 2],
             shares[shares.size() / 2], shares.front(), shares.back());
}

// One query of each head behind so many kept keys, as when a text is continued token by token: the
// bytes of keys and values that are read in a second, and their share of the rate at which a plain
// sum reads as many. `copies` of them stand in turn, more than caches hold.
void measure_one(Backend& backend, ThreadPool& pool, const Case& c, int copies) {
  const std::int64_t queries = std::int64_t{c.heads} * c.head_dim;
  const std::int64_t rows = std::int64_t{c.kv_heads} * c.length;
  Builder builder;
  const Value q = builder.input({DType::f32, {1, queries}}, "q");
  const Value k = builder.input({DType::f32, {rows, c.head_dim}}, "k");
  const Value v = builder.input({DType::f32, {rows, c.head_dim}}, "v");
  const Value at = builder.input({DType::i32, {3, 2}}, "offsets");
  builder.mark_output(
      builder.attention(q, k, v, at, kNone, {c.heads, c.kv_heads, c.head_dim, 0.125F}, "z"));
  const Program program = builder.finish().value();
  const std::int32_t offsets[] = {0, 1, 0, c.length, c.length, 0};
  const Buffer rows_of_q = random_buffer(backend, queries);
  const Buffer out = random_buffer(backend, queries);
  const Buffer where = backend.adopt(std::as_bytes(std::span(offsets))).value();
  std::vector<Buffer> kept;
  kept.reserve(2 * static_cast<std::size_t>(copies));  // slices refer to them
  std::vector<Bindings> bindings;
  for (int i = 0; i < copies; ++i) {
    kept.push_back(random_buffer(backend, rows * c.head_dim));
    kept.push_back(random_buffer(backend, rows * c.head_dim));
    bindings.push_back({BufferSlice::whole(rows_of_q), BufferSlice::whole(*(kept.end() - 2)),
                        BufferSlice::whole(kept.back()), BufferSlice::whole(where),
                        BufferSlice::whole(out)});
  }
  const auto prepared = backend.prepare(program).value();
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(rows) * c.head_dim * copies;
  const auto read = [&] {
    return read_rate(pool, backend.device().isa, static_cast<std::size_t>(bytes));
  };
  std::vector<double> rates, shares;
  for (int round = -1; round < 7; ++round) {
    const double before = read();
    const double begin = seconds_now();
    int calls = 0;
    for (; seconds_now() - begin < 0.02; ++calls) {
      for (const Bindings& binding : bindings) (void)backend.run(*prepared, binding, {});
    }
    const double rate = bytes * calls / (seconds_now() - begin);
    const double after = read();
    if (round < 0) continue;  // warms up
    rates.push_back(rate / 1e9);
    shares.push_back(200 * rate / (before + after));
  }
  print_row(c, copies, std::move(rates), std::move(shares));
}

void measure(Backend& backend, ThreadPool& pool, const Case& c) {
  const std::int64_t rows = std::int64_t{c.length} * c.sequences;
  const std::int64_t queries = std::int64_t{c.heads} * c.head_dim;
  const std::int64_t keys = std::int64_t{c.kv_heads} * c.head_dim;
  std::vector<std::int32_t> offsets;
  for (std::int32_t s = 0; s <= c.sequences; ++s) offsets.push_back(s * c.length);
  Builder builder;
  const Value q = builder.input({DType::f32, {rows, queries}}, "q");
  const Value k = builder.input({DType::f32, {rows, keys}}, "k");
  const Value v = builder.input({DType::f32, {rows, keys}}, "v");
  const Value at = builder.input({DType::i32, {c.sequences + 1}}, "offsets");
  builder.mark_output(
      builder.attention(q, k, v, at, kNone, {c.heads, c.kv_heads, c.head_dim, 0.125F}, "z"));
  const Program program = builder.finish().value();
  std::vector<Buffer> buffers;
  for (const std::int64_t width : {queries, keys, keys})
    buffers.push_back(random_buffer(backend, rows * width));
  buffers.push_back(backend.adopt(std::as_bytes(std::span(offsets))).value());
  buffers.push_back(random_buffer(backend, rows * queries));
  Bindings bindings;
  for (const Buffer& buffer : buffers) bindings.push_back(BufferSlice::whole(buffer));
  const auto prepared = backend.prepare(program).value();
  const double length = c.length;
  const double flops = 4.0 * c.sequences * c.heads * c.head_dim * length * (length + 1) / 2;
  std::vector<double> rates, shares;
  for (int round = -1; round < 7; ++round) {
    const double before = fma_rate(pool, backend.device().isa);
    const int calls = std::max(1, static_cast<int>(0.02 * 0.5 * before / flops));
    const double begin = seconds_now();
    for (int i = 0; i < calls; ++i) (void)backend.run(*prepared, bindings, {});
    const double rate = flops * calls / (seconds_now() - begin);
    const double after = fma_rate(pool, backend.device().isa);
    if (round < 0) continue;  // warms up
    rates.push_back(rate / 1e9);
    shares.push_back(200 * rate / (before + after));
  }
  print_row(c, c.sequences, std::move(rates), std::move(shares));
}

}  // namespace

int main(int argc, char** argv) {
  BackendOptions options;
  if (argc > 1) options.isa = argv[1];
  const int longest = argc > 2 ? std::atoi(argv[2]) : std::numeric_limits<int>::max();
  const auto made = make_backend("cpu", options);
  if (!made) {
    fmt::print(stderr, "{}\n", made.error().message);
    return 2;
  }
  Backend& backend = **made;
  ThreadPool pool(ThreadPool::hardware_threads());
  fmt::print("{}: {}\n", backend.device().name, backend.device().detail);
  fmt::print("heads, of keys, size, positions x sequences | GFLOP/s, share of FMA rate\n");
  for (const Case& c : kCases)
    if (c.length <= longest) measure(backend, pool, c);
  fmt::print(
      "\none query a head: heads, of keys, size, keys x copies | GB/s, share of a plain sum\n");
  for (const auto& [c, copies] : kContinued)
    if (c.length <= longest) measure_one(backend, pool, c, copies);
  return 0;
}
