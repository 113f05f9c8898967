// SPDX-License-Identifier: MIT
// Weights that pass through a device's memory: those of the next layer come while one is computed,
// on queues of their own, and the host waits for the device nowhere but for results.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/registry.h"
#include "backend/vulkan/device.h"
#include "study/run_trace.h"
#include "support/paths.h"
#include "support/run_model.h"

namespace tepui::test {
namespace {

class Loading : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
    // As behind a bus: nothing of the host's is read in place.
    vulkan::Context::change_devices(
        [](vulkan::PhysicalDevice& device) { device.import_alignment = 0; });
  }
  void TearDown() override { vulkan::Context::change_devices(nullptr); }

  // Bytes of a layer as they stand in the file, vectors as f32.
  static std::uint64_t uploaded(std::span<const BoundWeight> layer) {
    std::uint64_t bytes = 0;
    for (const BoundWeight& weight : layer)
      bytes += kind_of(weight.role) == WeightKind::vector ? resident_type(weight).bytes()
                                                          : weight.tensor->bytes.size();
    return bytes;
  }
};

TEST_F(Loading, TheNextLayerComesWhileOneIsComputed) {
  const Model model = open_model(data_path("demo-model")).value();
  const auto backend = make_backend("vulkan", {}).value();
  const auto metrics = scan_metrics({});
  const std::vector<std::vector<TokenId>> sequences{{1, 20, 3, 40}, {1, 7, 90}};
  const SiteSelection sites = SiteSelection::parse("resid_post.4", model.spec).value();
  RunTrace trace(*backend);
  const auto run = [&](std::uint64_t budget, RunObserver* observer) {
    ThreadPool pool(2);
    ExecOptions options;
    options.observer = observer;
    options.chunk_tokens = 4;
    options.weight_budget = budget;
    Executor executor(*backend, model, pool, options, metrics);
    TextSink sink;
    const SequenceRange all[] = {{0, 2}};
    const Status status = executor.run(sequences, all, sites, sink, nullptr);
    EXPECT_TRUE(status) << (status ? "" : status.error().message);
    return sink.sorted_lines();
  };
  std::uint64_t two = 0;  // layers, beside what stays
  for (const BoundWeight& weight : model.globals)
    if (weight.role != WeightRole::head) two += backend->storage_bytes(resident_type(weight));
  for (const BoundWeight& weight : model.layers.front())
    two += 2 * backend->storage_bytes(resident_type(weight));
  const auto streamed = run(two, &trace);
  int layers = 0;
  for (const RunTrace::Row& row : trace.rows()) {
    SCOPED_TRACE(row.part + " " + std::to_string(row.layer));
    EXPECT_EQ(row.counted.waits, 0U);
    if (row.part != "block" || row.first_sequence != 0) continue;
    ++layers;
    EXPECT_EQ(row.weights.still.waits, 0U);
    EXPECT_EQ(row.weights.still.submissions + row.weights.still.copy_submissions, 0U);
    EXPECT_EQ(row.weights.ahead.uploaded_bytes,
              uploaded(model.layers[static_cast<std::size_t>(row.layer)]));
  }
  EXPECT_EQ(layers, 5);
  EXPECT_GT(streamed.size(), 20U);
  EXPECT_TRUE(streamed == run(UINT64_MAX, nullptr));
}

}  // namespace
}  // namespace tepui::test
