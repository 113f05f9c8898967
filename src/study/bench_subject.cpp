// SPDX-License-Identifier: MIT
#include "study/bench_subject.h"

#include "backend/registry.h"
#include "exec/device_sizes.h"
#include "exec/timed.h"
#include "study/generation.h"

namespace tepui {

namespace {

class Unread final : public RowSink {
 public:
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& /*row*/) override { return {}; }
  Status add(const Series& /*row*/) override { return {}; }
  Status end_unit() override { return {}; }
};

ExecOptions all_resident(const Backend& backend) {
  ExecOptions options;
  options.chunk_tokens = usual_chunk_tokens(backend.device());
  options.weight_budget = UINT64_MAX / 2;
  return options;
}

}  // namespace

Result<std::unique_ptr<BenchSubject>> BenchSubject::make(const BenchRequest& request,
                                                         const std::string& name,
                                                         const std::string& type,
                                                         ThreadPool& pool) {
  std::unique_ptr<BenchSubject> out(new BenchSubject(pool, name));
  out->type_ = !type.empty() ? type : request.shape.empty() ? "as stored" : "f32";
  TEPUI_TRY(out->backend_, make_backend(name, {.threads = pool.size(), .isa = {}}));
  TEPUI_TRY(out->model_, bench_model(request, type));
  TEPUI_TRY(out->sites_, SiteSelection::parse(request.sites, out->model().spec));
  out->metrics_ = bench_metrics();
  out->of_prefix_ = prefix_metrics();
  out->executor_ = std::make_unique<Executor>(*out->backend_, out->model(), pool,
                                              all_resident(*out->backend_), out->metrics_);
  return out;
}

std::vector<std::unique_ptr<Metric>> bench_metrics() { return scan_metrics({.surface = 0}); }

double BenchSubject::token_bytes(int length, int count) {
  const Dims& dims = model().spec.dims;
  // Keys and values of half the way.
  const double tokens = prompt_length(length, count) + 0.5 * count;
  double bytes = tokens * dims.layers * dims.kv_heads * dims.head_dim * 2 * sizeof(float);
  for (int layer = 0; layer < dims.layers; ++layer)
    bytes += static_cast<double>(executor_->weights().bytes_of(layer));
  return bytes + static_cast<double>(Head::weight_bytes(*backend_, model()));
}

int bench_prompt(const ModelSpec& spec, int length, int count) {
  return std::min(length, std::max(1, longest_text(spec, length) - count - 1));
}

int BenchSubject::prompt_length(int length, int count) {
  return bench_prompt(model().spec, length, count);
}

Result<Head*> BenchSubject::head() {
  if (head_ == nullptr) {
    TEPUI_TRY(head_, Head::make(*backend_, model(), pool_));
  }
  return head_.get();
}

Result<double> BenchSubject::prefill(const Batch& batch, bool measured) {
  Unread sink;
  const SequenceRange all[] = {{0, static_cast<int>(batch.size())}};
  const auto start = Timed::Clock::now();
  TEPUI_TRY(executor_->run(batch, all, measured ? sites_ : SiteSelection(), sink, nullptr));
  return Timed::since(start);
}

Result<double> BenchSubject::scores(const Batch& batch) {
  TEPUI_TRY(Head* const head, this->head());
  Unread sink;
  const SequenceRange all[] = {{0, static_cast<int>(batch.size())}};
  const auto start = Timed::Clock::now();
  TEPUI_TRY(executor_->run(batch, all, SiteSelection(), sink, nullptr,
                           {[&](const ChunkResult& chunk) -> Status {
                              const int rows = chunk.shape->rows();
                              const std::vector<std::int32_t> targets(
                                  static_cast<std::size_t>(rows), 0);
                              TEPUI_TRY(head->losses(chunk.final_norm, rows, targets));
                              return {};
                            },
                            {}}));
  return Timed::since(start);
}

Result<double> BenchSubject::last_logits(const Batch& batch) {
  TEPUI_TRY(Head* const head, this->head());
  Unread sink;
  const SequenceRange all[] = {{0, static_cast<int>(batch.size())}};
  const std::size_t row =
      static_cast<std::size_t>(model().spec.dims.embedding_width) * sizeof(float);
  const std::vector<int> one(batch.size(), 1);
  const auto start = Timed::Clock::now();
  TEPUI_TRY(
      executor_->run(batch, all, SiteSelection(), sink, nullptr,
                     {[&](const ChunkResult& chunk) -> Status {
                        std::size_t end = chunk.final_norm.offset;
                        for (const int length : chunk.shape->lengths) {
                          end += static_cast<std::size_t>(length) * row;
                          TEPUI_TRY(head->logits({chunk.final_norm.buffer, end - row, row}, 1));
                        }
                        return {};
                      },
                      one}));
  return Timed::since(start);
}

Result<double> BenchSubject::token(const std::vector<TokenId>& prompt, int count) {
  TEPUI_TRY(Head* const head, this->head());
  if (writer_ == nullptr)
    writer_ =
        std::make_unique<Executor>(*backend_, model(), pool_, all_resident(*backend_), of_prefix_);
  GenerationOptions options;
  options.max_tokens = count + 1;
  const int length = prompt_length(static_cast<int>(prompt.size()), count);
  const Batch prompts{{prompt.begin(), prompt.begin() + length}};
  auto start = Timed::Clock::now();
  double seconds = 0;
  TEPUI_TRY(generate(*backend_, model(), *writer_, *head, prompts, {}, {}, options,
                     [&](std::int64_t done, std::int64_t most) {
                       if (done == 1) start = Timed::Clock::now();
                       if (done == most) seconds = Timed::since(start);
                     }));
  return seconds / count;
}

}  // namespace tepui
