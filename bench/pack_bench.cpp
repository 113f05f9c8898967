// SPDX-License-Identifier: MIT
// How fast stored matrices are packed, by dtype and layout: GB/s of what is read and written, and
// the share of the rate at which the same threads read the source (f32) alone. Usage: pack_bench
// [threads]
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "backend/cpu/calibrate.h"
#include "backend/registry.h"
#include "ops/builder.h"

namespace tepui {
namespace {

constexpr std::int64_t kN = 4096;
constexpr std::int64_t kK = 2048;
constexpr int kRounds = 7;

Status pack_row(Backend& backend, int threads, DType dtype, bool transposed) {
  Builder builder;
  const TensorType stored{dtype, transposed ? Shape{kK, kN} : Shape{kN, kK}};
  const Value from = builder.weight(stored, "stored");
  const Value to = builder.pack(from, transposed, "packed");
  builder.mark_output(to);
  TEPUI_TRY(const Program program, builder.finish());
  TEPUI_TRY(const auto prepared, backend.prepare(program));
  const std::vector<std::byte> data(stored.bytes(), std::byte{0x3c});
  TEPUI_TRY(const Buffer source, backend.adopt(data));
  const std::size_t packed_bytes = backend.storage_bytes(program.type_of(to));
  TEPUI_TRY(const Buffer target, backend.allocate(packed_bytes, Memory::device));
  Bindings bindings(program.values.size());
  bindings[from.id] = BufferSlice::whole(source);
  bindings[to.id] = BufferSlice::whole(target);
  ThreadPool pool(threads);
  std::vector<double> rates;
  std::vector<double> shares;
  for (int round = 0; round <= kRounds; ++round) {
    const double peak = read_rate(pool, backend.device().isa, kN * kK * sizeof(float));
    const double begin = seconds_now();
    TEPUI_TRY(backend.wait(backend.run(*prepared, bindings, {})));
    const double rate = static_cast<double>(data.size() + packed_bytes) / (seconds_now() - begin);
    if (round == 0) continue;  // touches the target's pages
    rates.push_back(rate * 1e-9);
    shares.push_back(rate / peak);
  }
  std::ranges::sort(rates);
  std::ranges::sort(shares);
  fmt::print("{:<5} {:<11} {:>8.1f} GB/s {:>5.0f} % of reading\n", dtype_name(dtype),
             transposed ? "transposed" : "as it is", rates[kRounds / 2], 100 * shares[kRounds / 2]);
  return {};
}

Status run(int threads) {
  BackendOptions options;
  options.threads = threads;
  TEPUI_TRY(const auto backend, make_backend("cpu", options));
  fmt::print("pack [{}, {}], {}\n", kN, kK, backend->device().detail);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const bool transposed : {false, true})
      TEPUI_TRY(pack_row(*backend, threads, dtype, transposed));
  }
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q5_1, DType::q2_k, DType::q3_k,
                            DType::q4_k, DType::q5_k, DType::q6_k})
    TEPUI_TRY(pack_row(*backend, threads, dtype, false));
  return {};
}

}  // namespace
}  // namespace tepui

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : tepui::ThreadPool::hardware_threads();
  const tepui::Status status = tepui::run(std::max(1, threads));
  if (!status) fmt::print(stderr, "pack_bench: {}\n", status.error().message);
  return status ? 0 : 1;
}
