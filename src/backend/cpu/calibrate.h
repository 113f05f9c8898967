// SPDX-License-Identifier: MIT
// The rate of fused multiply-adds on registers alone, on all threads: what every figure of a
// machine whose clock wanders is divided by. One loop per instruction set, chosen by its name.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/thread_pool.h"
#include "base/value_memory.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tepui {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A loop of `rounds` x 12 multiply-adds that wait for nothing but themselves; returns their FLOPs.
using FmaLoop = double (*)(std::int64_t rounds);

#if defined(__clang__)
#define TEPUI_CALIBRATE_UNROLL _Pragma("unroll")
#else
#define TEPUI_CALIBRATE_UNROLL _Pragma("GCC unroll 12")
#endif

#if defined(__x86_64__)
#define TEPUI_CALIBRATE_FMA_LOOP(name, isa, Vector, lanes, set1, fma)                         \
  [[gnu::target(isa)]] inline double name(std::int64_t rounds) {                              \
    const Vector x = set1(0.999F);                                                            \
    Vector sum[12];                                                                           \
    for (int i = 0; i < 12; ++i) sum[i] = set1(static_cast<float>(i)); /* no two are alike */ \
    for (std::int64_t round = 0; round < rounds; ++round) {                                   \
      TEPUI_CALIBRATE_UNROLL for (int i = 0; i < 12; ++i) sum[i] = fma(sum[i], x, x);         \
    }                                                                                         \
    for (int i = 0; i < 12; ++i) asm volatile("" : : "x"(sum[i]));                            \
    return 2.0 * 12.0 * lanes * static_cast<double>(rounds);                                  \
  }
TEPUI_CALIBRATE_FMA_LOOP(fma_loop_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps)
TEPUI_CALIBRATE_FMA_LOOP(fma_loop_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps)
#undef TEPUI_CALIBRATE_FMA_LOOP
#endif

// Without a fused one: a multiplication and an addition.
inline double fma_loop_portable(std::int64_t rounds) {
  typedef float V __attribute__((vector_size(16)));
  const V x = {0.999F, 0.999F, 0.999F, 0.999F};
  V sum[8];
  for (int i = 0; i < 8; ++i) sum[i] = x * static_cast<float>(i);
  for (std::int64_t round = 0; round < rounds; ++round) {
    TEPUI_CALIBRATE_UNROLL for (int i = 0; i < 8; ++i) sum[i] = sum[i] * x + x;
  }
  for (int i = 0; i < 8; ++i) asm volatile("" : : "m"(sum[i]));
  return 2.0 * 8.0 * 4.0 * static_cast<double>(rounds);
}

inline FmaLoop fma_loop(std::string_view isa) {
#if defined(__x86_64__)
  if (isa == "avx512") return fma_loop_avx512;
  if (isa == "avx2") return fma_loop_avx2;
#endif
  return isa.empty() ? nullptr : fma_loop_portable;
}

// FLOP/s of all threads of the pool, over about 10 ms.
inline double fma_rate(ThreadPool& pool, std::string_view isa) {
  constexpr std::int64_t kRounds = 200000;
  constexpr std::int64_t kPieces = 4;
  const FmaLoop loop = fma_loop(isa);
  std::atomic<double> flops = 0;
  const double begin = seconds_now();
  pool.for_each(kPieces * pool.size(), [&](std::int64_t, int) { flops += loop(kRounds); });
  return flops / (seconds_now() - begin);
}

// Sums x, whose size is a multiple of 128, in eight registers.
using SumLoop = float (*)(const float* x, std::size_t count);

#if defined(__x86_64__)
#define TEPUI_CALIBRATE_SUM_LOOP(name, isa, Vector, lanes, load, add)                        \
  [[gnu::target(isa)]] inline float name(const float* x, std::size_t count) {                \
    Vector sums[8] = {};                                                                     \
    for (std::size_t i = 0; i < count; i += 8 * (lanes))                                     \
      for (std::size_t r = 0; r < 8; ++r) sums[r] = add(sums[r], load(x + i + r * (lanes))); \
    float all = 0;                                                                           \
    for (const Vector& sum : sums) all += sum[0] + sum[1];                                   \
    return all;                                                                              \
  }
TEPUI_CALIBRATE_SUM_LOOP(sum_loop_avx512, "avx512f", __m512, 16, _mm512_loadu_ps, _mm512_add_ps)
TEPUI_CALIBRATE_SUM_LOOP(sum_loop_avx2, "avx2", __m256, 8, _mm256_loadu_ps, _mm256_add_ps)
#undef TEPUI_CALIBRATE_SUM_LOOP
#endif

inline float sum_loop_portable(const float* x, std::size_t count) {
  float sums[32] = {};
  for (std::size_t i = 0; i < count; i += 32)
    for (std::size_t lane = 0; lane < 32; ++lane) sums[lane] += x[i + lane];
  float all = 0;
  for (const float sum : sums) all += sum;
  return all;
}

inline SumLoop sum_loop(std::string_view isa) {
#if defined(__x86_64__)
  if (isa == "avx512") return sum_loop_avx512;
  if (isa == "avx2") return sum_loop_avx2;
#endif
  return isa.empty() ? nullptr : sum_loop_portable;
}

// Bytes per second at which all threads of the pool read so many aligned bytes: a plain sum, again
// and again for about 20 ms, so that they are as warm as their size allows.
inline double read_rate(ThreadPool& pool, std::string_view isa, std::size_t bytes) {
  constexpr std::int64_t kPieces = 8;
  const std::size_t piece_size = bytes / sizeof(float) / kPieces / 128 * 128;
  const SumLoop loop = sum_loop(isa);
  const ValueMemory memory = allocate_values(kPieces * piece_size * sizeof(float));
  if (memory == nullptr)
    return bytes < (std::size_t{1} << 20) ? 0 : read_rate(pool, isa, bytes / 2);
  auto* const x = reinterpret_cast<float*>(memory.get());
  std::fill_n(x, kPieces * piece_size, 0.0F);
  std::atomic<float> keep = 0;
  const auto sum_all = [&] {
    pool.for_each(kPieces, [&](std::int64_t piece, int) {
      keep.store(loop(x + static_cast<std::size_t>(piece) * piece_size, piece_size),
                 std::memory_order_relaxed);
    });
  };
  sum_all();
  double passes = 0;
  const double begin = seconds_now();
  while (seconds_now() - begin < 0.02) {
    sum_all();
    ++passes;
  }
  return passes * static_cast<double>(kPieces) * static_cast<double>(piece_size) * sizeof(float) /
         (seconds_now() - begin);
}

}  // namespace tepui
