// SPDX-License-Identifier: MIT
#include "study/site_finding.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace tepui {

namespace {

constexpr std::size_t kMostGroups = 6;
constexpr std::size_t kMostNearMisses = 3;
constexpr std::size_t kMostTokens = 3;
constexpr int kTokenColumns = 24;

// The places of one site, and what is massive there.
struct SiteView {
  std::vector<const PointSummary*> points;   // by layer
  std::vector<const PointSummary*> massive;  // those with massive activations
  std::vector<const MassiveGroup*> groups;
};

SiteView view_of(const ScanSummary& scan, Site site) {
  SiteView view;
  for (const PointSummary& point : scan.points) {
    if (point.point.site != site) continue;
    view.points.push_back(&point);
    if (point.massive_sequences > 0) view.massive.push_back(&point);
  }
  for (const MassiveGroup& group : scan.groups)
    if (group.point.site == site) view.groups.push_back(&group);
  return view;
}

double top1(const PointSummary& point) {
  return point.top_mean.empty() ? 0 : point.top_mean.front();
}

std::string times_median(double value, double median, const char* whose = "the") {
  if (median == 0) return "the median is 0";
  return fmt::format("{} times {} median", rounded(std::abs(value) / median), whose);
}

// What is said beside it may be the mean of many sequences' medians.
std::string times_own_median(const TopValue& value) {
  return times_median(value.value, value.median, "its sequence's");
}

double ratio(const TopValue& value) { return std::abs(value.value) / value.median; }

std::string token_words(const std::vector<std::pair<std::int32_t, int>>& tokens,
                        const ScanSummary& scan, Letters letters) {
  std::vector<std::string> words;
  for (const auto& [id, count] : tokens) {
    if (words.size() == kMostTokens) break;
    const auto found = scan.vocabulary.find(id);
    words.push_back(found == scan.vocabulary.end()
                        ? fmt::format("id {}", id)
                        : quoted(found->second.bytes, letters, kTokenColumns));
  }
  if (tokens.size() == words.size()) return listed(words);
  return fmt::format("{} and {} more", fmt::join(words, ", "), tokens.size() - words.size());
}

// "the first token ("<s>")", "other delimiters (",", ";" and 4 more)".
std::string class_words(TokenClass token_class, const std::vector<const MassiveGroup*>& groups,
                        const ScanSummary& scan, Letters letters) {
  std::map<std::int32_t, int> counts;
  for (const MassiveGroup* group : groups)
    if (group->token_class == token_class)
      for (const auto& [id, count] : group->tokens) counts[id] += count;
  std::vector<std::pair<std::int32_t, int>> tokens(counts.begin(), counts.end());
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::string words = token_words(tokens, scan, letters);
  switch (token_class) {
    case TokenClass::first: return fmt::format("the first token ({})", words);
    case TokenClass::first_delimiter: return fmt::format("the first delimiter ({})", words);
    case TokenClass::delimiter: return fmt::format("later delimiters ({})", words);
    case TokenClass::other: return fmt::format("other tokens ({})", words);
  }
  return {};
}

std::string tokens_of_site(const SiteView& view, const ScanSummary& scan, Letters letters) {
  std::set<TokenClass> classes;
  for (const MassiveGroup* group : view.groups) classes.insert(group->token_class);
  std::vector<std::string> words;
  for (const TokenClass token_class : classes)
    words.push_back(class_words(token_class, view.groups, scan, letters));
  return (words.size() == 1 ? "only at " : "at ") + listed(words);
}

std::string of_sequences(std::size_t some, std::size_t all) {
  if (some == all)
    return all == 1 ? "in the only sequence" : fmt::format("in all {} sequences", all);
  return fmt::format("in {} of {} sequences", some, all);
}

std::string where_words(const SiteView& view, const ScanSummary& scan, Site site, Letters letters) {
  std::set<std::int64_t> channels;
  for (const MassiveGroup* group : view.groups) channels.insert(group->channel);
  std::set<int> sequences;
  for (const MassiveValue& value : scan.massive.values)
    if (value.point.site == site) sequences.insert(value.sequence);
  std::string layers;
  if (site_has_layer(site)) {
    std::vector<std::int64_t> massive;
    for (const PointSummary* point : view.massive) massive.push_back(point->point.layer);
    layers = fmt::format("{} {} ({} scanned), ", massive.size() == 1 ? "layer" : "layers",
                         ranges(massive), view.points.size());
  }
  return fmt::format(
      "Massive activations in {}: {}{} {}, {}, {}.", site_name(site), layers,
      channels.size() == 1 ? "channel" : "channels", ranges({channels.begin(), channels.end()}),
      tokens_of_site(view, scan, letters), of_sequences(sequences.size(), scan.finished.size()));
}

std::string at_class(TokenClass token_class) {
  switch (token_class) {
    case TokenClass::first: return "at the first token";
    case TokenClass::first_delimiter: return "at the first delimiter";
    case TokenClass::delimiter: return "at later delimiters";
    case TokenClass::other: return "at other tokens";
  }
  return {};
}

// How a group's values lie about their mean.
std::string spread(const MassiveGroup& group) {
  if (group.count == 1) return "one value";
  const std::string sequences = counted(group.sequences, "sequence");
  const double deviation = group.deviation.value_or(0);
  if (deviation == 0) return fmt::format("the same in all {} values, {}", group.count, sequences);
  const double share = 100 * deviation / std::abs(group.mean);
  return fmt::format("mean of {} values in {}, standard deviation {}, {}", group.count, sequences,
                     rounded(deviation),
                     share < 0.1 ? std::string("under 0.1 %") : fmt::format("{:.1f} %", share));
}

std::string constancy(const MassiveGroup& group) {
  std::string text = fmt::format("channel {} is {} {} ({})", group.channel, rounded(group.mean),
                                 at_class(group.token_class), spread(group));
  if (group.ratio) text += fmt::format(", {} times its sequence's median", rounded(*group.ratio));
  return text;
}

// Large values beside the massive ones that the thresholds leave out, in other channels.
std::string near_misses(const PointSummary& peak, const SiteView& view, const ScanSummary& scan) {
  std::vector<std::string> words;
  for (const TopValue& value : peak.below) {
    const bool is_massive =
        std::any_of(view.groups.begin(), view.groups.end(), [&](const MassiveGroup* group) {
          return group->point == peak.point && group->channel == value.channel;
        });
    if (is_massive || value.median == 0 || !(ratio(value) > 100)) continue;
    if (words.size() == kMostNearMisses) break;
    words.push_back(fmt::format(
        "channel {} with up to {} {}, {}", value.channel, rounded(value.value),
        at_class(scan.token_class(value.sequence, value.position)), times_own_median(value)));
  }
  if (words.empty()) return {};
  return fmt::format("Below the thresholds there, but far out: {}.", fmt::join(words, "; "));
}

void tell_peak(const SiteView& view, const ScanSummary& scan, std::vector<std::string>& lines) {
  const PointSummary& peak = **std::max_element(
      view.massive.begin(), view.massive.end(),
      [](const PointSummary* a, const PointSummary* b) { return top1(*a) < top1(*b); });
  std::vector<const MassiveGroup*> groups;
  for (const MassiveGroup* group : view.groups)
    if (group->point == peak.point) groups.push_back(group);
  std::ranges::stable_sort(groups, std::greater{},
                           [](const MassiveGroup* group) { return std::abs(group->mean); });
  std::vector<std::string> words;
  for (const MassiveGroup* group : groups)
    if (words.size() < kMostGroups) words.push_back(constancy(*group));
  if (groups.size() > words.size())
    words.push_back(fmt::format("and {} more", groups.size() - words.size()));
  const std::string where = peak.point.layer == kNoLayer
                                ? fmt::format("There (median {})", rounded(peak.median))
                                : fmt::format("They are largest in layer {} (median {})",
                                              peak.point.layer, rounded(peak.median));
  lines.push_back(fmt::format("{}: {}.", where, fmt::join(words, "; ")));
  if (auto missed = near_misses(peak, view, scan); !missed.empty())
    lines.push_back(std::move(missed));
}

void tell_life(const SiteView& view, std::vector<std::string>& lines) {
  const PointSummary& first = *view.massive.front();
  const PointSummary& last = *view.massive.back();
  const auto at = [&](const PointSummary& point) {
    return std::find(view.points.begin(), view.points.end(), &point);
  };
  const auto first_at = at(first);
  const auto last_at = at(last);
  std::string text;
  if (first_at == view.points.begin())
    text = fmt::format("They are there from the first layer scanned on, {} (top-1 {})",
                       first.point.layer, rounded(top1(first)));
  else
    text = fmt::format("They appear in layer {}: top-1 is {} in layer {} and {} in layer {}",
                       first.point.layer, rounded(top1(**(first_at - 1))),
                       (*(first_at - 1))->point.layer, rounded(top1(first)), first.point.layer);
  std::vector<std::int64_t> without;
  for (auto point = first_at; point != last_at; ++point)
    if ((*point)->massive_sequences == 0) without.push_back((*point)->point.layer);
  if (!without.empty())
    text += fmt::format(", and are gone in {} {}", without.size() == 1 ? "layer" : "layers",
                        ranges(without));
  if (last_at + 1 == view.points.end()) {
    text += fmt::format(", {} the last, {}", without.empty() ? "and stay to" : "but back in",
                        last.point.layer);
  } else {
    const PointSummary& after = **(last_at + 1);
    text +=
        fmt::format("; they are last seen in layer {}: top-1 is {} there and {} in layer {}",
                    last.point.layer, rounded(top1(last)), rounded(top1(after)), after.point.layer);
    if (after.median > 0) text += fmt::format(", {}", times_median(top1(after), after.median));
  }
  lines.push_back(text + ".");
}

void tell_disagreement(const SiteView& view, std::vector<std::string>& lines) {
  std::vector<std::string> words;
  std::size_t all = 0;
  for (const PointSummary* point : view.massive)
    if (point->massive_sequences < point->sequences && ++all <= kMostGroups)
      words.push_back(fmt::format("layer {} in {} of {}", point->point.layer,
                                  point->massive_sequences, point->sequences));
  if (all > words.size()) words.push_back(fmt::format("{} more layers", all - words.size()));
  if (!words.empty() && view.massive.front()->point.layer != kNoLayer)
    lines.push_back(fmt::format("Not every sequence agrees: {}.", listed(words)));
}

std::string value_place(const TopValue& value, Point point, const ScanSummary& scan,
                        Letters letters) {
  const std::string layer = point.layer == kNoLayer ? "" : fmt::format("layer {}, ", point.layer);
  return fmt::format(
      "{}token {} (position {}, sequence {}), channel {}", layer,
      quoted(scan.token(value.sequence, value.position).bytes, letters, kTokenColumns),
      value.position, value.sequence, value.channel);
}

void tell_none(const SiteView& view, const ScanSummary& scan, Site site, Letters letters,
               std::vector<std::string>& lines) {
  const MassiveRule& rule = scan.options.rule;
  lines.push_back(
      fmt::format("No activation of {} is massive: none exceeds both {} and {} times "
                  "the median in its sequence.",
                  site_name(site), rule.min_abs, rule.min_ratio));
  const PointSummary* largest = nullptr;
  const PointSummary* steepest = nullptr;  // by ratio alone
  const auto size = [](const PointSummary& point) { return std::abs(point.top[0].value); };
  for (const PointSummary* point : view.points) {
    if (point->top.empty() || !std::isfinite(point->top[0].value)) continue;
    if (largest == nullptr || size(*point) > size(*largest)) largest = point;
    if (point->steepest &&
        (steepest == nullptr || ratio(*point->steepest) > ratio(*steepest->steepest)))
      steepest = point;
  }
  if (largest == nullptr) return;
  const TopValue& value = largest->top[0];
  lines.push_back(fmt::format("The largest is {}, {}, at {}.", rounded(value.value),
                              times_own_median(value),
                              value_place(value, largest->point, scan, letters)));
  if (steepest == nullptr) return;
  const TopValue& steep = *steepest->steepest;
  if (value.median == 0 || ratio(steep) > ratio(value))
    lines.push_back(fmt::format("By ratio alone the largest is {}, {}, at {}.",
                                rounded(steep.value), times_own_median(steep),
                                value_place(steep, steepest->point, scan, letters)));
  if (ratio(steep) > 100)
    lines.push_back(
        "More than 100 times the median is far out for a small model: both thresholds are options, "
        "and another choice needs no new run as long as the values it asks for were kept.");
}

}  // namespace

std::vector<std::string> site_finding(const ScanSummary& scan, Site site, Letters letters) {
  const SiteView view = view_of(scan, site);
  std::vector<std::string> lines;
  if (view.massive.empty()) {
    tell_none(view, scan, site, letters, lines);
    return lines;
  }
  lines.push_back(where_words(view, scan, site, letters));
  tell_peak(view, scan, lines);
  if (site_has_layer(site)) tell_life(view, lines);
  tell_disagreement(view, lines);
  return lines;
}

}  // namespace tepui
