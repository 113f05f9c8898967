// SPDX-License-Identifier: MIT
#include "study/attention_report.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8_text.h"
#include "study/text_table.h"

namespace tepui {

namespace {

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return std::nan("");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string shown(double value, int digits) {
  return std::isnan(value)   ? "-"
         : std::isinf(value) ? "not finite"
                             : fmt::format("{:.{}f}", value, digits);
}

// Three digits that matter, also below 1.
std::string small(double value) {
  if (std::isnan(value)) return "-";
  if (!std::isfinite(value)) return "not finite";
  return value == 0 ? "0" : fmt::format("{:.3g}", value);
}

std::string size(double value) { return std::isnan(value) ? "-" : rounded(value); }

TextColumn column(std::string title, int keep) {
  return {std::move(title), Align::right, keep, {}};
}

// What the tokens are.
std::string tokens_text(const AttentionSummary& summary, Letters letters, int columns) {
  if (!summary.asked.empty()) {
    const std::vector<std::int64_t> positions(summary.asked.begin(), summary.asked.end());
    return wrapped(fmt::format("tokens: position {} of every sequence\n", ranges(positions)),
                   columns);
  }
  if (summary.massive.empty())
    return wrapped("tokens: none, as no token holds a massive activation in the unedited run\n",
                   columns);
  constexpr std::size_t kShown = 8;
  TextColumn token{"token", Align::left, 4, {}};
  TextColumn position = column("position", 2);
  TextColumn sequences = column("sequences", 1);
  TextColumn layers{"layers of resid_post", Align::left, 3, {}};
  for (std::size_t i = 0; i < std::min(kShown, summary.massive.size()); ++i) {
    const MassiveToken& one = summary.massive[i];
    token.cells.push_back(quoted(summary.token_bytes(one.token_id), letters, 24));
    position.cells.push_back(fmt::format("{}", one.position));
    sequences.cells.push_back(fmt::format("{}/{}", one.sequences, summary.finished));
    layers.cells.push_back(ranges(one.layers));
  }
  std::string text =
      wrapped("tokens: those that hold massive activations in the unedited run\n", columns) +
      put_together(fitted({token, position, sequences, layers}, columns));
  if (summary.massive.size() > kShown)
    text += fmt::format("and {} more\n", summary.massive.size() - kShown);
  return text;
}

TextColumn layer_column(const AttentionBranch& branch) {
  TextColumn layer = column("layer", 1 << 20);
  for (const AttentionLayer& one : branch.layers)
    layer.cells.push_back(fmt::format("{}", one.layer));
  return layer;
}

std::string attention_columns(const AttentionSummary& summary, const AttentionBranch& branch,
                              int columns) {
  TextColumn sinks = column("sinks", 15);
  TextColumn received = column(fmt::format("key {}", summary.rule.key), 14);
  TextColumn share = column("tokens", 16);
  TextColumn entropy = column("entropy", 13);
  // What is said of a norm goes before it, so that none is taken for the other's.
  TextColumn part = column("part", 12);
  TextColumn cosine = column("cos", 10);
  TextColumn variance = column("var", 9);
  TextColumn rest = column("rest", 11);
  TextColumn rest_cosine = column("cos", 8);
  TextColumn rest_variance = column("var", 7);
  for (const AttentionLayer& layer : branch.layers) {
    const double all = std::max(layer.sink_sequences, 1);
    const double count = std::accumulate(layer.sinks.begin(), layer.sinks.end(), 0.0) / all;
    sinks.cells.push_back(fmt::format("{:.1f}/{}", count, layer.entropy.size()));
    received.cells.push_back(shown(mean_of(layer.received), 3));
    share.cells.push_back(shown(mean_of(layer.share), 3));
    entropy.cells.push_back(shown(mean_of(layer.entropy), 2));
    const auto put = [](const std::optional<ConstancyMean>& one, TextColumn& norm, TextColumn& cos,
                        TextColumn& var) {
      norm.cells.push_back(one ? size(std::sqrt(one->square)) : "-");
      cos.cells.push_back(one ? shown(one->cosine, 3) : "-");
      var.cells.push_back(one ? small(one->variance) : "-");
    };
    put(layer.out_part, part, cosine, variance);
    put(layer.out_rest, rest, rest_cosine, rest_variance);
  }
  return put_together(fitted({layer_column(branch), sinks, received, share, entropy, part, cosine,
                              variance, rest, rest_cosine, rest_variance},
                             columns));
}

// Norms of the tokens beside those of the others.
std::string norm_columns(const AttentionBranch& branch, int columns) {
  struct Entry {
    const char* title;
    NormMeans AttentionLayer::*norms;
    int keep;
  };
  constexpr Entry kEntries[] = {
      {"|h|", &AttentionLayer::resid_pre, 12}, {"|norm|", &AttentionLayer::attn_in, 4},
      {"peak", &AttentionLayer::attn_peak, 2}, {"|q|", &AttentionLayer::q, 6},
      {"|k|", &AttentionLayer::k, 8},          {"|v|", &AttentionLayer::v, 10}};
  std::vector<TextColumn> list{layer_column(branch)};
  for (const Entry& entry : kEntries) {
    TextColumn own = column(entry.title, entry.keep);
    TextColumn others = column("others", entry.keep - 1);
    for (const AttentionLayer& layer : branch.layers) {
      const NormMeans& norms = layer.*entry.norms;
      own.cells.push_back(size(mean_of(norms.marked.empty() ? norms.first : norms.marked)));
      others.cells.push_back(size(mean_of(norms.others)));
    }
    const bool any = std::ranges::any_of(own.cells, [](const auto& cell) { return cell != "-"; });
    if (!any) continue;
    list.push_back(std::move(own));
    list.push_back(std::move(others));
  }
  return put_together(fitted(std::move(list), columns));
}

std::string head_columns(const AttentionBranch& branch, int columns) {
  std::vector<TextColumn> list{layer_column(branch)};
  const std::size_t heads = branch.layers.empty() ? 0 : branch.layers.front().received.size();
  int keep = 1 << 20;
  for (std::size_t h = 0; h < heads; ++h) {
    TextColumn own = column(fmt::format("{}", h), --keep);
    for (const AttentionLayer& layer : branch.layers)
      own.cells.push_back(h < layer.received.size() ? fmt::format("{:.0f}", 100 * layer.received[h])
                                                    : "-");
    list.push_back(std::move(own));
  }
  const std::size_t before = list.size();
  list = fitted(std::move(list), columns);
  std::string text = put_together(list);
  if (list.size() < before)
    text +=
        wrapped(fmt::format("(the first {} of {} heads; --json has all)\n", list.size() - 1, heads),
                columns);
  return text;
}

std::string branch_text(const AttentionSummary& summary, const AttentionBranch& branch,
                        int columns) {
  std::string text = valid_utf8(branch.name);
  if (!branch.edits.empty() && branch.edits != branch.name)
    text += fmt::format(" ({})", valid_utf8(branch.edits));
  text += fmt::format(", means over {}\n", counted(summary.finished, "sequence"));
  text = wrapped(text, columns);
  text += wrapped(
      fmt::format("{:.1f} % of the heads have a sink: key {} receives more than {:g} of {}\n",
                  100 * branch.sink_rate(), summary.rule.key, summary.rule.epsilon,
                  summary.early_queries()),
      columns);
  text += attention_columns(summary, branch, columns) + "\n";
  text += wrapped("l2 norms of the tokens (none: of position 0) and of the others\n", columns);
  text += norm_columns(branch, columns) + "\n";
  text += wrapped(fmt::format("what key {} receives by head, per cent of {}\n", summary.rule.key,
                              summary.early_queries()),
                  columns);
  return text + head_columns(branch, columns);
}

// What the branches have in common: the layers' shares beside each other.
std::string side_by_side(const AttentionSummary& summary, int columns) {
  if (summary.branches.size() < 2) return "";
  const bool any = std::ranges::any_of(summary.branches.front().layers,
                                       [](const auto& layer) { return !layer.share.empty(); });
  std::vector<TextColumn> list{layer_column(summary.branches.front())};
  int keep = 1 << 20;
  for (const AttentionBranch& branch : summary.branches) {
    TextColumn own = column(valid_utf8(branch.name), --keep);
    for (const AttentionLayer& layer : branch.layers)
      own.cells.push_back(shown(mean_of(any ? layer.share : layer.received), 3));
    list.push_back(std::move(own));
  }
  const std::size_t before = list.size();
  list = fitted(std::move(list), columns);
  std::string text = any ? std::string("share of attention that the tokens receive\n")
                         : fmt::format("what key {} receives\n", summary.rule.key);
  text += put_together(list);
  if (list.size() < before)
    text += wrapped(
        fmt::format("({} branches more are not shown; --json has all)\n", before - list.size()),
        columns);
  return text + "\n";
}

}  // namespace

std::string attention_so_far(const AttentionSummary& summary) {
  return so_far(static_cast<std::size_t>(summary.finished),
                static_cast<std::size_t>(summary.sequences), "measured");
}

std::string attention_table(const AttentionSummary& summary, Letters letters, int columns) {
  std::string text = attention_so_far(summary);
  if (!text.empty()) text += "\n";
  if (summary.finished == 0) return text;
  text += tokens_text(summary, letters, columns) + "\n" + side_by_side(summary, columns);
  text += wrapped(
      "sinks: heads with a sink; tokens: what they receive of the queries behind them; entropy in "
      "nats; part and rest: l2 norms of what the tokens' values and all others give to the output, "
      "behind the projection; cos: of each query's vector to their mean; var: their variance over "
      "queries, relative to that mean; peak: share of the largest channel in the squared norm\n",
      columns);
  for (const AttentionBranch& branch : summary.branches)
    text += "\n" + branch_text(summary, branch, columns);
  return text;
}

}  // namespace tepui
