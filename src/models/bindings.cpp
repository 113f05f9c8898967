// SPDX-License-Identifier: MIT
#include "models/bindings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace tepui {

namespace {

struct Size {
  std::int64_t n = 0;
  std::int64_t k = 0;
};

Size size_of(WeightRole role, const Dims& dims) {
  const std::int64_t width = dims.width;
  const std::int64_t queries = std::int64_t{dims.heads} * dims.head_dim;
  const std::int64_t keys = std::int64_t{dims.kv_heads} * dims.head_dim;
  switch (role) {
    case WeightRole::token_embedding:
    case WeightRole::head: return {dims.vocabulary, width};
    case WeightRole::position_embedding: return {dims.context, width};
    case WeightRole::q: return {queries, width};
    case WeightRole::q_bias: return {queries, 1};
    case WeightRole::k:
    case WeightRole::v: return {keys, width};
    case WeightRole::k_bias:
    case WeightRole::v_bias: return {keys, 1};
    case WeightRole::o: return {width, queries};
    case WeightRole::gate:
    case WeightRole::up: return {dims.hidden, width};
    case WeightRole::gate_bias:
    case WeightRole::up_bias: return {dims.hidden, 1};
    case WeightRole::down: return {width, dims.hidden};
    case WeightRole::attn_norm:
    case WeightRole::attn_norm_bias:
    case WeightRole::o_bias:
    case WeightRole::mlp_norm:
    case WeightRole::mlp_norm_bias:
    case WeightRole::down_bias:
    case WeightRole::final_norm:
    case WeightRole::final_norm_bias: return {width, 1};
  }
  return {};
}

bool needed(Need need, const Dims& dims) {
  switch (need) {
    case Need::required: return true;
    case Need::attention_bias: return dims.attention_bias;
    case Need::mlp_bias: return dims.mlp_bias;
    case Need::untied: return !dims.tied;
  }
  return true;
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

class Binder {
 public:
  explicit Binder(Model& model) : model_(model), arch_(*model.spec.arch), dims_(model.spec.dims) {}

  Status run() {
    model_.layers.resize(static_cast<std::size_t>(dims_.layers));
    for (const Binding& binding : arch_.bindings) {
      const bool per_layer = binding.name.find("{}") != std::string_view::npos;
      const int count = per_layer ? dims_.layers : 1;
      for (int layer = 0; layer < count; ++layer) {
        const std::string name = fmt::format(fmt::runtime(binding.name), layer);
        auto& list = per_layer ? model_.layers[static_cast<std::size_t>(layer)] : model_.globals;
        bind(binding, name, list);
      }
    }
    if (!faults_.empty()) return fail(ErrorKind::data, "{}: {}", model_.path, summary());
    collect_unused();
    return {};
  }

 private:
  void bind(const Binding& binding, const std::string& name, std::vector<BoundWeight>& list) {
    const TensorRef* tensor = nullptr;
    for (const std::string_view prefix : arch_.prefixes) {
      tensor = model_.source->find(std::string(prefix) + name);
      if (tensor != nullptr) break;
    }
    if (!needed(binding.need, dims_)) {
      // A head beside tie_word_embeddings = true is a copy of the embedding; a bias that the
      // configuration denies is not.
      if (tensor != nullptr && binding.need == Need::untied) used_.insert(tensor->name);
      return;
    }
    if (tensor == nullptr) {
      faults_.push_back(fmt::format("expected tensor {}, found none", name));
      return;
    }
    used_.insert(tensor->name);
    const Size size = size_of(binding.role, dims_);
    const std::int64_t parts = binding.parts;
    const WeightKind kind = kind_of(binding.role);
    const Shape expected = kind == WeightKind::vector        ? Shape{parts * size.n}
                           : binding.layout == Layout::as_is ? Shape{parts * size.n, size.k}
                                                             : Shape{size.k, parts * size.n};
    if (tensor->type.shape != expected || !is_float(tensor->type.dtype)) {
      faults_.push_back(
          fmt::format("tensor {} (at byte offset {} of {}): expected f32, f16 or bf16 {}, found {}",
                      tensor->name, tensor->offset, tensor->file, expected.to_string(),
                      tensor->type.to_string()));
      return;
    }
    list.push_back({binding.role, tensor, place(binding, size)});
  }

  static PackParams place(const Binding& binding, const Size& size) {
    const bool transposed = binding.layout == Layout::transposed;
    PackParams out{};
    out.n = static_cast<uint>(size.n);
    out.k = static_cast<uint>(size.k);
    out.transposed = transposed ? 1 : 0;
    out.stride = transposed ? static_cast<uint>(binding.parts * size.n) : out.k;
    out.offset = transposed ? binding.part * out.n : binding.part * out.n * out.k;
    return out;
  }

  std::string summary() const {
    constexpr std::size_t kShown = 3;
    const auto end =
        faults_.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, faults_.size()));
    std::string text = fmt::format("{}", fmt::join(faults_.begin(), end, "; "));
    if (faults_.size() > kShown) text += fmt::format("; and {} more", faults_.size() - kShown);
    return text;
  }

  void collect_unused() {
    for (const TensorRef& tensor : model_.source->tensors()) {
      const bool known = std::ranges::any_of(
          arch_.ignored, [&](std::string_view ending) { return tensor.name.ends_with(ending); });
      if (!known && !used_.contains(tensor.name)) model_.unused.push_back(tensor.name);
    }
  }

  Model& model_;
  const ArchSpec& arch_;
  const Dims& dims_;
  std::set<std::string> used_;
  std::vector<std::string> faults_;
};

}  // namespace

Status bind_weights(Model& model) { return Binder(model).run(); }

}  // namespace tepui
