// SPDX-License-Identifier: MIT
#include "report/attention_chart.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8_text.h"
#include "study/attention_report.h"
#include "study/wording.h"

namespace tepui {

namespace {

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return std::nan("");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

ChartJson numbers(const std::vector<double>& values) {
  ChartJson list = ChartJson::array();
  for (const double value : values) list.push_back(chart_number(value, 4));
  return list;
}

ChartJson constancy_json(const std::optional<ConstancyMean>& one) {
  if (!one) return nullptr;
  return {{"norm", chart_number(std::sqrt(one->square), 4)},
          {"cosine", chart_number(one->cosine, 4)},
          {"variance", chart_number(one->variance, 4)}};
}

// The tokens' norm, or that of position 0 where there are none.
ChartJson norm_pair(const NormMeans& norms) {
  return {chart_number(mean_of(norms.marked.empty() ? norms.first : norms.marked), 4),
          chart_number(mean_of(norms.others), 4)};
}

ChartJson branch_json(const AttentionBranch& branch) {
  ChartJson json;
  json["name"] = valid_utf8(branch.name);
  json["edits"] = valid_utf8(branch.edits);
  json["sink_rate"] = chart_number(branch.sink_rate(), 4);
  json["layers"] = ChartJson::array();
  for (const AttentionLayer& layer : branch.layers) {
    ChartJson entry;
    entry["layer"] = layer.layer;
    entry["received"] = numbers(layer.received);
    entry["share"] = chart_number(mean_of(layer.share), 4);
    entry["entropy"] = chart_number(mean_of(layer.entropy), 4);
    entry["part"] = constancy_json(layer.out_part);
    entry["rest"] = constancy_json(layer.out_rest);
    entry["norms"] = {{"resid_pre", norm_pair(layer.resid_pre)},
                      {"attn_in", norm_pair(layer.attn_in)},
                      {"q", norm_pair(layer.q)},
                      {"k", norm_pair(layer.k)},
                      {"v", norm_pair(layer.v)}};
    json["layers"].push_back(std::move(entry));
  }
  return json;
}

// The cells of queries and the keys that they can see: row by row, one more in each.
ChartJson triangle(const std::vector<float>& cells, std::size_t side) {
  ChartJson list = ChartJson::array();
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j <= i; ++j)
      list.push_back(chart_number(double{cells[i * side + j]}, 3));
  }
  return list;
}

std::vector<std::int64_t> marked_tokens(const AttentionSummary& summary,
                                        const std::vector<std::int32_t>& ids) {
  if (!summary.asked.empty()) return {summary.asked.begin(), summary.asked.end()};
  std::vector<std::int64_t> positions;
  for (const MassiveToken& one : summary.massive) {
    const auto at = static_cast<std::size_t>(one.position);
    if (at < ids.size() && ids[at] == one.token_id) positions.push_back(one.position);
  }
  std::ranges::sort(positions);
  return positions;
}

// The maps of one store, as many as fit.
class Maps {
 public:
  Maps(StoreReader& store, const AttentionSummary& summary, std::size_t cells,
       std::set<std::int32_t>& tokens)
      : store_(store), summary_(summary), left_(cells), tokens_(tokens) {}

  Result<ChartJson> run() {
    TEPUI_TRY(sequences_, store_.sequences());
    TEPUI_TRY(const auto finished, store_.finished());
    TEPUI_TRY(const auto points, store_.points());
    const auto mapped = summary_.identity.value("map_sequences", 0);
    for (const int sequence : finished) {
      if (sequence >= mapped) break;
      for (const Point point : points) {
        if (point.site != Site::attn_scores) continue;
        for (std::size_t b = 0; b < summary_.branches.size(); ++b)
          TEPUI_TRY(add(sequence, point.layer, static_cast<int>(b)));
      }
    }
    return ChartJson{{"all", std::move(all_)}, {"left_out", left_out_}};
  }

 private:
  Status add(int sequence, int layer, int branch) {
    TEPUI_TRY(const auto scores, store_.series(sequence, {layer, Site::attn_scores}, branch));
    for (const SeriesRow& score : scores) {
      if (!score.metric.starts_with("map.")) continue;
      TEPUI_TRY(const auto probability,
                store_.series(sequence, {layer, Site::attn_probs}, score.metric, branch));
      const auto side = static_cast<std::size_t>(
          std::lround(std::sqrt(static_cast<double>(score.values.size()))));
      const bool whole = side * side == score.values.size() && probability.size() == 1 &&
                         probability.front().values.size() == score.values.size();
      if (!whole)
        return fail(ErrorKind::data, "{}: {} of sequence {}, layer {}: expected two square maps",
                    store_.file().string(), score.metric, sequence, layer);
      if (score.values.size() > left_) {
        ++left_out_;
        continue;
      }
      left_ -= score.values.size();
      const auto& ids = sequences_[static_cast<std::size_t>(sequence)].tokens;
      ChartJson map;
      map["branch"] = branch;
      map["sequence"] = sequence;
      map["layer"] = layer;
      map["head"] =
          score.metric == "map.mean" ? ChartJson(nullptr) : ChartJson(score.metric.substr(4));
      map["ids"] = ChartJson::array();
      for (std::size_t i = 0; i < std::min(side, ids.size()); ++i) {
        map["ids"].push_back(ids[i]);
        tokens_.insert(ids[i]);
      }
      map["marked"] = marked_tokens(summary_, ids);
      map["scores"] = triangle(score.values, side);
      map["probabilities"] = triangle(probability.front().values, side);
      all_.push_back(std::move(map));
    }
    return {};
  }

  StoreReader& store_;
  const AttentionSummary& summary_;
  std::size_t left_;
  std::set<std::int32_t>& tokens_;
  std::vector<SequenceRow> sequences_;
  ChartJson all_ = ChartJson::array();
  int left_out_ = 0;
};

std::string tokens_sentence(const AttentionSummary& summary) {
  if (!summary.asked.empty())
    return fmt::format("Looked at: position {} of every sequence.",
                       ranges({summary.asked.begin(), summary.asked.end()}));
  if (summary.massive.empty()) return "No token holds a massive activation in the unedited run.";
  std::string text = "Massive tokens: ";
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < std::min(kShown, summary.massive.size()); ++i) {
    const MassiveToken& one = summary.massive[i];
    text +=
        fmt::format("{}{} at position {} ({} of {}; resid_post of layers {})", i > 0 ? ", " : "",
                    quoted(summary.token_bytes(one.token_id), Letters::unicode), one.position,
                    one.sequences, counted(summary.finished, "sequence"), ranges(one.layers));
  }
  if (summary.massive.size() > kShown)
    text += fmt::format(" and {} more", summary.massive.size() - kShown);
  return text + ".";
}

}  // namespace

std::string attention_finding(const AttentionSummary& summary) {
  std::string text = attention_so_far(summary);
  if (summary.finished == 0) return text;
  text += (text.empty() ? "" : "\n") + tokens_sentence(summary);
  for (const AttentionBranch& branch : summary.branches) {
    text += fmt::format("\n{}: {:.1f} % of the heads have a sink at key {} (more than {:g} of {})",
                        valid_utf8(branch.name), 100 * branch.sink_rate(), summary.rule.key,
                        summary.rule.epsilon, summary.early_queries());
    std::string least;
    std::string most;
    double low = 2;
    double high = -1;
    for (const AttentionLayer& layer : branch.layers) {
      const double share = mean_of(layer.share);
      if (share < low)
        low = share, least = fmt::format("{:.1f} % in layer {}", 100 * share, layer.layer);
      if (share > high)
        high = share, most = fmt::format("{:.1f} % in layer {}", 100 * share, layer.layer);
    }
    if (high >= 0) text += fmt::format("; the tokens receive {} to {}", least, most);
    text += ".";
  }
  return text;
}

Result<ChartJson> attention_chart(StoreReader& store, const AttentionSummary& summary,
                                  std::size_t cells, std::set<std::int32_t>& tokens) {
  ChartJson json;
  json["sink"] = {{"key", summary.rule.key},
                  {"epsilon", chart_number(summary.rule.epsilon)},
                  {"tokens", summary.early}};
  json["chosen"] = !summary.asked.empty();  // the tokens, else those that are massive
  json["branches"] = ChartJson::array();
  for (const AttentionBranch& branch : summary.branches)
    json["branches"].push_back(branch_json(branch));
  TEPUI_TRY(json["maps"], Maps(store, summary, cells, tokens).run());
  return json;
}

}  // namespace tepui
