// SPDX-License-Identifier: MIT
// Which places of a model are tapped. The syntax of --sites: a comma-separated list of SITE,
// SITE.LAYER, SITE.FIRST-LAST (inclusive), SITE.* or SITE.{..} with several of these inside; `all`
// is every site that the model has. The names of other tools are understood as well
// (plan/site_alias.h).
#pragma once

#include <string_view>
#include <vector>

#include "models/lower.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

class SiteSelection {
 public:
  // In order of computation, without repetition.
  const std::vector<Point>& points() const { return points_; }
  std::vector<Site> at_layer(int layer) const;  // kNoLayer: those without a layer
  bool contains(Point point) const;
  // Layers that have to be computed for these places and no more: 0 for the embeddings alone.
  int layers_needed(int layers) const;

  // These, whatever they are; for metrics of sites that are never held whole.
  static SiteSelection of(std::vector<Point> points);
  // An error names the part of the text that is wrong, and what the model has.
  // `option`: what an error calls the list.
  static Result<SiteSelection> parse(std::string_view text, const ModelSpec& spec,
                                     std::string_view option = "--sites");
  // With --layers: those of the sites that have layers and name none; empty: all.
  static Result<SiteSelection> parse(std::string_view text, const ModelSpec& spec,
                                     std::string_view option, std::string_view layers);

 private:
  std::vector<Point> points_;
};

}  // namespace tepui
