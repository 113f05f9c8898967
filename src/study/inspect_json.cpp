// SPDX-License-Identifier: MIT
#include "base/utf8_text.h"
#include "models/rope_table.h"
#include "study/inspect.h"

namespace tepui {
namespace {

using Json = nlohmann::ordered_json;

Json rope_json(const RopeSpec& rope) {
  Json out;
  out["theta"] = rope.theta;
  out["rotary_dim"] = rope.rotary_dim;
  out["interleaved"] = rope.interleaved;
  const bool by_frequency = rope.scaling == RopeScaling::longrope;
  // Where long texts have no factors of their own it is longrope's table and not its rule.
  const bool one_table = by_frequency && rope.short_factors == rope.long_factors;
  out["scaling"] = one_table ? "by_frequency" : scaling_name(rope.scaling);
  if (by_frequency)
    out["factor"] = nullptr;
  else
    out["factor"] = rope.factor;
  if (by_frequency) {
    out["short_factors"] = rope.short_factors;
    out["long_factors"] = rope.long_factors;
  }
  return out;
}

Json shape_json(const ModelSpec& spec) {
  const Dims& d = spec.dims;
  Json out;
  constexpr const char* kNorms[] = {"rms", "layer", "dyt"};
  out["layers"] = d.layers;
  out["width"] = d.width;
  out["heads"] = d.heads;
  out["kv_heads"] = d.kv_heads;
  out["head_dim"] = d.head_dim;
  out["hidden"] = d.hidden;
  out["vocabulary"] = d.vocabulary;
  out["context"] = longest_context(d);
  out["norm"] = kNorms[static_cast<std::size_t>(spec.form.norm)];
  out["norm_eps"] = d.norm_eps;
  out["activation"] = activation_name(d.act);
  out["tied"] = d.tied;
  constexpr const char* kBlocks[] = {"sequential", "parallel", "norm_after"};
  constexpr const char* kMlps[] = {"gated", "plain", "experts"};
  constexpr const char* kPositions[] = {"rotary", "learned", "alibi", "none"};
  out["block"] = kBlocks[static_cast<std::size_t>(spec.form.block)];
  out["mlp"] = kMlps[static_cast<std::size_t>(spec.form.mlp)];
  if (spec.form.mlp == MlpKind::experts) {
    out["experts"] = d.experts;
    out["experts_chosen"] = d.experts_chosen;
  }
  out["positions"] = kPositions[static_cast<std::size_t>(spec.form.positions)];
  if (spec.form.positions == PositionKind::rotary) out["rope"] = rope_json(d.rope);
  if (d.prefix > 0) out["prefix"] = d.prefix;
  out["windows"] = Json::array();
  for (const LayerSpec& layer : spec.layers) out["windows"].push_back(layer.window);
  return out;
}

Json token_json(const Tokenizer& tokenizer, std::optional<TokenId> id) {
  if (!id) return nullptr;
  return {{"id", *id}, {"piece", valid_utf8(tokenizer.piece(*id))}};
}

Json tokenizer_json(const ModelReport& report) {
  if (report.tokenizer == nullptr) return {{"missing", report.no_tokenizer}};
  const Tokenizer& tokenizer = *report.tokenizer;
  Json out;
  out["kind"] = tokenizer.kind();
  out["tokens"] = tokenizer.vocabulary_size();
  out["bos"] = token_json(tokenizer, tokenizer.bos());
  out["eos"] = token_json(tokenizer, tokenizer.eos());
  out["adds_bos"] = tokenizer.adds_bos();
  out["fingerprint"] = tokenizer.fingerprint();
  return out;
}

Json backend_json(const BackendUse& use) {
  Json out;
  out["backend"] = use.selector;
  out["device"] = use.name;
  out["runs"] = use.missing.empty();
  out["missing"] = use.missing;
  out["memory_bytes"] = use.memory_bytes;
  out["weights_bytes"] = use.weights_bytes;
  out["smallest_bytes"] = use.smallest_bytes;
  out["sequence_tokens"] = use.sequence_tokens;
  out["sequence_bytes"] = use.sequence_bytes;
  return out;
}

}  // namespace

Json inspect_json(const ModelReport& report) {
  const Model& model = report.model;
  Json out;
  out["model"] = model.name;
  out["model_path"] = model.path;
  out["container"] = model.container;
  out["architecture"] = model.spec.arch->name;
  out["differs"] = model.spec.arch->differs;
  out["shape"] = shape_json(model.spec);
  out["parameters"] = report.parameters;
  out["embedding_parameters"] = report.embedding_parameters;
  out["weights"] = Json::array();
  for (const auto& [name, use] : report.dtypes)
    out["weights"].push_back({{"dtype", name},
                              {"tensors", use.tensors},
                              {"elements", use.elements},
                              {"bytes", use.bytes}});
  out["tokenizer"] = tokenizer_json(report);
  out["sites"] = Json::array();
  for (const SiteUse& use : report.sites) {
    Json site = {{"site", site_name(use.site)}};
    if (use.width > 0)
      site["width"] = use.width;
    else
      site["missing"] = use.reason;
    out["sites"].push_back(std::move(site));
  }
  out["backends"] = Json::array();
  for (const BackendUse& use : report.backends) out["backends"].push_back(backend_json(use));
  out["unused_tensors"] = model.unused;
  return out;
}

}  // namespace tepui
