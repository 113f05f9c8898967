// SPDX-License-Identifier: MIT
#include <fmt/ranges.h>

#include "models/rope_table.h"
#include "study/inspect.h"
#include "study/wording.h"

namespace tepui {
namespace {

constexpr int kLabel = 12;  // columns of the names on the left

std::string bytes_text(std::uint64_t bytes) {
  const auto number = static_cast<double>(bytes);
  if (number >= 1024.0 * 1024.0 * 1024.0)
    return fmt::format("{:.1f} GiB", number / (1024.0 * 1024.0 * 1024.0));
  if (number >= 1024.0 * 1024.0) return fmt::format("{:.1f} MiB", number / (1024.0 * 1024.0));
  if (number >= 1024.0) return fmt::format("{:.1f} KiB", number / 1024.0);
  return fmt::format("{} bytes", bytes);
}

std::string count_text(std::int64_t count) {
  const auto number = static_cast<double>(count);
  if (number >= 1e9) return fmt::format("{:.2f} billion", number / 1e9);
  if (number >= 1e6) return fmt::format("{:.2f} million", number / 1e6);
  return fmt::format("{}", count);
}

std::string block_text(const Form& form) {
  switch (form.block) {
    case BlockKind::sequential: return "attention, then the MLP";
    case BlockKind::parallel:
      return form.shared_norm ? "attention and MLP in parallel behind one norm"
                              : "attention and MLP in parallel";
    case BlockKind::norm_after: return "a norm behind each addition";
  }
  return {};
}

std::string window_text(const ModelSpec& spec) {
  int windows = 0;
  int widest = 0;
  for (const LayerSpec& layer : spec.layers) {
    if (layer.window == 0) continue;
    ++windows;
    widest = layer.window;
  }
  if (windows == 0) return {};
  return fmt::format(", a window of {} keys in {} of {} layers", widest, windows, spec.dims.layers);
}

std::string attention_text(const ModelSpec& spec) {
  const Dims& d = spec.dims;
  std::string text = fmt::format("{} of size {}", counted(d.heads, "head"), d.head_dim);
  if (d.kv_heads != d.heads)
    text += fmt::format(", {} of keys and values", counted(d.kv_heads, "head"));
  switch (spec.form.qk_norm) {
    case QkNorm::none: break;
    case QkNorm::head: text += ", norms of query and key heads"; break;
    case QkNorm::each_head:
      text += ", norms of query and key heads with weights of their own";
      break;
    case QkNorm::whole: text += ", norms of all queries and of all keys"; break;
  }
  if (d.clip_qkv != 0) text += fmt::format(", q, k and v within {}", d.clip_qkv);
  switch (spec.form.extra) {
    case AttentionExtra::none: break;
    case AttentionExtra::kv_bias: text += ", a key and value of its own that all see"; break;
    case AttentionExtra::k_bias: text += ", a key of its own that all see"; break;
    case AttentionExtra::off_by_one: text += ", softmax off by one"; break;
    case AttentionExtra::v_bias: text += ", a bias of values"; break;
  }
  if (spec.form.sigmoid_attention) text += ", sigmoids for the softmax";
  if (!spec.form.sigmoid_attention && d.score_gamma != 0)
    text += fmt::format(", softmax clipped by {}", d.score_gamma);
  if (spec.form.gated_attention) text += ", channels of heads gated";
  if (spec.form.gated_heads) text += ", heads gated";
  if (d.prefix > 0) text += fmt::format(", the first {} seen by all", counted(d.prefix, "key"));
  if (d.score_softcap != 0) text += fmt::format(", scores capped at {}", d.score_softcap);
  return text + window_text(spec);
}

std::string mlp_text(const ModelSpec& spec) {
  const Dims& d = spec.dims;
  switch (spec.form.mlp) {
    case MlpKind::gated: return fmt::format("gated, {} wide, {}", d.hidden, activation_name(d.act));
    case MlpKind::plain: return fmt::format("{} wide, {}", d.hidden, activation_name(d.act));
    case MlpKind::experts:
      return fmt::format("{} gated experts, {} for each token, {} wide, {}", d.experts,
                         d.experts_chosen, d.hidden, activation_name(d.act));
  }
  return {};
}

std::string norm_text(const ModelSpec& spec) {
  const Form& form = spec.form;
  if (form.norm == NormKind::dyt) return "none; DyT, tanh(alpha x) by channel, in their places";
  std::string text = fmt::format("{}, eps {}", form.norm == NormKind::rms ? "RMSNorm" : "LayerNorm",
                                 spec.dims.norm_eps);
  if (form.norms_behind)
    text += form.norms_before ? ", before and behind attention and MLP"
                              : ", behind attention and MLP, not before";
  return text;
}

std::string rope_text(const RopeSpec& rope, int head_dim) {
  std::string text = fmt::format("rotary over {} of {} channels of a head, theta {}",
                                 rope.rotary_dim, head_dim, rope.theta);
  if (rope.interleaved) text += ", interleaved pairs";
  if (rope.scaling == RopeScaling::longrope)
    text += ", each frequency divided by a factor of its own";
  else if (rope.scaling != RopeScaling::none)
    text += fmt::format(", {} scaling by {}", scaling_name(rope.scaling), rope.factor);
  return text;
}

std::string position_text(const ModelSpec& spec) {
  switch (spec.form.positions) {
    case PositionKind::learned: return "learned, added to the embeddings";
    case PositionKind::alibi: return "ALiBi, a bias on scores by distance";
    case PositionKind::none: return "none";
    case PositionKind::rotary: break;
  }
  std::string text = rope_text(spec.dims.rope, spec.dims.head_dim);
  int local = 0;
  int none = 0;
  for (const LayerSpec& layer : spec.layers) {
    local += layer.rope == RopeUse::local_rope ? 1 : 0;
    none += layer.rope == RopeUse::none ? 1 : 0;
  }
  if (local > 0)
    text += fmt::format("; theta {} in {}", spec.dims.local_rope.theta, counted(local, "layer"));
  if (none > 0) text += fmt::format("; none in {}", counted(none, "layer"));
  return text;
}

class InspectText {
 public:
  InspectText(const ModelReport& report, int columns) : report_(report), columns_(columns) {}

  std::string run() {
    head();
    shape();
    weights();
    tokenizer();
    sites();
    backends();
    if (!report_.model.unused.empty())
      line("unused", fmt::format("{} that the architecture has no use for: {}",
                                 counted(std::ssize(report_.model.unused), "tensor"),
                                 fmt::join(report_.model.unused, ", ")));
    return out_;
  }

 private:
  void line(std::string_view label, const std::string& text) {
    const std::string lines = wrapped(text, columns_ - kLabel);
    std::size_t at = 0;
    while (at <= lines.size()) {
      const std::size_t end = std::min(lines.find('\n', at), lines.size());
      out_ += fmt::format("{:<{}}{}\n", label, kLabel, lines.substr(at, end - at));
      label = "";
      at = end + 1;
      if (at >= lines.size()) break;
    }
  }

  void head() {
    const Model& model = report_.model;
    out_ += fmt::format("{}: {}, {} parameters ({})\n\n", model.name, model.spec.arch->name,
                        count_text(report_.parameters), model.container);
    line("", std::string(model.spec.arch->differs));
    out_ += "\n";
  }

  void shape() {
    const ModelSpec& spec = report_.model.spec;
    const Dims& d = spec.dims;
    line("layers", fmt::format("{} of width {}, {}", d.layers, d.width, block_text(spec.form)));
    line("attention", attention_text(spec));
    line("MLP", mlp_text(spec));
    line("norm", norm_text(spec));
    line("positions", position_text(spec));
    std::string head = d.tied ? "the head is the token embedding" : "a head of its own";
    if (d.embedding_width != d.width)
      head += fmt::format(", both {} wide and projected", d.embedding_width);
    line("vocabulary", fmt::format("{} tokens, {}", d.vocabulary, head));
    line("context", counted(longest_context(d), "token"));
  }

  void weights() {
    std::vector<std::string> parts;
    for (const auto& [name, use] : report_.dtypes)
      parts.push_back(
          fmt::format("{} {} ({})", counted(use.tensors, "tensor"), name, bytes_text(use.bytes)));
    line("weights",
         fmt::format("{}; {} of {} parameters are embeddings and head", listed(parts),
                     count_text(report_.embedding_parameters), count_text(report_.parameters)));
  }

  void tokenizer() {
    const Tokenizer* t = report_.tokenizer.get();
    if (t == nullptr) return line("tokenizer", "none: " + report_.no_tokenizer);
    std::string bos = "no BOS";
    if (t->bos())
      bos = fmt::format("BOS {} ({}) {}", quoted(t->piece(*t->bos()), Letters::unicode), *t->bos(),
                        t->adds_bos() ? "is put before every text" : "is not put before a text");
    line("tokenizer", fmt::format("{}, {} tokens; {}", t->kind(), t->vocabulary_size(), bos));
  }

  void sites() {
    std::vector<std::string> has;
    for (const SiteUse& use : report_.sites)
      if (use.width > 0) has.emplace_back(site_name(use.site));
    line("sites", fmt::format("{}", fmt::join(has, ", ")));
    std::string_view label = "no sites";
    for (const SiteUse& use : report_.sites) {
      if (use.width > 0) continue;
      line(label, fmt::format("{}: {}", site_name(use.site), use.reason));
      label = "";
    }
  }

  void backends() {
    std::string_view label = "runs on";
    for (const BackendUse& use : report_.backends) {
      const std::string name = fmt::format("{} ({})", use.selector, use.name);
      if (use.missing.empty())
        line(label,
             fmt::format("{}: weights take {}, or {} with one layer at a time; a sequence of {} "
                         "tokens takes {}",
                         name, bytes_text(use.weights_bytes), bytes_text(use.smallest_bytes),
                         use.sequence_tokens, bytes_text(use.sequence_bytes)));
      else
        line(label, fmt::format("not {}: it lacks {}", name, fmt::join(use.missing, ", ")));
      label = "";
    }
    if (!report_.no_devices.empty()) line("", "no other devices: " + report_.no_devices);
  }

  const ModelReport& report_;
  int columns_;
  std::string out_;
};

}  // namespace

std::string inspect_text(const ModelReport& report, int columns) {
  return InspectText(report, columns).run();
}

}  // namespace tepui
