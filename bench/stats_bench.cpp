// SPDX-License-Identifier: MIT
// Times every op that is not a product: statistics, norms, element-wise ops, cast and pack; "all
// statistics" is what a scan does at one site. Each is first checked against its reference. GB/s
// counts every operand once; `share` is that over the calibrated rate: a plain sum of the same
// first operand by the same threads, just before and after. ns are per element of the first
// operand. Usage: stats_bench [NAME...]
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "backend/cpu/calibrate.h"
#include "backend/registry.h"
#include "op_cases.h"

namespace tepui::bench {
namespace {

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
  const double before = read_rate(pool, backend.device().isa, bytes);
  const Result<Timing> timing = measure(backend, c, program);
  const double peak = 0.5 * (before + read_rate(pool, backend.device().isa, bytes));
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
}  // namespace tepui::bench

int main(int argc, char** argv) {
  const tepui::Status status =
      tepui::bench::bench_all(std::vector<std::string>(argv + 1, argv + argc));
  if (!status) fmt::print(stderr, "stats_bench: {}\n", status.error().message);
  return status ? 0 : 1;
}
