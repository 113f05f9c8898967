// SPDX-License-Identifier: MIT
// What stored scans found, as text for a terminal: the finding, tables and small charts, and the
// facts of each run; several scans are compared on shared axes.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "show/sections.h"
#include "show/style.h"
#include "store/reader.h"
#include "study/massive.h"
#include "tepui/result.h"

namespace tepui {

// In the order in which they are shown.
inline constexpr std::string_view kShowSections[] = {
    "compare", "finding", "branches", "layers", "where", "tokens", "quantiles", "life", "facts"};

// Inclusive.
struct LayerRange {
  int first = 0;
  int last = 0;
};

struct ShowOptions {
  std::optional<Site> site;             // else the first with massive activations, or resid_post
  std::vector<LayerRange> layers;       // empty: all
  std::set<std::string_view> sections;  // empty: all of one scan; of several all but places
  Parts parts;
  MassiveRule rule;
  int top = 5;
  std::optional<int> sequence;          // whose life is shown
  std::optional<std::int64_t> channel;  // and of what
};

// "0-3,7": an error of the command line names what is wrong.
Result<std::vector<LayerRange>> parse_layers(std::string_view text);

// A scan and the name by which the caller called it.
struct ShownStore {
  std::string name;
  StoreReader reader;
};

Result<std::string> show(std::span<ShownStore> stores, const ShowOptions& options,
                         const Style& style);

}  // namespace tepui
