// SPDX-License-Identifier: MIT
#include "study/verify.h"

#include <algorithm>
#include <chrono>

#include "backend/shadow.h"
#include "exec/head.h"
#include "study/scan_input.h"
#include "study/verify_log.h"

namespace tepui {

namespace {

// Where the request has no sequences.
constexpr const char* kPrompt = "Summer is warm. Winter is cold.";

class NoRows final : public RowSink {
 public:
  Status begin_unit(int, int) override { return {}; }
  Status add(const Observation&) override { return {}; }
  Status add(const Series&) override { return {}; }
  Status end_unit() override { return {}; }
};

Verification::Side side_of(const Backend& backend) {
  const DeviceInfo& device = backend.device();
  return {device.backend, device.name, device.detail};
}

std::vector<std::int32_t> next_tokens(const ChunkResult& chunk, const VerifyInput& input) {
  std::vector<std::int32_t> targets;
  for (int s = 0; s < chunk.shape->sequences(); ++s) {
    const auto& ids = input.sequences[static_cast<std::size_t>(chunk.first_sequence + s)];
    targets.insert(targets.end(), ids.begin() + 1, ids.end());
    targets.push_back(-1);
  }
  return targets;
}

bool has_vulkan() { return std::ranges::count(backend_names(), "vulkan") > 0; }

}  // namespace

VerifyPair choose_pair(const std::string& backend, const std::string& against) {
  const auto other = [](const std::string& name) -> std::string {
    if (name != "cpu") return "cpu";
    return has_vulkan() ? "vulkan" : "reference";
  };
  if (backend != "auto") return {backend, against == "auto" ? other(backend) : against};
  if (against != "auto") return {other(against), against};
  if (has_vulkan()) return {"vulkan", "cpu"};
  return {"cpu", "reference"};
}

Result<Verification> verify_backends(std::unique_ptr<Backend> first,
                                     std::unique_ptr<Backend> second, const VerifyInput& input,
                                     ThreadPool& pool, const RunProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  Verification out;
  out.model = input.model.name;
  out.first = side_of(*first);
  out.references_alone = second == nullptr;
  if (second != nullptr) out.second = side_of(*second);
  out.sequences = static_cast<int>(input.sequences.size());
  for (const auto& ids : input.sequences) out.tokens += static_cast<std::int64_t>(ids.size());
  VerifyLog log(input, out);
  const auto shadow = make_shadow_backend(std::move(first), std::move(second),
                                          [&](const StepCheck& check) { return log.add(check); });
  const auto metrics = scan_metrics(input.metrics);
  ExecOptions options;
  options.weight_budget = input.weight_budget;
  options.observer = &log;
  Executor executor(*shadow, input.model, pool, options, metrics);
  TEPUI_TRY(const auto head, Head::make(*shadow, input.model, pool));
  const OnChunk on_chunk = [&](const ChunkResult& chunk) -> Status {
    log.begin_head(chunk.first_sequence, *chunk.shape);
    const int rows = chunk.shape->rows();
    TEPUI_TRY(head->losses(chunk.final_norm, rows, next_tokens(chunk, input)));
    TEPUI_TRY(head->arg_max(chunk.final_norm, rows));
    log.end_head();
    return {};
  };
  const OnProgress on_progress = [&](std::int64_t done, std::int64_t) {
    if (progress.advance) progress.advance(done / input.model.spec.dims.layers, out.tokens);
  };
  if (progress.advance) progress.advance(0, out.tokens);
  NoRows sink;
  const SequenceRange all[] = {{0, out.sequences}};
  TEPUI_TRY(executor.run(input.sequences, all, input.sites, sink, on_progress, {on_chunk, {}}));
  std::stable_partition(out.ops.begin(), out.ops.end(),
                        [](const VerifiedOp& op) { return op.op != kWholePrograms; });
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

Result<Verification> run_verify(const VerifyRequest& request, const RunProgress& progress) {
  const VerifyPair pair = choose_pair(request.scan.backend, request.against);
  ScanRequest scan = request.scan;
  scan.backend = pair.first;
  if (!scan.corpus.prompt && !scan.corpus.ids) scan.corpus.prompt = kPrompt;
  ThreadPool pool(scan.threads > 0 ? scan.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(ScanInput opened, open_scan_input(scan, pool));
  progress.tell(opened.notes);
  TEPUI_TRY(const SiteSelection sites, SiteSelection::parse(scan.sites, opened.model.spec));
  std::unique_ptr<Backend> second;
  if (pair.second != "reference") {
    BackendOptions options;
    options.threads = scan.threads;
    TEPUI_TRY(second, make_backend(pair.second, options));
  }
  VerifyInput input{opened.model, opened.tokenizer.get(), opened.sequences, sites, scan.metrics, 0};
  // Both backends hold the weights, and the references do.
  input.weight_budget = weight_budget(scan, opened.backend->device()) / 3;
  TEPUI_TRY(Verification out,
            verify_backends(std::move(opened.backend), std::move(second), input, pool, progress));
  out.sites = scan.sites;
  return out;
}

}  // namespace tepui
