// SPDX-License-Identifier: MIT
#include "show/show.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "show/own_tables.h"
#include "study/finding.h"

namespace tepui {

namespace {

constexpr int kLeastColumns = 24;

// What is shown of one run.
struct Shown {
  ShownStore* store = nullptr;
  std::string letter;
  ScanSummary scan;
  ScanSummary narrowed;  // to the site and the layers
  Site site = Site::resid_post;
};

std::vector<Site> sites_of(const ScanSummary& scan) {
  std::set<Site> sites;
  for (const PointSummary& point : scan.points) sites.insert(point.point.site);
  return {sites.begin(), sites.end()};
}

std::string names_of(const std::vector<Site>& sites) {
  std::vector<std::string_view> names;
  for (const Site site : sites) names.push_back(site_name(site));
  return fmt::format("{}", fmt::join(names, ", "));
}

Site telling_site(const ScanSummary& scan, const std::vector<Site>& sites) {
  for (const PointSummary& point : scan.points)
    if (point.massive_sequences > 0 && point.point.site == Site::resid_post)
      return Site::resid_post;
  for (const PointSummary& point : scan.points)
    if (point.massive_sequences > 0) return point.point.site;
  const bool usual = std::ranges::find(sites, Site::resid_post) != sites.end();
  return usual ? Site::resid_post : sites.front();
}

bool holds(const std::vector<LayerRange>& ranges, int layer) {
  return ranges.empty() || std::ranges::any_of(ranges, [layer](const LayerRange& range) {
           return layer >= range.first && layer <= range.last;
         });
}

ScanSummary narrowed(const ScanSummary& scan, Site site, const std::vector<LayerRange>& layers) {
  ScanSummary part = scan;
  const auto outside = [&](const auto& entry) {
    return entry.point.site != site || !holds(layers, entry.point.layer);
  };
  std::erase_if(part.points, outside);
  std::erase_if(part.massive.values, outside);
  std::erase_if(part.groups, outside);
  return part;
}

Status choose_places(Shown& shown, const ShowOptions& options) {
  const std::string& name = shown.store->name;
  const std::vector<Site> sites = sites_of(shown.scan);
  if (sites.empty()) return {};
  shown.site = options.site.value_or(telling_site(shown.scan, sites));
  if (std::ranges::find(sites, shown.site) == sites.end())
    return fail(ErrorKind::usage, "{}: --site {}: not scanned there; expected one of {}", name,
                site_name(shown.site), names_of(sites));
  shown.narrowed = narrowed(shown.scan, shown.site, options.layers);
  if (shown.narrowed.points.empty())
    return fail(ErrorKind::usage, "{}: --layers: none of them was scanned at {}", name,
                site_name(shown.site));
  return {};
}

// "0-7, 9"
std::string ranges_of(const std::set<int>& layers) {
  std::string text;
  for (auto first = layers.begin(); first != layers.end();) {
    auto last = first;
    while (std::next(last) != layers.end() && *std::next(last) == *last + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", *first);
    if (last != first) text += fmt::format("-{}", *last);
    first = std::next(last);
  }
  return text;
}

// Every layer that is asked for is there, of several runs in one of them at least.
Status check_layers(const std::vector<Shown>& runs, const std::vector<LayerRange>& asked) {
  std::set<int> scanned;
  for (const Shown& run : runs) {
    for (const PointSummary& point : run.scan.points)
      if (point.point.site == run.site && point.point.layer != kNoLayer)
        scanned.insert(point.point.layer);
  }
  for (const LayerRange& range : asked) {
    int layer = range.first;
    while (scanned.contains(layer) && layer < range.last) ++layer;
    if (scanned.contains(layer)) continue;
    const std::string_view site = site_name(runs.front().site);
    return fail(ErrorKind::usage, "--layers: {}, found {}",
                scanned.empty() ? fmt::format("expected none for {}, which has no layers", site)
                                : fmt::format("expected those where {} was scanned, {}", site,
                                              ranges_of(scanned)),
                layer);
  }
  return {};
}

// Sections, a blank line between them.
class Page {
 public:
  explicit Page(const ShowOptions& options, bool several) : options_(options), several_(several) {}

  bool wants(std::string_view section) const {
    if (!options_.sections.empty()) return options_.sections.contains(section);
    return !several_ || section == "compare" || section == "finding" || section == "branches" ||
           section == "facts";
  }
  void add(std::string_view name, const std::string& section) {
    if (section.empty()) return;
    text += (text.empty() ? "" : "\n") + section;
    added_.insert(name);
  }
  // Whether all that was asked for by name is there.
  Status check(const std::string& store) const {
    for (const std::string_view section : options_.sections) {
      if (added_.contains(section)) continue;
      if (section == "compare" && !several_)
        return fail(ErrorKind::usage, "--only compare: expected several folders, found {} alone",
                    store);
      return fail(ErrorKind::usage, "{}: nothing of what --only asks for as {} is stored there{}",
                  store, section,
                  section == "branches" ? " (tepui perplexity and tepui intervene keep it)"
                                        : " (tepui scan keeps it)");
    }
    if (options_.sequence || options_.channel) {
      if (!wants("life"))
        return fail(ErrorKind::usage,
                    "--sequence and --channel choose whose life is shown: expected --only life "
                    "beside them, as life is not among what is shown");
    }
    return {};
  }

  std::string text;

 private:
  const ShowOptions& options_;
  bool several_;
  std::set<std::string_view> added_;
};

Status add_places(Shown& run, const ShowOptions& options, const Style& style, Page& page) {
  const ScanSummary& scan = run.narrowed;
  if (scan.points.empty()) return {};
  StoreReader& store = run.store->reader;
  if (page.wants("layers"))
    page.add("layers", layers_section(scan, run.site, options.parts, style));
  if (page.wants("where")) {
    TEPUI_TRY(const auto profiles, place_profiles(store, scan, run.site));
    page.add("where", where_section(scan, run.site, profiles, options.parts, style));
  }
  if (page.wants("tokens"))
    page.add("tokens", tokens_section(scan, run.site, options.parts, style));
  if (page.wants("quantiles"))
    page.add("quantiles", quantiles_section(scan, run.site, options.parts, style));
  if (page.wants("life")) {
    TEPUI_TRY(const auto life,
              channel_life(store, scan, run.site, options.sequence, options.channel));
    if (life) page.add("life", life_section(scan, run.site, *life, options.parts, style));
  }
  return {};
}

Status add_run(Shown& run, const ShowOptions& options, const Style& style, Page& page) {
  if (!run.letter.empty())
    page.add("", painted(run.letter + "  " + spelled_out(run.store->name, style.letters) + "\n",
                         Paint::strong, style));
  if (page.wants("finding")) {
    std::string text = wrapped(finding(run.scan, style.letters), style.columns);
    if (!text.ends_with('\n')) text += '\n';
    const std::vector<Site> sites = sites_of(run.scan);
    if (sites.size() > 1)
      text += wrapped(fmt::format("Shown here: {}; --site takes one of {}.\n", site_name(run.site),
                                  names_of(sites)),
                      style.columns);
    page.add("finding", text);
  }
  if (page.wants("branches")) {
    TEPUI_TRY(const auto likelihoods, run.store->reader.likelihoods());
    if (!likelihoods.empty()) {
      TEPUI_TRY(const ScoredRun scored, read_scores(run.store->reader));
      page.add("branches", branches_section(scored, options.parts, style));
    }
  }
  TEPUI_TRY(add_places(run, options, style, page));
  if (!page.wants("facts")) return {};
  TEPUI_TRY(const auto records, run.store->reader.runs());
  TEPUI_TRY(const auto identity, run.store->reader.identity());
  page.add("facts", facts_section(run.scan, records, identity, style));
  return {};
}

// "A" to "Z", then "a" to "z"; a mark is one column wide.
Result<std::string> letter_of(std::size_t index) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklnopqrstuvwxyz";
  if (index >= kLetters.size())
    return fail(ErrorKind::usage, "show: expected at most {} scans side by side", kLetters.size());
  return std::string(1, kLetters[index]);
}

}  // namespace

Result<std::vector<LayerRange>> parse_layers(std::string_view text) {
  std::vector<LayerRange> ranges;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto wrong = [&] {
    return fail(ErrorKind::usage, "--layers {}: expected layers such as 3, 0-7 or 0-3,9", text);
  };
  for (;;) {
    LayerRange range;
    auto read = std::from_chars(at, end, range.first);
    if (read.ec != std::errc() || range.first < 0) return wrong();
    range.last = range.first;
    if (read.ptr != end && *read.ptr == '-') {
      read = std::from_chars(read.ptr + 1, end, range.last);
      if (read.ec != std::errc() || range.last < range.first) return wrong();
    }
    ranges.push_back(range);
    if (read.ptr == end) return ranges;
    if (*read.ptr != ',') return wrong();
    at = read.ptr + 1;
  }
}

Result<std::string> show(std::span<ShownStore> stores, const ShowOptions& options,
                         const Style& asked) {
  Style style = asked;
  style.columns = std::max(style.columns, kLeastColumns);
  TEPUI_TRY(auto own_tables, show_own_tables(stores, options, style));
  if (own_tables) return *std::move(own_tables);
  const bool several = stores.size() > 1;
  std::vector<Shown> runs(stores.size());
  std::vector<NamedRun> named;
  for (std::size_t at = 0; at < stores.size(); ++at) {
    Shown& run = runs[at];
    run.store = &stores[at];
    if (several) {
      TEPUI_TRY(run.letter, letter_of(at));
    }
    TEPUI_TRY(run.scan, summarise(stores[at].reader, {options.rule, std::max(options.top, 3)}));
    TEPUI_TRY(choose_places(run, options));
    named.push_back({run.letter, &run.narrowed});
  }
  TEPUI_TRY(check_layers(runs, options.layers));
  Page page(options, several);
  if (several && page.wants("compare")) {
    std::string names;
    for (const Shown& run : runs)
      names += run.letter + "  " + spelled_out(run.store->name, style.letters) + "\n";
    page.add("", names);
    page.add("compare", compare_section(named, runs.front().site, options.parts, style));
  }
  for (Shown& run : runs) TEPUI_TRY(add_run(run, options, style, page));
  TEPUI_TRY(page.check(stores.front().name));
  if (page.text.empty())
    return fail(ErrorKind::usage,
                "{}: nothing of what --only asks for is stored there (tepui scan keeps all of it)",
                stores.front().name);
  return std::move(page.text);
}

}  // namespace tepui
