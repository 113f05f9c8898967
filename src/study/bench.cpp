// SPDX-License-Identifier: MIT
#include "study/bench.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "backend/registry.h"
#include "exec/device_sizes.h"
#include "exec/speed.h"
#include "models/rope_table.h"
#include "study/bench_model.h"
#include "study/bench_subject.h"

namespace tepui {

namespace {

Batch random_batch(int tokens, int length, int vocabulary) {
  std::mt19937 random(2);
  Batch batch(static_cast<std::size_t>(std::max(1, tokens / length)));
  for (auto& sequence : batch) {
    for (int i = 0; i < length; ++i)
      sequence.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(vocabulary)));
  }
  return batch;
}

class Bench {
 public:
  Bench(const BenchRequest& request, const BenchProgress& progress)
      : request_(request),
        progress_(progress),
        pool_(request.threads > 0 ? request.threads : ThreadPool::hardware_threads()) {}

  Result<BenchResult> run() {
    TEPUI_TRY(make_subjects());
    TEPUI_TRY(make_rows());
    const int runs = static_cast<int>(out_.rows.size()) * 2;
    int done = 0;
    for (int round = -1; round < request_.rounds; ++round) {  // the first one packs and warms
      for (std::size_t i = 0; i < out_.rows.size(); ++i) {
        TEPUI_TRY(measure(out_.rows[i], *subject_of_[i], batches_[i], round >= 0));
        done += 2;
        if (progress_.advance) progress_.advance(done, runs * (request_.rounds + 1));
      }
      if (round >= 0 && progress_.round) TEPUI_TRY(progress_.round(out_));
    }
    return std::move(out_);
  }

 private:
  Status make_subjects() {
    const std::vector<std::string> stored{""};
    for (const std::string& type : request_.types.empty() ? stored : request_.types) {
      for (const std::string& name : request_.backends) {
        TEPUI_TRY(auto subject, BenchSubject::make(request_, name, type, pool_));
        const Model& model = subject->model();
        out_.model = model.name;
        out_.layers = model.spec.dims.layers;
        out_.of_layers = subject->of_layers();
        out_.sites = request_.sites;
        out_.devices.push_back(subject->backend().device());
        subjects_.push_back(std::move(subject));
      }
    }
    return {};
  }

  Status make_rows() {
    for (const auto& subject : subjects_) {
      const Model& model = subject->model();
      for (const int length : request_.lengths) {
        if (length > longest_context(model.spec.dims))
          return fail(ErrorKind::usage,
                      "--lengths: expected at most {} tokens, the model's context, found {}",
                      longest_context(model.spec.dims), length);
        BenchRow row;
        row.backend = subject->name();
        row.type = subject->type();
        row.length = length;
        batches_.push_back(random_batch(request_.tokens, length, model.spec.dims.vocabulary));
        row.sequences = static_cast<int>(batches_.back().size());
        TEPUI_TRY(row.flops, flops_of(model, row, false));
        row.flops *= scale();  // as the times
        if (request_.scores) {
          TEPUI_TRY(row.scored_flops, flops_of(model, row, true));
        }
        row.token_bytes = subject->token_bytes(length, request_.generate);
        out_.rows.push_back(std::move(row));
        subject_of_.push_back(subject.get());
      }
    }
    return {};
  }

  // To all layers, where some stand for them.
  double scale() const { return static_cast<double>(out_.of_layers) / out_.layers; }

  // Of the layers that are measured, sequence by sequence; what is measured of them counts as
  // nothing.
  static Result<double> flops_of(const Model& model, const BenchRow& row, bool head) {
    const SiteSelection none;
    const DeviceProfile any{"", "", 1, 1};
    TEPUI_TRY(const auto parts, cost_of(CostQuestion{model, {row.length}, none, {}, head}, any));
    double flops = 0;
    for (const PartCost& part : parts) flops += part.flops() * part.times;
    return flops * row.sequences;
  }

  Status measure(BenchRow& row, BenchSubject& subject, const Batch& batch, bool keep) {
    TEPUI_TRY(const PeakRates before, rates(subject, row));
    TEPUI_TRY(const double plain, subject.prefill(batch, false));
    TEPUI_TRY(const double measured, subject.prefill(batch, true));
    double scored = 0;
    if (request_.scores) {
      TEPUI_TRY(scored, subject.scores(batch));
    }
    double last = 0;
    if (request_.last) {
      TEPUI_TRY(last, subject.last_logits(batch));
    }
    double token = 0;
    if (request_.generate > 0) {
      TEPUI_TRY(token, subject.token(batch.front(), request_.generate));
    }
    TEPUI_TRY(const PeakRates behind, rates(subject, row));
    if (!keep) return {};
    row.peaks.push_back(0.5 * (before.flops + behind.flops));
    row.plain.push_back(plain * scale());
    row.measured.push_back(measured * scale());
    if (request_.scores) row.scored.push_back(scored);
    if (request_.last) row.last.push_back(last);
    if (request_.generate > 0) {
      row.token.push_back(token);
      row.peak_bytes.push_back(0.5 * (before.bytes + behind.bytes));
    }
    return {};
  }

  std::size_t bytes_read(const BenchRow& row) const {
    constexpr double kLeast = 1 << 20;  // where no token asks for it
    const double bytes = request_.generate > 0 ? row.token_bytes : 0;
    return static_cast<std::size_t>(std::clamp(bytes, kLeast, double{kBeyondCaches}));
  }

  // A device's peak does not wander as a shared processor's: it is measured once. The memory's is
  // that of as many bytes as a token reads.
  Result<PeakRates> rates(BenchSubject& subject, const BenchRow& row) {
    const DeviceInfo& device = subject.backend().device();
    if (device.threads > 0 || !peaks_.contains(subject.name())) {
      TEPUI_TRY(peaks_[subject.name()],
                measure_peak_rates(subject.backend(), pool_, bytes_read(row)));
    }
    return peaks_[subject.name()];
  }

  const BenchRequest& request_;
  const BenchProgress& progress_;
  ThreadPool pool_;
  std::vector<std::unique_ptr<BenchSubject>> subjects_;
  std::vector<BenchSubject*> subject_of_;  // by row
  std::vector<Batch> batches_;             // by row
  std::map<std::string, PeakRates> peaks_;
  BenchResult out_;
};

Status check_request(const BenchRequest& request) {
  if (request.model.empty() == request.shape.empty())
    return fail(ErrorKind::usage, "expected MODEL or --shape NAME, found {}",
                request.shape.empty() ? "neither" : "both");
  for (const std::string& type : request.types) TEPUI_TRY(bench_type(type));
  if (request.layers > 0 && (request.scores || request.last || request.generate > 0))
    return fail(ErrorKind::usage,
                "--scores, --last-logits and --generate measure whole models: expected no "
                "--layers, found {}",
                request.layers);
  return {};
}

// The device of a profile, if this machine has it.
Result<std::unique_ptr<Backend>> device_of(const BenchRequest& request) {
  if (!known_backend(request.profile) || request.profile == "auto" ||
      request.profile == "reference")
    return nullptr;
  return make_backend(request.profile, {.threads = request.threads, .isa = {}, .profile = true});
}

Result<DeviceProfile> profile_of(const BenchRequest& request, Backend* device, ThreadPool& pool) {
  if (device == nullptr) {
    std::string names = "cpu, vulkan:N";
    for (const DeviceProfile& profile : device_profiles()) {
      if (profile.name == request.profile) return profile;
      names += ", " + profile.name;
    }
    return fail(ErrorKind::usage, "--predict {}: expected one of {}", request.profile, names);
  }
  PeakRates peak;  // a shared processor's wander: the best of some
  for (int i = 0; i < 5; ++i) {
    TEPUI_TRY(const PeakRates found, measure_peak_rates(*device, pool));
    peak.flops = std::max(peak.flops, found.flops);
    peak.bytes = std::max(peak.bytes, found.bytes);
    peak.matrix_flops = std::max(peak.matrix_flops, found.matrix_flops);
  }
  DeviceProfile profile{request.profile, device->device().name, peak.flops, peak.bytes};
  profile.device = device->device().threads == 0;
  profile.matrix_flops = peak.matrix_flops;
  profile.matrices = peak.matrix_flops > 0;
  profile.head_tile = usual_head_tile(device->device());
  return profile;
}

std::string first_type(const BenchRequest& request) {
  return request.types.empty() ? "" : request.types.front();
}

// Measures the middle layer beside.
Status measure_beside(const BenchRequest& request, Backend& device, ThreadPool& pool,
                      Prediction& out) {
  BenchRequest small = request;
  if (small.layers == 0) small.layers = 1;
  TEPUI_TRY(const BenchModel made, bench_model(small, first_type(request)));
  TEPUI_TRY(const auto sites, SiteSelection::parse(request.sites, made.model.spec));
  const auto metrics = bench_metrics();
  const Batch batch =
      random_batch(out.lengths.front(), out.lengths.front(), made.model.spec.dims.vocabulary);
  TEPUI_TRY(const Schedule schedule, make_schedule({}, made.model.spec.dims.layers));
  const MemoryQuestion question{device, made.model, batch, schedule, sites, metrics};
  MemoryDivision memory;
  memory.chunk_tokens = out.lengths.front();
  memory.wave_tokens = out.lengths.front();
  TEPUI_TRY(const LayerSteps steps,
            measure_layer_steps(device, made.model, pool, question, memory, request.rounds));
  out.measured = true;
  out.layer = cost_of(steps.program, out.profile);
  out.layer.name = "layer";
  out.seconds = steps.seconds;
  return {};
}

}  // namespace

Result<BenchResult> run_bench(const BenchRequest& request, const BenchProgress& progress) {
  TEPUI_TRY(check_request(request));
  return Bench(request, progress).run();
}

Result<Prediction> predict(const BenchRequest& request) {
  TEPUI_TRY(check_request(request));
  Prediction out;
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const auto device, device_of(request));
  TEPUI_TRY(out.profile, profile_of(request, device.get(), pool));
  TEPUI_TRY(const BenchModel outline, bench_outline(request, first_type(request)));
  out.model = outline.model.name;
  out.lengths = {request.lengths.front()};
  TEPUI_TRY(const auto sites, SiteSelection::parse(request.sites, outline.model.spec));
  const auto metrics = bench_metrics();
  TEPUI_TRY(
      out.parts,
      cost_of(CostQuestion{outline.model, out.lengths, sites, metrics, request.head}, out.profile));
  if (request.generate > 0) {
    const ModelSpec& spec = outline.model.spec;
    out.token =
        bench_prompt(spec, out.lengths.front(), request.generate) + (request.generate + 1) / 2;
    TEPUI_TRY(out.token_parts, token_cost(outline.model, out.token, out.profile));
  }
  if (device != nullptr) {
    TEPUI_TRY(measure_beside(request, *device, pool, out));
  }
  return out;
}

}  // namespace tepui
