// SPDX-License-Identifier: MIT
#include "study/inspect.h"

#include <algorithm>
#include <set>

#include "backend/registry.h"
#include "exec/weight_store.h"
#include "ir/memory_plan.h"
#include "models/lower.h"
#include "models/rope_table.h"
#include "models/site_width.h"
#include "tepui/op.h"

namespace tepui {
namespace {

constexpr int kSequence = 2048;  // the longest that a scan cuts by default

void count_weights(ModelReport& report) {
  std::set<const TensorRef*> seen;
  const auto add_tensor = [&](const TensorRef& tensor, WeightRole role) {
    if (!seen.insert(&tensor).second) return;
    const std::int64_t elements = tensor.type.shape.elements();
    report.parameters += elements;
    const bool outside = kind_of(role) == WeightKind::table || role == WeightRole::head;
    if (outside) report.embedding_parameters += elements;
    DTypeUse& use = report.dtypes[std::string(dtype_name(tensor.type.dtype))];
    ++use.tensors;
    use.elements += elements;
    use.bytes += tensor.bytes.size();
  };
  const auto add = [&](const BoundWeight& weight) {
    add_tensor(*weight.tensor, weight.role);
    for (const TensorRef* tensor : weight.rest) add_tensor(*tensor, weight.role);
  };
  for (const BoundWeight& weight : report.model.globals) add(weight);
  for (const auto& layer : report.model.layers)
    for (const BoundWeight& weight : layer) add(weight);
}

void list_sites(ModelReport& report) {
  for (std::size_t i = 0; i < kSites; ++i) {
    const auto site = static_cast<Site>(i);
    const auto width = site_width(report.model.spec, site);
    report.sites.push_back(
        {site, width.value_or(0), std::string(why_no_site(report.model.spec, site))});
  }
}

// The steps of a Program that the backend has no kernel for, each kind once.
void find_missing(const Backend& backend, const Program& program,
                  std::vector<std::string>& missing) {
  for (const Step& step : program.steps) {
    if (backend.can_run(step, program)) continue;
    std::string what(op_of(step.op).name);
    for (const Value value : step.in)
      if (value.present()) what += " " + program.type_of(value).to_string();
    if (std::ranges::find(missing, what) == missing.end()) missing.push_back(what);
  }
}

Status check_programs(const Backend& backend, const Model& model, const ChunkShape& chunk,
                      BackendUse& use) {
  TEPUI_TRY(const Lowered embedding, lower_embedding(model, chunk));
  find_missing(backend, embedding.program, use.missing);
  std::set<std::string> kinds;
  for (int layer = 0; layer < model.spec.dims.layers; ++layer) {
    if (!kinds.insert(layer_kind(model.spec, layer)).second) continue;
    TEPUI_TRY(const Lowered block, lower_block(model, layer, chunk));
    find_missing(backend, block.program, use.missing);
    const MemoryPlan plan = plan_memory(block.program, [&](Value value) {
      return backend.storage_bytes(block.program.type_of(value));
    });
    // Besides the temporaries, what goes in and what comes out.
    const std::uint64_t rows = static_cast<std::uint64_t>(chunk.rows());
    const std::uint64_t ends = 2 * rows * static_cast<std::uint64_t>(model.spec.dims.width) * 4;
    use.sequence_bytes = std::max<std::uint64_t>(use.sequence_bytes, plan.bytes + ends);
  }
  TEPUI_TRY(const Lowered last, lower_final_norm(model, chunk));
  find_missing(backend, last.program, use.missing);
  return {};
}

Status check_packing(const Backend& backend, const Model& model, BackendUse& use) {
  const auto check = [&](const BoundWeight& weight) -> Status {
    const WeightKind kind = kind_of(weight.role);
    if (kind != WeightKind::matrix && kind != WeightKind::experts) return {};
    TEPUI_TRY(const Packing packing, packing_of(weight));
    find_missing(backend, packing.program, use.missing);
    return {};
  };
  for (const BoundWeight& weight : model.globals) TEPUI_TRY(check(weight));
  for (const auto& layer : model.layers)
    for (const BoundWeight& weight : layer) TEPUI_TRY(check(weight));
  return {};
}

Result<BackendUse> ask_backend(const DeviceListing& device, const Model& model) {
  BackendUse use;
  use.selector = device.selector;
  use.name = device.name;
  use.memory_bytes = device.memory_bytes;
  use.missing = device.lacks;
  if (!use.missing.empty()) return use;
  auto backend = make_backend(device.selector, {});
  if (!backend) {
    use.missing = {backend.error().message};
    return use;
  }
  use.sequence_tokens = std::min(longest_context(model.spec.dims), kSequence);
  const ChunkShape chunk{{use.sequence_tokens}};
  TEPUI_TRY(check_programs(**backend, model, chunk, use));
  TEPUI_TRY(check_packing(**backend, model, use));
  ThreadPool pool(1);
  const WeightStore store(**backend, model, pool, UINT64_MAX);
  std::uint64_t largest = 0;
  use.weights_bytes = store.bytes_of(kNoLayer);
  for (int layer = 0; layer < model.spec.dims.layers; ++layer) {
    const std::uint64_t bytes = store.bytes_of(layer);
    use.weights_bytes += bytes;
    largest = std::max(largest, bytes);
  }
  use.smallest_bytes = store.bytes_of(kNoLayer) + largest;
  return use;
}

}  // namespace

std::string_view scaling_name(RopeScaling scaling) {
  switch (scaling) {
    case RopeScaling::none: break;
    case RopeScaling::linear: return "linear";
    case RopeScaling::dynamic: return "dynamic";
    case RopeScaling::llama3: return "llama3";
    case RopeScaling::yarn: return "yarn";
    case RopeScaling::longrope: return "longrope";
  }
  return "none";
}

std::string_view activation_name(std::uint32_t act) {
  switch (act) {
    case TEPUI_ACT_SILU: return "silu";
    case TEPUI_ACT_GELU_ERF: return "gelu";
    case TEPUI_ACT_GELU_TANH: return "gelu (tanh form)";
    case TEPUI_ACT_RELU: return "relu";
    default: return "none";
  }
}

Result<ModelReport> inspect_model(const std::filesystem::path& path,
                                  const std::optional<std::filesystem::path>& tokenizer) {
  ModelReport report;
  TEPUI_TRY(report.model, open_model(path));
  count_weights(report);
  list_sites(report);
  if (!tokenizer && report.model.container == "llama2.c") {
    report.no_tokenizer = "a llama2.c file holds weights alone; --tokenizer names one";
  } else {
    auto loaded = load_tokenizer(tokenizer.value_or(path));
    if (!loaded && tokenizer) return tl::unexpected(loaded.error());
    if (loaded)
      report.tokenizer = *std::move(loaded);
    else
      report.no_tokenizer = loaded.error().message;
  }
  DeviceList devices = list_devices();
  report.no_devices = devices.note;
  for (const DeviceListing& device : devices.devices) {
    TEPUI_TRY(report.backends.emplace_back(), ask_backend(device, report.model));
  }
  return report;
}

}  // namespace tepui
