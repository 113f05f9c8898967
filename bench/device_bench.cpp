// SPDX-License-Identifier: MIT
// Times every op on a Vulkan device by the device's own clock, beside what the device reaches at
// best: multiply-adds on registers or a large copy (each operand counted once), whichever would
// keep the op longer. Each op is first checked against its reference, at the smaller shapes.
// On a software device the figures say nothing about speed.
// Usage: device_bench [vulkan[:N]] [NAME...]
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "backend/vulkan/vulkan_backend.h"
#include "op_cases.h"

namespace tepui::bench {
namespace {

constexpr int kRounds = 7;
constexpr double kWarm = 0.2;                 // seconds of work before a GPU's clock is up
constexpr std::int64_t kMostChecked = 65536;  // elements of x beyond which references take long

struct Times {
  double device = 0;  // seconds, medians
  double wall = 0;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double flops_of(const Program& program) {
  double sum = 0;
  for (const Step& step : program.steps) {
    Types in;
    for (const Value value : step.in) in.push_back(program.type_of(value));
    if (op_of(step.op).flops != nullptr) sum += op_of(step.op).flops(in, step.params);
  }
  return sum;
}

double device_seconds(const Program& program, const Prepared& prepared) {
  double sum = 0;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    // Packing happens once per residency and is not part of the product.
    if (program.steps[i].op != OpCode::pack) sum += vulkan::step_seconds(prepared)[i];
  }
  return sum;
}

Status check(Backend& backend, const Case& c, const Program& program, const Bindings& bindings) {
  Found found(program.values.size());
  for (const Step& step : program.steps) {
    for (const Value value : step.out) {
      found[value.id].resize(bindings[value.id].bytes);
      TEPUI_TRY(backend.wait(backend.download(found[value.id], bindings[value.id], {})));
    }
  }
  for (const Step& step : program.steps) {
    if (!step_agrees(c, program, step, found))
      return fail(ErrorKind::data, "{} differs from its reference", op_of(step.op).name);
  }
  return {};
}

Result<Times> measure(Backend& backend, const Case& c, const Program& program) {
  TEPUI_TRY(const BoundCase bound, bind_case(backend, c, program));
  const Bindings& bindings = bound.bindings;
  TEPUI_TRY(const std::unique_ptr<Prepared> prepared, backend.prepare(program));
  const auto run = [&] { return backend.wait(backend.run(*prepared, bindings, {})); };
  TEPUI_TRY(run());
  if (c.rows * c.dim <= kMostChecked) TEPUI_TRY(check(backend, c, program, bindings));
  const auto since = [](auto start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const auto begin = std::chrono::steady_clock::now();
  while (!backend.device().software && since(begin) < kWarm) TEPUI_TRY(run());
  std::vector<double> device;
  std::vector<double> wall;
  for (int round = 0; round < kRounds; ++round) {
    const double before = device_seconds(program, *prepared);
    const auto start = std::chrono::steady_clock::now();
    TEPUI_TRY(run());
    wall.push_back(since(start));
    device.push_back(device_seconds(program, *prepared) - before);
  }
  return Times{median(device), median(wall)};
}

double bytes_of_all(Backend& backend, const Program& program) {
  double bytes = 0;
  for (const ValueInfo& value : program.values)
    bytes += static_cast<double>(backend.storage_bytes(value.type));
  return bytes;
}

Status bench_row(Backend& backend, const vulkan::Peak& peak, const Row& row, std::int64_t count,
                 std::int64_t dim) {
  Case c(count, dim);
  row.build(c);
  const std::size_t values = c.builder.program().values.size();
  for (std::size_t i = c.data().size(); i < values; ++i)
    c.builder.mark_output(Value{static_cast<std::uint32_t>(i)});
  TEPUI_TRY(const Program program, c.builder.finish());
  const Result<Times> times = measure(backend, c, program);
  if (!times)
    return fail(ErrorKind::data, "{} [{}, {}]: {}", row.name, count, dim, times.error().message);
  const double flops = flops_of(program);
  const double bytes = bytes_of_all(backend, program);
  const bool computes = flops / peak.flops > bytes / peak.bytes;  // what would keep it longer
  const double rate = (computes ? flops : bytes) / times->device;
  fmt::print("{:<16}{:>6} x {:<6}{:>12.1f}{:>12.1f}{:>11.2f} {:<8}{:>7.1f} %\n", row.name, count,
             dim, times->device * 1e6, times->wall * 1e6, rate * 1e-9,
             computes ? "GFLOP/s" : "GB/s", 100 * rate / (computes ? peak.flops : peak.bytes));
  return {};
}

Status bench_all(const std::string& name, const std::vector<std::string>& chosen) {
  BackendOptions options;
  options.profile = true;
  TEPUI_TRY(const std::unique_ptr<Backend> backend, make_backend(name, options));
  const bool software = backend->device().software;
  TEPUI_TRY(const vulkan::Peak peak, vulkan::measure_peak(*backend));
  fmt::print("{}, {}{}\n", backend->device().name, backend->device().detail,
             software ? ": these figures say nothing about a GPU's speed" : "");
  fmt::print("best: {:.1f} GFLOP/s of f32 multiply-adds, {:.1f} GB/s of a copy\n\n",
             peak.flops * 1e-9, peak.bytes * 1e-9);
  fmt::print("{:<16}{:>15}{:>12}{:>12}{:>20}{:>9}\n", "op", "rows x width", "device us", "wall us",
             "rate        ", "of best");
  std::vector<Row> rows = product_rows();
  for (Row& row : more_of_attention()) rows.push_back(std::move(row));
  for (Row& row : narrow_rows()) rows.push_back(std::move(row));
  for (Row& row : other_rows()) rows.push_back(std::move(row));
  for (Row& row : statistics_rows()) rows.push_back(std::move(row));
  const std::vector<std::pair<std::int64_t, std::int64_t>> shapes =
      software ? std::vector<std::pair<std::int64_t, std::int64_t>>{{128, 256}}
               : std::vector<std::pair<std::int64_t, std::int64_t>>{
                     {1, 4096}, {128, 512}, {512, 768}, {2048, 768}, {2048, 4096}};
  for (const auto& [count, dim] : shapes) {
    for (const Row& row : rows) {
      if (chosen.empty() || std::ranges::find(chosen, row.name) != chosen.end())
        TEPUI_TRY(bench_row(*backend, peak, row, count, dim));
    }
  }
  return {};
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // lines as they come, to a file too
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string name = "vulkan";
  if (!arguments.empty() && arguments.front().starts_with("vulkan")) {
    name = arguments.front();
    arguments.erase(arguments.begin());
  }
  const tepui::Status status = tepui::bench::bench_all(name, arguments);
  if (!status) fmt::print(stderr, "device_bench: {}\n", status.error().message);
  return status ? 0 : 1;
}
