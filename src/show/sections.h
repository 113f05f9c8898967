// SPDX-License-Identifier: MIT
// The parts of what `tepui show` prints. Each is a pure function of what was read from the store:
// text that fits the style's columns, with a title that says what to see; empty where there is
// nothing to show. `parts` says whether tables, charts or both are wanted.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "show/style.h"
#include "study/place_profile.h"
#include "study/scores.h"
#include "study/summary.h"

namespace tepui {

struct Parts {
  bool tables = true;
  bool charts = true;
};

// A run as it is called beside others: "A", and what is behind it.
struct NamedRun {
  std::string letter;
  const ScanSummary* scan = nullptr;
};

std::string branches_section(const ScoredRun& scored, Parts parts, const Style& style);
std::string layers_section(const ScanSummary& scan, Site site, Parts parts, const Style& style);
std::string quantiles_section(const ScanSummary& scan, Site site, Parts parts, const Style& style);
std::string where_section(const ScanSummary& scan, Site site,
                          const std::vector<PlaceProfile>& profiles, Parts parts,
                          const Style& style);
std::string tokens_section(const ScanSummary& scan, Site site, Parts parts, const Style& style);
std::string life_section(const ScanSummary& scan, Site site, const ChannelLife& life, Parts parts,
                         const Style& style);
std::string compare_section(std::span<const NamedRun> runs, Site site, Parts parts,
                            const Style& style);
std::string facts_section(const ScanSummary& scan, std::span<const RunRecord> records,
                          const nlohmann::json& identity, const Style& style);

// "layer 3", or the site where it has none.
std::string layer_label(Point point);
// The means over how many sequences.
std::string over_sequences(const ScanSummary& scan);

}  // namespace tepui
