// SPDX-License-Identifier: MIT
// Fixed small inputs on one thread with AVX2, to count instructions and bytes instead of time
// (small ones, since Valgrind computes multiply-adds one by one):
//   valgrind --tool=callgrind --collect-atstart=no --callgrind-out-file=OUT build/instructions
// leaves a file OUT.N for every line that it prints: a name, and the bytes that its operands and
// results have. tests/backend/instructions_test.cpp holds both to instructions.txt.
#include <valgrind/callgrind.h>

#include <algorithm>
#include <cstdio>

#include "backend/registry.h"
#include "exec/executor.h"
#include "exec/model_cost.h"
#include "models/named_shape.h"
#include "op_cases.h"

namespace tepui::bench {
namespace {

template <class Run>
Status counted(const std::string& name, double bytes, const Run& run) {
  TEPUI_TRY(run());  // what is made once is made here
  CALLGRIND_TOGGLE_COLLECT;
  const Status status = run();
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  std::printf("%s %.0f\n", name.c_str(), bytes);
  return status;
}

Status count_op(Backend& backend, const Row& row) {
  Case c(64, 256);
  row.build(c);
  const std::size_t values = c.builder.program().values.size();
  for (std::size_t i = c.data().size(); i < values; ++i)
    c.builder.mark_output(Value{static_cast<std::uint32_t>(i)});
  TEPUI_TRY(const Program program, c.builder.finish());
  TEPUI_TRY(const BoundCase bound, bind_case(backend, c, program));
  const Bindings& bindings = bound.bindings;
  TEPUI_TRY(const std::unique_ptr<Prepared> prepared, backend.prepare(program));
  const DeviceProfile any{"", "", 1, 1};
  std::string name = row.name;
  std::ranges::replace(name, ' ', '_');
  return counted(name, cost_of(program, any).bytes(),
                 [&] { return backend.wait(backend.run(*prepared, bindings, {})); });
}

class NullSink final : public RowSink {
 public:
  Status begin_unit(int, int) override { return {}; }
  Status add(const Observation&) override { return {}; }
  Status add(const Series&) override { return {}; }
  Status end_unit() override { return {}; }
};

// A whole pass through two layers, with the statistics of a scan or without.
Status count_pass(Backend& backend, bool tapped) {
  TEPUI_TRY(const Model model, random_model({"small", 128, 256, 2, 4, 2, 256, 64}, DType::f32));
  ThreadPool pool(1);
  const auto metrics = scan_metrics({});
  TEPUI_TRY(const SiteSelection chosen, SiteSelection::parse("resid_post", model.spec));
  const SiteSelection sites = tapped ? chosen : SiteSelection();
  Executor executor(backend, model, pool, {}, metrics);
  std::vector<std::vector<TokenId>> sequences(2);
  for (int i = 0; i < 64; ++i) sequences[i < 32 ? 0 : 1].push_back(i * 7 % 256);
  const SequenceRange all[] = {{0, 2}};
  NullSink sink;
  const DeviceProfile any{"", "", 1, 1};
  TEPUI_TRY(const auto parts, cost_of(CostQuestion{model, {32, 32}, sites, metrics}, any));
  double bytes = 0;
  for (const PartCost& part : parts) bytes += part.times * (part.bytes() + part.host_bytes);
  return counted(tapped ? "pass_with_statistics" : "pass", bytes,
                 [&] { return executor.run(sequences, all, sites, sink, nullptr); });
}

Status count_all() {
  TEPUI_TRY(const auto backend, make_backend("cpu", {.threads = 1, .isa = "avx2"}));
  std::vector<Row> rows = product_rows();
  for (Row& row : other_rows()) rows.push_back(std::move(row));
  for (Row& row : statistics_rows()) rows.push_back(std::move(row));
  for (const Row& row : rows) TEPUI_TRY(count_op(*backend, row));
  TEPUI_TRY(count_pass(*backend, false));
  return count_pass(*backend, true);
}

}  // namespace
}  // namespace tepui::bench

int main() {
  const tepui::Status status = tepui::bench::count_all();
  if (!status) std::fprintf(stderr, "instructions: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
