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
    const Dims& d = report_.model.spec.dims;
    const ArchSpec& arch = *report_.model.spec.arch;
    line("layers", fmt::format("{} of width {}", d.layers, d.width));
    std::string attention = fmt::format("{} of size {}", counted(d.heads, "head"), d.head_dim);
    if (d.kv_heads != d.heads)
      attention += fmt::format(", {} of keys and values", counted(d.kv_heads, "head"));
    if (d.attention_bias || arch.norm == NormKind::layer) attention += ", with biases";
    line("attention", attention);
    line("MLP", fmt::format("{} of width {}, {}", arch.mlp == MlpKind::gated ? "gated" : "plain",
                            d.hidden, activation_name(d.act)));
    line("norm", fmt::format("{}, eps {}", arch.norm == NormKind::rms ? "RMSNorm" : "LayerNorm",
                             d.norm_eps));
    line("positions", positions());
    line("vocabulary",
         fmt::format("{} tokens, {}", d.vocabulary,
                     d.tied ? "the head is the token embedding" : "a head of its own"));
    line("context", counted(longest_context(d), "token"));
  }

  std::string positions() const {
    const ModelSpec& spec = report_.model.spec;
    if (spec.arch->positions == PositionKind::learned) return "learned, added to the embeddings";
    const RopeSpec& rope = spec.dims.rope;
    std::string text = fmt::format("rotary over {} of {} channels of a head, theta {}",
                                   rope.rotary_dim, spec.dims.head_dim, rope.theta);
    if (rope.interleaved) text += ", interleaved pairs";
    switch (rope.scaling) {
      case RopeScaling::none: break;
      case RopeScaling::linear: text += fmt::format(", linear scaling by {}", rope.factor); break;
      case RopeScaling::dynamic: text += fmt::format(", dynamic scaling by {}", rope.factor); break;
      case RopeScaling::llama3: text += fmt::format(", llama3 scaling by {}", rope.factor); break;
    }
    if (!rope.divisors.empty()) text += ", frequencies divided as the file says";
    return text;
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
