// SPDX-License-Identifier: MIT
// Probes trained on a hundred times more rows than may lie in memory: time, and what the process
// took at most. `probe_bench [MiB of rows in memory] [times]`
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "base/draws.h"
#include "base/process_memory.h"
#include "train/closed_form.h"
#include "train/features.h"
#include "train/logistic.h"
#include "train/row_spill.h"

namespace tepui {
namespace {

constexpr int kWidth = 256;

Status run(std::uint64_t budget, std::uint64_t times) {
  const std::uint64_t rows = budget * times / (kWidth * sizeof(float));
  SpillBudget spill{budget, budget * times * 2, std::filesystem::current_path(), 0, 0};
  RowSpill stored(kWidth, spill);
  std::mt19937_64 random(1);
  std::vector<int> labels;
  std::vector<double> values;
  std::vector<float> row(kWidth);
  const std::uint64_t before = peak_resident_bytes();
  for (std::uint64_t r = 0; r < rows; ++r) {
    for (float& x : row) x = static_cast<float>(2 * draw_unit(random) - 1);
    labels.push_back(row[0] + row[1] > 0 ? 1 : 0);
    values.push_back(double{row[2]});
    TEPUI_TRY(stored.append(row));
  }
  ThreadPool pool(ThreadPool::hardware_threads());
  std::vector<std::int64_t> all(rows);
  for (std::size_t i = 0; i < rows; ++i) all[i] = static_cast<std::int64_t>(i);
  const auto timed = [&](const char* what, const auto& body) -> Status {
    const auto start = std::chrono::steady_clock::now();
    TEPUI_TRY(body());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fmt::print("{:<24} {:6.1f} s, at most {} MiB\n", what, seconds.count(),
               peak_resident_bytes() >> 20);
    return {};
  };
  fmt::print("{} rows of {}: {} MiB, {} of them in memory; the process took {} MiB before\n", rows,
             kWidth, (rows * kWidth * sizeof(float)) >> 20, budget >> 20, before >> 20);
  TEPUI_TRY(timed("ridge, one pass", [&]() -> Status {
    TEPUI_TRY(fit_ridge({&stored, Targets{{}, {}, values}}, 1e-3, &pool));
    return {};
  }));
  return timed("logistic, standardised", [&]() -> Status {
    TEPUI_TRY(const FeatureSpec spec, parse_features("standardised", "features"));
    TEPUI_TRY(const FeatureMap map, learn_features(spec, {}, stored, all, &pool));
    TEPUI_TRY(const auto mapped, mapped_rows(stored, all, map, budget));
    HostNetLossFactory losses;
    TEPUI_TRY(const LogisticFit fit,
              fit_logistic(losses, {mapped.get(), Targets{labels, {}, {}}}, 2, 1e-3, {}, &pool));
    fmt::print("{} iterations, gradient {:.1e} of that at the start\n", fit.minimum.iterations,
               fit.minimum.gradient_norm);
    return {};
  });
}

}  // namespace
}  // namespace tepui

int main(int argc, char** argv) {
  const std::uint64_t mib = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 8;
  const std::uint64_t times = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  const auto status = tepui::run(mib << 20, times);
  if (!status) fmt::print(stderr, "{}\n", status.error().message);
  return status ? 0 : 1;
}
