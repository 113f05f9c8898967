// SPDX-License-Identifier: MIT
#include "study/attention_summary.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace tepui {

namespace {

// Adds one sequence's numbers to their sums.
void add_to(std::vector<double>& sums, const std::vector<float>& values) {
  sums.resize(std::max(sums.size(), values.size()), 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i] += double{values[i]};
}

void divide(std::vector<double>& sums, int count) {
  for (double& sum : sums) sum /= std::max(count, 1);
}

// Sums over sequences that become means.
struct NormSums {
  NormMeans* means = nullptr;
  int first = 0;
  int marked = 0;
  int others = 0;

  void add(std::string_view which, const std::vector<float>& values) {
    if (which == "first") add_to(means->first, values), ++first;
    if (which == "marked") add_to(means->marked, values), ++marked;
    if (which == "others") add_to(means->others, values), ++others;
  }
  void finish() const {
    divide(means->first, first);
    divide(means->marked, marked);
    divide(means->others, others);
  }
};

class LayerReader {
 public:
  LayerReader(StoreReader& store, int branch, int layer, const SinkRule& rule)
      : store_(store), branch_(branch), rule_(rule) {
    out_.layer = layer;
  }

  Result<AttentionLayer> run(const std::vector<int>& sequences) {
    for (const int sequence : sequences) {
      TEPUI_TRY(const auto rows, store_.series(sequence, {out_.layer, Site::attn_probs}, branch_));
      if (!rows.empty()) ++out_.sequences;
      for (const SeriesRow& row : rows) add(row);
      TEPUI_TRY(add_norms(sequence));
    }
    divide(out_.received, out_.sink_sequences);
    divide(out_.entropy, out_.sequences);
    divide(out_.share, marked_);
    for (auto* list : {&out_.z_part, &out_.z_rest}) {
      for (ConstancyMean& one : *list) divide_all(one);
    }
    for (auto* one : {&out_.out_part, &out_.out_rest}) {
      if (*one) divide_all(**one);
    }
    for (auto& [site, sums] : norms_) sums.finish();
    for (auto& [site, sums] : peaks_) sums.finish();
    return std::move(out_);
  }

 private:
  void add(const SeriesRow& row) {
    if (row.metric == "entropy") {
      heads_ = row.values.size();
      add_to(out_.entropy, row.values);
    }
    if (row.metric == "received_early") add_received(row.values);
    if (row.metric == "marked_share") {
      ++marked_;
      add_to(out_.share, row.values);
    }
    if (row.metric == "z_part") add_constancy(out_.z_part, row.values);
    if (row.metric == "z_rest") add_constancy(out_.z_rest, row.values);
    if (row.metric == "out_part") add_constancy(out_.out_part, row.values);
    if (row.metric == "out_rest") add_constancy(out_.out_rest, row.values);
  }

  // Rows come in order of their names: the entropy, and with it the number of heads, first.
  void add_received(const std::vector<float>& values) {
    const std::size_t keys = heads_ == 0 ? 0 : values.size() / heads_;
    const auto key = static_cast<std::size_t>(rule_.key);
    if (key >= keys) return;
    ++out_.sink_sequences;
    out_.sinks.resize(heads_, 0);
    std::vector<float> own;
    for (std::size_t h = 0; h < heads_; ++h) {
      own.push_back(values[h * keys + key]);
      if (double{own.back()} > rule_.epsilon) ++out_.sinks[h];
    }
    add_to(out_.received, own);
  }

  static void add_constancy(ConstancyMean& to, const float* values) {
    const auto centre = double{values[1]};
    to.square += double{values[0]};
    to.centre += centre;
    to.variance +=
        centre > 0 ? double{values[2]} / centre : std::numeric_limits<double>::infinity();
    to.cosine += double{values[3]};
  }
  static void add_constancy(std::vector<ConstancyMean>& to, const std::vector<float>& values) {
    to.resize(values.size() / 4);
    for (std::size_t h = 0; h < to.size(); ++h) add_constancy(to[h], &values[h * 4]);
  }
  static void add_constancy(std::optional<ConstancyMean>& to, const std::vector<float>& values) {
    if (values.size() != 4) return;
    if (!to) to.emplace();
    add_constancy(*to, values.data());
  }
  void divide_all(ConstancyMean& one) const {
    for (double* value : {&one.square, &one.centre, &one.variance, &one.cosine})
      *value /= std::max(marked_, 1);
  }

  Status add_norms(int sequence) {
    NormMeans* const norms[] = {&out_.resid_pre, &out_.attn_in, &out_.q, &out_.k, &out_.v};
    NormMeans* const peaks[] = {&out_.resid_peak, &out_.attn_peak};
    constexpr Site kSites[] = {Site::resid_pre, Site::attn_in, Site::q, Site::k, Site::v};
    for (std::size_t i = 0; i < std::size(kSites); ++i) {
      norms_[kSites[i]].means = norms[i];
      if (i < std::size(peaks)) peaks_[kSites[i]].means = peaks[i];
      TEPUI_TRY(const auto rows, store_.series(sequence, {out_.layer, kSites[i]}, branch_));
      for (const SeriesRow& row : rows) {
        const std::string_view metric = row.metric;
        if (metric.starts_with("norm_")) norms_[kSites[i]].add(metric.substr(5), row.values);
        if (metric.starts_with("peak_") && i < std::size(peaks))
          peaks_[kSites[i]].add(metric.substr(5), row.values);
      }
    }
    return {};
  }

  StoreReader& store_;
  int branch_;
  SinkRule rule_;
  AttentionLayer out_;
  std::size_t heads_ = 0;
  int marked_ = 0;  // sequences with queries behind tokens
  std::map<Site, NormSums> norms_;
  std::map<Site, NormSums> peaks_;
};

Result<std::vector<MassiveToken>> massive_tokens(StoreReader& store,
                                                 const std::vector<int>& sequences,
                                                 const std::vector<SequenceRow>& rows,
                                                 const std::vector<Point>& points) {
  struct Found {
    std::set<int> sequences;
    std::set<std::int64_t> layers;
  };
  std::map<std::pair<std::int64_t, std::int32_t>, Found> found;  // by position and token
  for (const int sequence : sequences) {
    const auto& tokens = rows[static_cast<std::size_t>(sequence)].tokens;
    for (const Point point : points) {
      if (point.site != Site::resid_post) continue;
      TEPUI_TRY(const auto massive, store.observations(sequence, point, "massive"));
      for (const ObservationRow& row : massive) {
        if (row.position < 0 || row.position >= static_cast<std::int64_t>(tokens.size())) continue;
        Found& own = found[{row.position, tokens[static_cast<std::size_t>(row.position)]}];
        own.sequences.insert(sequence);
        own.layers.insert(point.layer);
      }
    }
  }
  std::vector<MassiveToken> out;
  for (const auto& [key, own] : found)
    out.push_back({key.second,
                   key.first,
                   static_cast<int>(own.sequences.size()),
                   {own.layers.begin(), own.layers.end()}});
  std::ranges::stable_sort(out, std::greater{}, &MassiveToken::sequences);
  return out;
}

}  // namespace

double AttentionBranch::sink_rate() const {
  double sinks = 0;
  double all = 0;
  for (const AttentionLayer& layer : layers) {
    for (const int count : layer.sinks) {
      sinks += count;
      all += layer.sink_sequences;
    }
  }
  return all > 0 ? sinks / all : 0;
}

std::string AttentionSummary::token_bytes(std::int32_t id) const {
  const auto found = std::ranges::find(vocabulary, id, &VocabularyRow::token_id);
  return found == vocabulary.end() ? "" : found->bytes;
}

std::string AttentionSummary::early_queries() const {
  if (queries == 1) return "the first query";
  return fmt::format("{}the first {} queries", same ? "" : "at most ", queries);
}

bool is_attention(const nlohmann::json& identity) {
  const auto kind = identity.find("kind");
  return kind != identity.end() && *kind == "attention";
}

Result<std::vector<AttentionLayer>> attention_layers(StoreReader& store, int branch,
                                                     const std::vector<int>& sequences,
                                                     const SinkRule& rule) {
  TEPUI_TRY(const auto points, store.points());
  std::vector<AttentionLayer> layers;
  for (const Point point : points) {
    if (point.site != Site::attn_probs) continue;
    TEPUI_TRY(layers.emplace_back(), LayerReader(store, branch, point.layer, rule).run(sequences));
  }
  return layers;
}

Result<AttentionSummary> summarise_attention(StoreReader& store, const SinkRule& rule) {
  AttentionSummary summary;
  summary.rule = rule;
  TEPUI_TRY(summary.run, store.run());
  TEPUI_TRY(summary.identity, store.identity());
  if (!is_attention(summary.identity))
    return fail(ErrorKind::data, "{}: expected the store of tepui attention, found another's",
                store.file().string());
  const auto early = summary.identity.find("early");
  if (early == summary.identity.end() || !early->is_number_integer())
    return fail(ErrorKind::data, "{}: expected a number 'early' in its identity",
                store.file().string());
  summary.early = early->get<int>();
  if (rule.key >= summary.early)
    return fail(ErrorKind::usage,
                "--sink-key {}: expected a key among the first {} tokens, of which the store keeps "
                "what early queries give (--sink-tokens)",
                rule.key, summary.early);
  const auto tokens = summary.identity.find("tokens");
  if (tokens != summary.identity.end() && tokens->is_array()) {
    for (const auto& position : *tokens) {
      if (position.is_number_integer()) summary.asked.push_back(position.get<int>());
    }
  }
  TEPUI_TRY(const auto sequences, store.sequences());
  TEPUI_TRY(const auto finished, store.finished());
  TEPUI_TRY(const auto points, store.points());
  TEPUI_TRY(summary.vocabulary, store.vocabulary());
  summary.sequences = static_cast<int>(sequences.size());
  summary.finished = static_cast<int>(finished.size());
  std::size_t longest = 0;
  for (const SequenceRow& row : sequences) longest = std::max(longest, row.tokens.size());
  for (const int sequence : finished) {
    const auto& tokens = sequences[static_cast<std::size_t>(sequence)].tokens;
    const int own = std::min(summary.early, static_cast<int>(tokens.size()));
    summary.same = summary.same && (summary.queries == 0 || own == summary.queries);
    summary.queries = std::max(summary.queries, own);
  }
  if (static_cast<std::size_t>(rule.key) >= longest)
    return fail(ErrorKind::usage,
                "--sink-key {}: expected a key that some sequence has, found at most {} tokens",
                rule.key, longest);
  TEPUI_TRY(summary.massive, massive_tokens(store, finished, sequences, points));
  TEPUI_TRY(const auto branches, store.branches());
  for (std::size_t b = 0; b < branches.size(); ++b) {
    AttentionBranch branch{branches[b].name, branches[b].edits, {}};
    TEPUI_TRY(branch.layers, attention_layers(store, static_cast<int>(b), finished, rule));
    summary.branches.push_back(std::move(branch));
  }
  return summary;
}

}  // namespace tepui
