// SPDX-License-Identifier: MIT
#include "plan/site_selection.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "models/site_width.h"
#include "plan/site_alias.h"

namespace tepui {

namespace {

struct LayerRange {
  int first = 0;
  int last = 0;
};

// "5", "3-9" or "*", within the model's layers. An error begins with `where`.
Result<LayerRange> parse_layers(std::string_view text, const std::string& where,
                                std::string_view place, int layers) {
  if (text == "*") return LayerRange{0, layers - 1};
  LayerRange range;
  const char* const end = text.data() + text.size();
  auto [next, error] = std::from_chars(text.data(), end, range.first);
  range.last = range.first;
  const bool has_last = error == std::errc() && next != end && *next == '-';
  if (has_last) {
    const auto last = std::from_chars(next + 1, end, range.last);
    next = last.ptr;
    error = last.ec;
  }
  if (error != std::errc() || next != end)
    return fail(ErrorKind::usage, "{}: expected a layer, FIRST-LAST or *{}, found \"{}\"", where,
                place, text);
  if (range.last < range.first)
    return fail(ErrorKind::usage, "{}: expected a range that ascends, found {}", where, text);
  if (range.first < 0 || range.last >= layers)
    return fail(ErrorKind::usage, "{}: layers must lie within 0-{}", where, layers - 1);
  return range;
}

// Cuts at commas outside braces.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> items;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      items.push_back(text.substr(begin, i - begin));
      begin = i + 1;
      continue;
    }
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
  }
  return items;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Some are never held whole, in any model.
bool is_scannable(Site site) {
  return site != Site::attn_scores && site != Site::attn_probs && site != Site::logits;
}

// One --sites with its --layers.
class SiteList {
 public:
  SiteList(const ModelSpec& spec, std::string_view option, std::string_view layers)
      : spec_(spec), option_(option), layers_(layers) {}

  Result<std::vector<Point>> read(std::string_view text) {
    for (const std::string_view item : split(text)) {
      if (Status added = add_item(trimmed(item)); !added) {
        Error error = added.error();
        if (!of_layers_) error.message = fmt::format("{}: {}", option_, error.message);
        return tl::unexpected(std::move(error));
      }
    }
    if (!layers_.empty() && !used_)
      return fail(ErrorKind::usage,
                  "--layers {}: expected a site that has layers and names none, found {} {}",
                  layers_, option_, text);
    return std::move(points_);
  }

 private:
  Status add_item(std::string_view item) {
    if (item == "all") {
      for (std::size_t i = 0; i < kSites; ++i) {
        const auto site = static_cast<Site>(i);
        if (site_width(spec_, site)) TEPUI_TRY(add_item(site_name(site)));
      }
      return {};
    }
    constexpr int kAnyLayer = 1 << 30;  // add_layers says which there are
    if (const std::optional<Point> point = point_from_alias(item, kAnyLayer))
      return add_item(point_name(*point));
    const std::size_t dot = item.find('.');
    const std::optional<Site> site = site_from_name(item.substr(0, dot));
    if (!site || !is_scannable(*site))
      return fail(ErrorKind::usage,
                  "\"{}\" is not a site that can be scanned{}{}; expected one of {}", item,
                  site ? ": " : " here", site ? why_no_site(spec_, *site) : "",
                  sites_with_width(spec_));
    if (const std::string_view why = why_no_site(spec_, *site); !why.empty())
      return fail(ErrorKind::usage, "\"{}\": a {} model has no {}: {}; it has {}", item,
                  spec_.arch->name, site_name(*site), why, sites_with_width(spec_));
    if (!site_has_layer(*site)) {
      if (dot != std::string_view::npos)
        return fail(ErrorKind::usage, "\"{}\": {} has no layers", item, site_name(*site));
      points_.push_back({kNoLayer, *site});
      return {};
    }
    return add_layers(*site, item, dot);
  }

  Status add_layers(Site site, std::string_view item, std::size_t dot) {
    of_layers_ = dot == std::string_view::npos && !layers_.empty();
    used_ = used_ || of_layers_;
    std::string_view layers = of_layers_                      ? layers_
                              : dot == std::string_view::npos ? "*"
                                                              : item.substr(dot + 1);
    const std::string where =
        of_layers_ ? fmt::format("--layers {}", layers_) : fmt::format("\"{}\"", item);
    const std::string_view place = of_layers_ ? "" : " after the dot";
    if (layers.size() >= 2 && layers.front() == '{' && layers.back() == '}')
      layers = layers.substr(1, layers.size() - 2);
    for (const std::string_view part : split(layers)) {
      TEPUI_TRY(const LayerRange range, parse_layers(part, where, place, spec_.dims.layers));
      for (int layer = range.first; layer <= range.last; ++layer) points_.push_back({layer, site});
    }
    of_layers_ = false;
    return {};
  }

  const ModelSpec& spec_;
  std::string_view option_;
  std::string_view layers_;
  bool of_layers_ = false;  // what is read now is --layers
  bool used_ = false;
  std::vector<Point> points_;
};

}  // namespace

std::vector<Site> SiteSelection::at_layer(int layer) const {
  std::vector<Site> sites;
  for (const Point& point : points_) {
    if (point.layer == layer) sites.push_back(point.site);
  }
  return sites;
}

int SiteSelection::layers_needed(int layers) const {
  int needed = 0;
  for (const Point& point : points_) {
    const bool in_layer = point.layer != kNoLayer;
    if (!in_layer && point.site != Site::embeddings) return layers;
    if (in_layer) needed = std::max(needed, point.layer + 1);
  }
  return needed;
}

bool SiteSelection::contains(Point point) const {
  return std::ranges::find(points_, point) != points_.end();
}

SiteSelection SiteSelection::of(std::vector<Point> points) {
  SiteSelection selection;
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  selection.points_ = std::move(points);
  return selection;
}

Result<SiteSelection> SiteSelection::parse(std::string_view text, const ModelSpec& spec,
                                           std::string_view option) {
  return parse(text, spec, option, {});
}

Result<SiteSelection> SiteSelection::parse(std::string_view text, const ModelSpec& spec,
                                           std::string_view option, std::string_view layers) {
  TEPUI_TRY(auto points, SiteList(spec, option, layers).read(text));
  return of(std::move(points));
}

}  // namespace tepui
