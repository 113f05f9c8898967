// SPDX-License-Identifier: MIT
#include "exec/cost.h"

#include <algorithm>
#include <map>

#include "exec/head.h"
#include "exec/tap.h"
#include "models/lower.h"

namespace tepui {

namespace {

// Peak rates as their makers give them (H100 SXM: f32 without matrix units, HBM3, PCIe 5 x16); what
// a dispatch and a barrier cost is a guess of the usual order.
const DeviceProfile kProfiles[] = {
    {"h100", "NVIDIA H100 SXM", 66.9e12, 3.35e12, 63e9, 2e-6, 2e-6, true},
    {"h100-matrix", "NVIDIA H100 SXM, linear layers on matrix units", 66.9e12, 3.35e12, 63e9, 2e-6,
     2e-6, true, true, 989e12},
    {"integrated", "an integrated GPU that shares the host's memory", 2e12, 60e9, 0, 5e-6, 5e-6,
     true},
};

// Packed weights are as narrow as they are stored, but for quantised ones other than q8_0, which
// are f32.
double bytes_of(const TensorType& type) {
  if (!is_packed(type.dtype)) return static_cast<double>(type.bytes());
  const auto elements = static_cast<double>(type.shape.elements());
  if (type.dtype == DType::packed_q8_0) return elements * 34 / 32;
  const bool half = type.dtype == DType::packed_f16 || type.dtype == DType::packed_bf16;
  return elements * (half ? 2 : 4);
}

// Operands and results once each; of a table the rows that are looked up, of rows that are put in
// place these alone.
double step_bytes(const Program& program, const Step& step) {
  double bytes = 0;
  if (step.op == OpCode::put_rows && step.params.as<PutRowsParams>().in_place != 0)
    return 2 * bytes_of(program.type_of(step.in.back()));
  for (const Value value : step.in) {
    const TensorType type = program.type_of(value);
    if (step.op == OpCode::embed && value == step.in.back()) {
      const double rows = static_cast<double>(program.type_of(step.out[0]).shape[0]);
      bytes +=
          bytes_of(type) / static_cast<double>(std::max<std::int64_t>(type.shape[0], 1)) * rows;
    } else {
      bytes += bytes_of(type);
    }
  }
  for (const Value value : step.out) bytes += bytes_of(program.type_of(value));
  return bytes;
}

double step_flops(const Program& program, const Step& step) {
  const Op& op = op_of(step.op);
  if (op.flops == nullptr) return 0;
  Types in;
  for (const Value value : step.in) in.push_back(program.type_of(value));
  return op.flops(in, step.params);
}

double rate_of(const DeviceProfile& profile, const StepCost& step) {
  const bool units = step.counts.matrix_products > 0 && profile.matrix_flops > 0;
  return units ? profile.matrix_flops : profile.flops;
}

Limit limit_of(const DeviceProfile& profile, const StepCost& step) {
  const double compute = step.issued / rate_of(profile, step);
  const double memory = step.bytes / profile.bytes;
  if (step.seconds > 2 * std::max(compute, memory)) return Limit::overhead;
  return compute > memory ? Limit::compute : Limit::memory;
}

class Coster {
 public:
  Coster(const CostQuestion& question, const DeviceProfile& profile)
      : q_(question), profile_(profile), chunk_{question.lengths} {}

  Result<std::vector<PartCost>> run() {
    TEPUI_TRY(add("embedding", kNoLayer, {Site::embeddings}, 1,
                  [&] { return lower_embedding(q_.model, chunk_); }));
    TEPUI_TRY(add_layers());
    TEPUI_TRY(add("final norm", kNoLayer, {Site::final_norm}, 1,
                  [&] { return lower_final_norm(q_.model, chunk_); }));
    if (q_.head) TEPUI_TRY(add_head());
    return std::move(parts_);
  }

 private:
  // Layers of one kind that measure the same run the same Program.
  Status add_layers() {
    std::map<std::string, std::vector<int>> kinds;
    std::vector<std::string> order;
    for (int layer = 0; layer < q_.model.spec.dims.layers; ++layer) {
      std::string kind = layer_kind(q_.model.spec, layer);
      for (const Site site : q_.sites.at_layer(layer)) kind += fmt::format(" {}", site_name(site));
      auto& layers = kinds[kind];
      if (layers.empty()) order.push_back(kind);
      layers.push_back(layer);
    }
    for (const std::string& kind : order) {
      const std::vector<int>& layers = kinds[kind];
      const std::string name =
          order.size() == 1 ? "layer"
          : layers.size() == 1
              ? fmt::format("layer {}", layers.front())
              : fmt::format("layers {} and {} more", layers.front(), layers.size() - 1);
      TEPUI_TRY(add(name, layers.front(), q_.sites.at_layer(layers.front()),
                    static_cast<int>(layers.size()),
                    [&] { return lower_block(q_.model, layers.front(), chunk_); }));
    }
    return {};
  }

  template <class Lower>
  Status add(std::string name, int layer, std::vector<Site> sites, int times, const Lower& lower) {
    std::erase_if(sites, [&](Site site) { return !q_.sites.contains({layer, site}); });
    std::vector<const Metric*> metrics;
    for (const auto& metric : q_.metrics)
      if (metric->measures(0, chunk_.sequences())) metrics.push_back(metric.get());
    SiteWork work;
    work.measured = std::move(sites);
    TEPUI_TRY(Lowered lowered, lower());
    TEPUI_TRY(const Tapped tapped,
              attach_taps(std::move(lowered), q_.model.spec, chunk_, 0, work, metrics));
    const Program& program = tapped.lowered.program;
    PartCost part = cost_of(program, profile_);
    part.name = std::move(name);
    part.times = times;
    for (const TapOutput& output : tapped.outputs)
      for (const Value value : output.values) part.host_bytes += bytes_of(program.type_of(value));
    parts_.push_back(std::move(part));
    return {};
  }

  // A tile of the vocabulary: products, and their share of the loss.
  Status add_head() {
    const Dims& dims = q_.model.spec.dims;
    const int tiles = (dims.vocabulary + Head::kTile - 1) / Head::kTile;
    const int columns = std::min(dims.vocabulary, Head::kTile);
    const std::int64_t rows = chunk_.rows();
    Builder builder;
    const Value x = builder.input({DType::f32, Shape{rows, dims.embedding_width}}, "final_norm");
    const Value weight =
        builder.weight({Head::weight_type(q_.model), Shape{columns, dims.embedding_width}}, "head");
    const Value products = builder.linear(x, weight, kNone, kNone, TEPUI_ACT_NONE, "logits");
    const Value loss =
        builder.cross_entropy(lower_logits(builder, q_.model.spec, products),
                              builder.input({DType::i32, Shape{rows}}, "targets"),
                              builder.input({DType::f32, Shape{rows, 3}}, "state"), 0, "loss");
    builder.mark_output(loss);
    TEPUI_TRY(const Program program, builder.finish());
    PartCost part = cost_of(program, profile_);
    part.name = fmt::format("head, {} of the vocabulary", columns);
    part.times = tiles;
    parts_.push_back(std::move(part));
    return {};
  }

  const CostQuestion& q_;
  const DeviceProfile& profile_;
  ChunkShape chunk_;
  std::vector<PartCost> parts_;
};

}  // namespace

double DeviceProfile::seconds(double work_flops, double work_bytes, int dispatches,
                              int barriers) const {
  const double work = std::max(work_flops / flops, work_bytes / bytes);
  return device ? work + dispatches * dispatch + barriers * barrier : work;
}

std::span<const DeviceProfile> device_profiles() { return kProfiles; }

double PartCost::flops() const {
  double sum = 0;
  for (const StepCost& step : steps) sum += step.flops;
  return sum;
}

double PartCost::bytes() const {
  double sum = 0;
  for (const StepCost& step : steps) sum += step.bytes;
  return sum;
}

double PartCost::seconds(const DeviceProfile& profile) const {
  double sum = profile.host_bytes > 0 ? host_bytes / profile.host_bytes : 0;
  for (const StepCost& step : steps) sum += step.seconds;
  return sum;
}

double PartCost::seconds_streamed(const DeviceProfile& profile) const {
  if (profile.host_bytes <= 0) return seconds(profile);
  return std::max(seconds(profile), weight_bytes / profile.host_bytes);
}

PartCost cost_of(const Program& program, const DeviceProfile& profile) {
  PartCost part;
  const auto counts = vulkan_counts(program, profile.matrices);
  for (const ValueInfo& info : program.values) {
    if (info.role == Role::weight) part.weight_bytes += bytes_of(info.type);
  }
  part.counted = counts.has_value();
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    StepCost cost;
    cost.op = step.op;
    cost.name = program.info(step.out.front()).name;
    cost.flops = step_flops(program, step);
    cost.bytes = step_bytes(program, step);
    if (counts) cost.counts = (*counts)[i];
    if (profile.device) cost.bytes -= cost.counts.bytes_saved;
    cost.issued = cost.flops * std::max(1, cost.counts.matrix_products);
    cost.seconds = profile.seconds(cost.issued * profile.flops / rate_of(profile, cost), cost.bytes,
                                   cost.counts.dispatches, cost.counts.barriers);
    cost.limit = limit_of(profile, cost);
    part.steps.push_back(std::move(cost));
  }
  return part;
}

Result<std::vector<PartCost>> cost_of(const CostQuestion& question, const DeviceProfile& profile) {
  return Coster(question, profile).run();
}

}  // namespace tepui
