// SPDX-License-Identifier: MIT
#include "study/summary.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "store/identity.h"
#include "study/massive_groups.h"

namespace tepui {

namespace {

// Sums of one place over sequences, in ascending order of sequences.
struct SummaryCollector {
  PointSummary summary;
  std::vector<double> quantile_sums;
  std::size_t common_top = 0;              // ranks that every sequence has
  std::map<std::int64_t, TopValue> below;  // by channel
  // Below this a sequence may have had values that it did not keep: what is last in a list that is
  // as long as any.
  std::size_t longest = 0;
  float least_kept = 0;

  void add(const PlaceRows& place, const SummaryOptions& options);
  void note_kept(const PlaceRows& place);
  void note_steepest(const PlaceRows& place);
  void note_below(const PlaceRows& place, const MassiveRule& rule);
  void finish(std::size_t wanted);
};

void SummaryCollector::note_kept(const PlaceRows& place) {
  const std::size_t kept = place.top.size();
  if (kept < longest) return;
  if (kept > longest) least_kept = 0;
  longest = kept;
  const float last = std::abs(place.top.back().value);
  if (last > least_kept) least_kept = last;  // no NaN, which says nothing
}

void SummaryCollector::note_steepest(const PlaceRows& place) {
  const ObservationRow& row = place.top.front();
  if (!(place.median > 0) || !std::isfinite(row.value)) return;
  auto& steepest = summary.steepest;
  if (!steepest ||
      std::abs(row.value) / place.median > std::abs(steepest->value) / steepest->median)
    steepest = {row.value, place.sequence, row.position, row.channel, place.median};
}

bool is_larger(const TopValue& a, const TopValue& b) {
  const float left = std::abs(a.value);
  const float right = std::abs(b.value);
  // NaN counts as larger than everything, as in the selections.
  if (std::isnan(left) != std::isnan(right)) return std::isnan(left);
  if (left > right) return true;
  if (left < right) return false;
  return std::tie(a.sequence, a.position, a.channel) < std::tie(b.sequence, b.position, b.channel);
}

void SummaryCollector::add(const PlaceRows& place, const SummaryOptions& options) {
  const auto wanted = static_cast<std::size_t>(std::max(options.top, 1));
  const std::size_t ranks = std::min(wanted, place.top.size());
  common_top = summary.sequences == 0 ? ranks : std::min(common_top, ranks);
  ++summary.sequences;
  note_kept(place);
  summary.median += place.median;
  summary.top_mean.resize(std::max(summary.top_mean.size(), ranks), 0.0);
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const ObservationRow& row = place.top[rank];
    summary.top_mean[rank] += std::abs(double{row.value});
    summary.top.push_back({row.value, place.sequence, row.position, row.channel, place.median});
  }
  note_steepest(place);
  note_below(place, options.rule);
  for (std::size_t at = 0; at < place.quantiles.size(); ++at) {
    if (at == summary.quantiles.size())
      summary.quantiles.push_back({place.quantiles[at].parameter});
    summary.quantiles[at].mean += place.quantiles[at].value;
  }
  std::sort(summary.top.begin(), summary.top.end(), is_larger);
  summary.top.resize(std::min(summary.top.size(), wanted));
}

void SummaryCollector::note_below(const PlaceRows& place, const MassiveRule& rule) {
  for (const ObservationRow& row : place.top) {
    if (!std::isfinite(row.value) || passes(rule, row.value, place.median)) continue;
    const TopValue value{row.value, place.sequence, row.position, row.channel, place.median};
    const auto [entry, is_new] = below.try_emplace(row.channel, value);
    if (!is_new && is_larger(value, entry->second)) entry->second = value;
  }
}

void SummaryCollector::finish(std::size_t wanted) {
  const double count = summary.sequences;
  summary.median /= count;
  summary.top_mean.resize(std::min(common_top, wanted));
  std::erase_if(summary.top, [&](const TopValue& one) { return std::abs(one.value) < least_kept; });
  for (double& mean : summary.top_mean) mean /= count;
  for (QuantileMean& quantile : summary.quantiles) quantile.mean /= count;
  for (const auto& [channel, value] : below) summary.below.push_back(value);
  std::sort(summary.below.begin(), summary.below.end(), is_larger);
}

void note_not_finite(const PlaceRows& place, std::vector<NotFinite>& notes) {
  for (const auto* rows : {&place.quantiles, &place.top})
    for (const ObservationRow& row : *rows)
      if (!std::isfinite(row.value))
        notes.push_back(
            {place.point, place.sequence, row.metric, row.position, row.channel, row.value});
}

Status summarise_point(StoreReader& store, Point point, std::optional<double> keep_floor,
                       ScanSummary& scan) {
  const auto wanted = static_cast<std::size_t>(std::max(scan.options.top, 1));
  SummaryCollector collector;
  collector.summary.point = point;
  for (const int sequence : scan.finished) {
    TEPUI_TRY(const auto place, read_place(store, sequence, point));
    if (!place) continue;
    collector.add(*place, scan.options);
    note_not_finite(*place, scan.not_finite);
    const std::size_t before = scan.massive.values.size();
    TEPUI_TRY(judge(*place, scan.options.rule, keep_floor, scan.massive));
    if (scan.massive.values.size() > before) ++collector.summary.massive_sequences;
  }
  if (collector.summary.sequences == 0) return {};
  collector.finish(wanted);
  scan.points.push_back(std::move(collector.summary));
  return {};
}

std::optional<double> keep_floor_of(const nlohmann::json& identity) {
  const auto found = identity.find("keep_floor");
  if (found == identity.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

}  // namespace

const PointSummary* ScanSummary::at(Point point) const {
  const auto found = std::find_if(points.begin(), points.end(), [&](const PointSummary& summary) {
    return summary.point == point;
  });
  return found == points.end() ? nullptr : &*found;
}

const VocabularyRow& ScanSummary::token(int sequence, std::int64_t position) const {
  static const VocabularyRow kUnknown{-1, "", ""};
  if (sequence < 0 || static_cast<std::size_t>(sequence) >= sequences.size()) return kUnknown;
  const auto& tokens = sequences[static_cast<std::size_t>(sequence)].tokens;
  if (position < 0 || static_cast<std::size_t>(position) >= tokens.size()) return kUnknown;
  const auto found = vocabulary.find(tokens[static_cast<std::size_t>(position)]);
  return found == vocabulary.end() ? kUnknown : found->second;
}

bool ScanSummary::judged() const {
  return !points.empty() || command == "scan" || command == "intervene";
}

Result<ScanSummary> summarise(StoreReader& store, const SummaryOptions& options) {
  ScanSummary scan;
  scan.options = options;
  TEPUI_TRY(scan.run, store.run());
  TEPUI_TRY(scan.sequences, store.sequences());
  TEPUI_TRY(auto vocabulary, store.vocabulary());
  for (VocabularyRow& row : vocabulary) {
    const auto id = row.token_id;
    scan.vocabulary.emplace(id, std::move(row));
  }
  TEPUI_TRY(scan.finished, store.finished());
  TEPUI_TRY(const auto identity, store.identity());
  scan.command = command_of_identity(identity);
  TEPUI_TRY(const auto points, store.points());
  for (const Point point : points)
    TEPUI_TRY(summarise_point(store, point, keep_floor_of(identity), scan));
  scan.groups = group_massive(scan);
  return scan;
}

}  // namespace tepui
