// SPDX-License-Identifier: MIT
#include "models/bindings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "ops/check.h"

namespace tepui {

namespace {

struct Size {
  std::int64_t n = 0;
  std::int64_t k = 0;
};

// Elements of a norm over the queries (or keys) of `heads` heads.
Size qk_norm_size(QkNorm kind, std::int64_t heads, std::int64_t head_dim) {
  return {kind == QkNorm::head ? head_dim : heads * head_dim, 1};
}

Size size_of(WeightRole role, const ModelSpec& spec) {
  const Dims& dims = spec.dims;
  const std::int64_t width = dims.width;
  const std::int64_t queries = std::int64_t{dims.heads} * dims.head_dim;
  const std::int64_t keys = std::int64_t{dims.kv_heads} * dims.head_dim;
  switch (role) {
    case WeightRole::token_embedding:
    case WeightRole::head: return {dims.vocabulary, dims.embedding_width};
    case WeightRole::head_bias: return {dims.vocabulary, 1};
    case WeightRole::position_embedding: return {dims.context, width};
    case WeightRole::project_in: return {width, dims.embedding_width};
    case WeightRole::project_out: return {dims.embedding_width, width};
    case WeightRole::embedding_factor:
    case WeightRole::attn_norm_alpha:
    case WeightRole::mlp_norm_alpha:
    case WeightRole::final_norm_alpha: return {1, 1};
    case WeightRole::q:
    case WeightRole::attn_gate: return {queries, width};
    case WeightRole::q_bias:
    case WeightRole::attn_gate_offset:
    case WeightRole::head_gate: return {queries, 1};
    case WeightRole::head_gate_offset: return {dims.heads, 1};
    case WeightRole::q_norm:
    case WeightRole::q_norm_bias: return qk_norm_size(spec.form.qk_norm, dims.heads, dims.head_dim);
    case WeightRole::k:
    case WeightRole::v: return {keys, width};
    case WeightRole::k_bias:
    case WeightRole::v_bias:
    case WeightRole::extra_key:
    case WeightRole::extra_value: return {keys, 1};
    case WeightRole::k_norm:
    case WeightRole::k_norm_bias:
      return qk_norm_size(spec.form.qk_norm, dims.kv_heads, dims.head_dim);
    case WeightRole::o: return {width, queries};
    case WeightRole::router: return {dims.experts, width};
    case WeightRole::gate:
    case WeightRole::up:
    case WeightRole::expert_gate:
    case WeightRole::expert_up: return {dims.hidden, width};
    case WeightRole::gate_bias:
    case WeightRole::up_bias: return {dims.hidden, 1};
    case WeightRole::down:
    case WeightRole::expert_down: return {width, dims.hidden};
    default: return {width, 1};  // the other norms and biases
  }
}

// How many tensors a name with a second {} stands for.
int count_of(WeightRole role, const Dims& dims) {
  if (kind_of(role) == WeightKind::experts) return dims.experts;
  return role == WeightRole::k_norm || role == WeightRole::k_norm_bias ? dims.kv_heads : dims.heads;
}

bool is_norm(WeightRole role) {
  switch (role) {
    case WeightRole::embedding_norm:
    case WeightRole::attn_norm:
    case WeightRole::attn_norm_behind:
    case WeightRole::q_norm:
    case WeightRole::k_norm:
    case WeightRole::mlp_norm:
    case WeightRole::mlp_norm_behind:
    case WeightRole::final_norm: return true;
    default: return false;
  }
}

bool needed(const Binding& binding, const ModelSpec& spec) {
  if (binding.when != nullptr && !binding.when(spec)) return false;
  const Dims& dims = spec.dims;
  switch (binding.need) {
    case Need::required: return true;
    case Need::attention_bias: return dims.attention_bias;
    case Need::mlp_bias: return dims.mlp_bias;
    case Need::untied: return !dims.tied;
  }
  return true;
}

class Binder {
 public:
  Binder(Model& model, const BindingTable& table)
      : model_(model), table_(table), dims_(model.spec.dims) {}

  Status run() {
    model_.layers.resize(static_cast<std::size_t>(dims_.layers));
    for (const Binding& binding : table_.bindings) {
      const bool per_layer = binding.name.find("{}") != std::string_view::npos;
      const int count = per_layer ? dims_.layers : 1;
      for (int layer = 0; layer < count; ++layer) {
        auto& list = per_layer ? model_.layers[static_cast<std::size_t>(layer)] : model_.globals;
        bind(binding, layer, list);
      }
    }
    if (!faults_.empty()) return fail(ErrorKind::data, "{}: {}", model_.path, summary());
    collect_unused();
    return {};
  }

 private:
  const TensorRef* find(const std::string& name) const {
    for (const std::string_view prefix : table_.prefixes) {
      if (const TensorRef* tensor = model_.source->find(std::string(prefix) + name)) return tensor;
    }
    return nullptr;
  }

  void bind(const Binding& binding, int layer, std::vector<BoundWeight>& list) {
    if (!needed(binding, model_.spec)) {
      // A head beside tie_word_embeddings = true is a copy of the embedding, as a rule; a bias that
      // the configuration denies is not.
      if (binding.need == Need::untied && binding.role == WeightRole::head)
        tied_head_ = find(std::string(binding.name));
      return;
    }
    const bool stacked = binding.name.find("{}") != binding.name.rfind("{}");
    const int count = stacked ? count_of(binding.role, dims_) : 1;
    BoundWeight weight;
    weight.role = binding.role;
    weight.place = place(binding, stacked);
    weight.add = is_norm(binding.role) ? table_.norm_offset : 0;
    weight.groups = group_count(binding.role);
    if (binding.layout == Layout::rotary_pairs) weight.paired_rows = dims_.head_dim;
    for (int i = 0; i < count; ++i) {
      const std::string name = fmt::format(fmt::runtime(binding.name), layer, i);
      const TensorRef* tensor = find(name);
      if (tensor == nullptr) {
        add_fault(fmt::format("expected tensor {}, found none", name));
        return;
      }
      used_.insert(tensor->name);
      if (!check(*tensor, expected_shapes(binding, stacked))) return;
      if (i == 0)
        weight.tensor = tensor;
      else
        weight.rest.push_back(tensor);
    }
    list.push_back(std::move(weight));
  }

  // Heads that have weights of their own.
  int group_count(WeightRole role) const {
    if (model_.spec.form.qk_norm != QkNorm::each_head) return 1;
    switch (role) {
      case WeightRole::q_norm:
      case WeightRole::q_norm_bias: return dims_.heads;
      case WeightRole::k_norm:
      case WeightRole::k_norm_bias: return dims_.kv_heads;
      default: return 1;
    }
  }

  bool check(const TensorRef& tensor, std::span<const Shape> expected) {
    if (std::ranges::count(expected, tensor.type.shape) != 0 && is_stored_dtype(tensor.type.dtype))
      return true;
    add_fault(
        fmt::format("tensor {} (at byte offset {} of {}): expected f32, f16, bf16 or a quantised "
                    "type {}, found {}",
                    tensor.name, tensor.offset, tensor.file, expected.front().to_string(),
                    tensor.type.to_string()));
    return false;
  }

  // A tensor that holds several weights is asked for by each.
  void add_fault(std::string fault) {
    if (std::ranges::find(faults_, fault) == faults_.end()) faults_.push_back(std::move(fault));
  }

  // Rows of the tensor that a weight of n rows is part of.
  std::int64_t rows_of_whole(const Binding& binding, std::int64_t n) const {
    switch (binding.fused) {
      case Fused::qkv:
      case Fused::qkv_groups:
        return (std::int64_t{dims_.heads} + 2 * std::int64_t{dims_.kv_heads}) * dims_.head_dim;
      case Fused::gate_up: return 2 * n;
      case Fused::no: break;
    }
    return binding.parts * n;
  }

  // One of these; the first is named in messages.
  std::vector<Shape> expected_shapes(const Binding& binding, bool stacked) const {
    const Size size = size_of(binding.role, model_.spec);
    std::int64_t n = rows_of_whole(binding, size.n);
    if (binding.role == WeightRole::position_embedding) n += dims_.position_offset;
    if (kind_of(binding.role) != WeightKind::vector)
      return {binding.layout == Layout::transposed ? Shape{size.k, n} : Shape{n, size.k}};
    const int groups = group_count(binding.role);
    if (stacked) return {Shape{n / groups}};
    if (groups > 1) return {Shape{groups, n / groups}, Shape{n}};
    return {Shape{n}};
  }

  PackParams place(const Binding& binding, bool stacked) const {
    const Size size = size_of(binding.role, model_.spec);
    const bool transposed = binding.layout == Layout::transposed;
    PackParams out{};
    out.n = static_cast<uint>(size.n);
    out.k = static_cast<uint>(size.k);
    if (stacked && kind_of(binding.role) == WeightKind::vector)
      out.n = static_cast<uint>(size.n / count_of(binding.role, dims_));
    out.transposed = transposed ? 1 : 0;
    out.stride = transposed ? static_cast<uint>(rows_of_whole(binding, size.n)) : out.k;
    std::uint64_t row = std::uint64_t{binding.part} * out.n;
    if (binding.role == WeightRole::position_embedding)
      row = static_cast<std::uint64_t>(dims_.position_offset);
    if (binding.fused != Fused::no) row = place_fused(binding, out);
    out.offset = static_cast<uint>(row * (transposed ? 1 : out.k));
    return out;
  }

  // The first row of a part of a fused tensor; sets how its rows go on.
  std::uint64_t place_fused(const Binding& binding, PackParams& out) const {
    const auto dim = static_cast<std::uint64_t>(dims_.head_dim);
    const auto heads = static_cast<std::uint64_t>(dims_.heads);
    const auto kv_heads = static_cast<std::uint64_t>(dims_.kv_heads);
    const WeightRole role = binding.role;
    const bool is_k = role == WeightRole::k || role == WeightRole::k_bias;
    const bool is_v = role == WeightRole::v || role == WeightRole::v_bias;
    if (binding.fused == Fused::gate_up)
      return role == WeightRole::up || role == WeightRole::up_bias ? out.n : 0;
    if (binding.fused == Fused::qkv)
      return is_k ? heads * dim : is_v ? (heads + kv_heads) * dim : 0;
    const std::uint64_t queries = heads / kv_heads * dim;
    out.run = static_cast<uint>(is_k || is_v ? dim : queries);
    out.period = static_cast<uint>(queries + 2 * dim);
    return is_k ? queries : is_v ? queries + dim : 0;
  }

  std::string summary() const {
    constexpr std::size_t kShown = 3;
    const auto end =
        faults_.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, faults_.size()));
    std::string text = fmt::format("{}", fmt::join(faults_.begin(), end, "; "));
    if (faults_.size() > kShown) text += fmt::format("; and {} more", faults_.size() - kShown);
    return text;
  }

  // Whether both begin and end with the same bytes: all of a head would be long to read.
  static bool is_copy(const TensorRef& a, const TensorRef& b) {
    constexpr std::size_t kLooked = std::size_t{1} << 16;
    if (a.type.dtype != b.type.dtype || a.bytes.size() != b.bytes.size()) return false;
    const std::size_t looked = std::min(kLooked, a.bytes.size());
    return std::ranges::equal(a.bytes.first(looked), b.bytes.first(looked)) &&
           std::ranges::equal(a.bytes.last(looked), b.bytes.last(looked));
  }

  void collect_unused() {
    const BoundWeight* const embedding = model_.find_global(WeightRole::token_embedding);
    if (tied_head_ != nullptr && embedding != nullptr && is_copy(*tied_head_, *embedding->tensor))
      used_.insert(tied_head_->name);
    for (const TensorRef& tensor : model_.source->tensors()) {
      const bool known = std::ranges::any_of(table_.ignored, [&](std::string_view part) {
        return part.ends_with('.') ? tensor.name.starts_with(part) : tensor.name.ends_with(part);
      });
      if (!known && !used_.contains(tensor.name)) model_.unused.push_back(tensor.name);
    }
  }

  Model& model_;
  const BindingTable table_;
  const Dims& dims_;
  std::set<std::string> used_;
  std::vector<std::string> faults_;
  const TensorRef* tied_head_ = nullptr;  // one in the file that the configuration has no use for
};

}  // namespace

Status bind_weights(Model& model) {
  const ArchSpec& arch = *model.spec.arch;
  return bind_weights(model, {arch.bindings, arch.prefixes, arch.ignored, arch.norm_offset});
}

Status bind_weights(Model& model, const BindingTable& table) { return Binder(model, table).run(); }

}  // namespace tepui
