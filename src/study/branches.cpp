// SPDX-License-Identifier: MIT
#include "study/branches.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/utf8_text.h"
#include "models/site_width.h"
#include "plan/site_alias.h"

namespace tepui {

namespace {

// Of the channels that the edit may choose: whether any has a mean, and those named without one.
Status check_means(const EditSpec& spec, Point point, const MeanTable& table, int width,
                   std::vector<std::string>& notes) {
  bool any = false;
  std::string missing;
  for (int channel = 0; channel < width; ++channel) {
    const bool named = spec.channels.kind == ChannelSelector::Kind::listed;
    if (named && !spec.channels.selects(channel)) continue;
    const auto at = static_cast<std::size_t>(channel);
    const bool there = !std::isnan(table.values[at]) ||
                       !std::isnan(table.values[at + static_cast<std::size_t>(width)]);
    any = any || there;
    if (named && !there) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", channel);
  }
  if (!any)
    return fail(ErrorKind::data,
                "{}: nothing was massive there in the calibration text, at {}: there is no mean; "
                "other thresholds are set with --min-abs and --min-ratio",
                spec.text(), point_name(point));
  if (!missing.empty())
    notes.push_back(fmt::format(
        "{}: channel {} of {} was never massive in the calibration text: there it has no mean, and "
        "is left as it is (--min-ratio and --min-abs say what is massive)",
        spec.text(), missing, point_name(point)));
  return {};
}

Result<Edit> ready_edit(const EditSpec& spec, Point point, const ModelSpec& model,
                        const Calibration& calibration, std::vector<std::string>& notes) {
  Edit edit{point, spec.tokens, spec.channels, spec.rule, nullptr, ""};
  edit.key = fmt::format("{}{}", site_name(point.site), spec.where);
  if (spec.rule.kind != RuleKind::mean) return edit;
  const int width = *site_width(model, point.site);
  MeanTable table = calibration.table(point, width);
  TEPUI_TRY(check_means(spec, point, table, width, notes));
  edit.means = std::make_shared<const MeanTable>(std::move(table));
  edit.key += fmt::format(" at layer {}", point.layer);
  return edit;
}

}  // namespace

std::string BranchSpec::text() const {
  std::string text;
  for (const EditSpec& edit : edits) text += (text.empty() ? "" : ";") + edit.text();
  return text;
}

Result<BranchRequest> parse_branch_option(std::string_view text) {
  const std::size_t equal = text.find('=');
  if (equal == 0 || equal == std::string_view::npos ||
      text.substr(0, equal).find(':') != std::string_view::npos)
    return fail(ErrorKind::usage, "--branch \"{}\": character {}: expected NAME=EDIT[;EDIT]",
                valid_utf8(text), 1);
  return BranchRequest{std::string(text.substr(0, equal)), std::string(text.substr(equal + 1)),
                       "--branch"};
}

Result<std::vector<BranchSpec>> parse_branches(std::span<const BranchRequest> requests,
                                               const ModelSpec& spec, std::string_view option) {
  std::vector<BranchSpec> branches;
  std::set<std::string> names{std::string(kUnedited)};
  for (const BranchRequest& request : requests) {
    BranchSpec branch;
    branch.name = request.name.empty() ? request.edits : request.name;
    TEPUI_TRY(branch.edits,
              parse_edits(request.edits, spec, request.option.empty() ? option : request.option));
    if (!names.insert(branch.name).second)
      return fail(ErrorKind::usage,
                  "{}branch \"{}\": expected another name for each branch, found this one twice",
                  request.option.empty() ? "" : request.option + ": ", valid_utf8(branch.name));
    branches.push_back(std::move(branch));
  }
  return branches;
}

std::string calibration_sites(std::span<const BranchSpec> branches) {
  std::set<Site> sites;
  for (const BranchSpec& branch : branches)
    for (const EditSpec& edit : branch.edits)
      if (edit.needs_calibration()) sites.insert(edit.site);
  std::string text;
  for (const Site site : sites) text += (text.empty() ? "" : ",") + std::string(site_name(site));
  return text;
}

Result<std::vector<BranchSpec>> with_layers(std::span<const BranchSpec> specs,
                                            const Calibration& calibration) {
  std::vector<BranchSpec> out(specs.begin(), specs.end());
  for (BranchSpec& branch : out) {
    for (EditSpec& edit : branch.edits) {
      if (edit.layers.kind == LayerSelector::Kind::listed) continue;
      const std::vector<int> layers = calibration.massive_layers(edit.site);
      if (layers.empty())
        return fail(ErrorKind::data,
                    "{}: in no layer do at least half of the {} calibration sequences hold a "
                    "massive activation at {}; other thresholds are set with --min-abs and "
                    "--min-ratio",
                    edit.text(), calibration.sequences, site_name(edit.site));
      const bool first = edit.layers.kind == LayerSelector::Kind::first_massive;
      edit.layers.kind = LayerSelector::Kind::listed;
      edit.layers.layers = first ? std::vector<int>{layers.front()} : layers;
    }
  }
  return out;
}

Result<std::vector<Branch>> ready_branches(std::span<const BranchSpec> specs,
                                           const ModelSpec& model, const Calibration& calibration,
                                           std::vector<std::string>& notes) {
  std::vector<Branch> out;
  for (const BranchSpec& spec : specs) {
    Branch branch;
    branch.name = spec.name;
    for (const EditSpec& edit : spec.edits) {
      for (const int layer : edit.layers.layers) {
        TEPUI_TRY(Edit ready, ready_edit(edit, {layer, edit.site}, model, calibration, notes));
        branch.edits.push_back(std::move(ready));
      }
    }
    std::stable_sort(branch.edits.begin(), branch.edits.end(),
                     [](const Edit& a, const Edit& b) { return a.point < b.point; });
    out.push_back(std::move(branch));
  }
  return out;
}

std::size_t longest_of(Sequences sequences) {
  std::size_t longest = 0;
  for (const auto& sequence : sequences) longest = std::max(longest, sequence.size());
  return longest;
}

std::string note_of_absent_tokens(const TokenSelector& tokens, Sequences sequences) {
  std::size_t longest = 0;
  std::set<TokenId> ids;
  for (const auto& sequence : sequences) {
    longest = std::max(longest, sequence.size());
    if (!tokens.ids.empty()) ids.insert(sequence.begin(), sequence.end());
  }
  std::vector<std::string> absent;
  for (const IntRange& range : tokens.positions) {
    if (static_cast<std::size_t>(range.first) < longest) continue;
    absent.push_back(range.first == range.last ? fmt::format("{}", range.first)
                     : range.last == kOpenEnd  ? fmt::format("{}-", range.first)
                                               : fmt::format("{}-{}", range.first, range.last));
  }
  for (const TokenId id : tokens.ids) {
    if (!ids.contains(id)) absent.push_back(fmt::format("id:{}", id));
  }
  if (longest == 0 || absent.empty()) return {};
  constexpr std::size_t kNamed = 8;
  if (absent.size() > kNamed) {
    const std::size_t more = absent.size() - kNamed;
    absent.resize(kNamed);
    absent.push_back(fmt::format("{} more", more));
  }
  return fmt::format("no sequence has {} (positions are 0 to {})", fmt::join(absent, " or "),
                     longest - 1);
}

Status check_positions(std::span<const BranchSpec> specs, std::size_t longest) {
  for (const BranchSpec& spec : specs) {
    for (const EditSpec& edit : spec.edits) {
      const TokenSelector& tokens = edit.tokens;
      if (tokens.kind != TokenSelector::Kind::listed || !tokens.ids.empty() ||
          tokens.positions.empty())
        continue;
      int first = kOpenEnd;
      for (const IntRange& range : tokens.positions) first = std::min(first, range.first);
      if (static_cast<std::size_t>(first) < longest) continue;
      return fail(ErrorKind::usage,
                  "{}: expected a position that some sequence has, 0 to {}, found {}: nothing "
                  "would be edited",
                  printable(edit.text()), longest - 1, first);
    }
  }
  return {};
}

std::vector<std::string> notes_of_idle_edits(std::span<const BranchSpec> specs,
                                             Sequences sequences) {
  std::vector<std::string> notes;
  for (const BranchSpec& spec : specs) {
    for (const EditSpec& edit : spec.edits) {
      if (edit.tokens.kind != TokenSelector::Kind::listed) continue;
      const std::string absent = note_of_absent_tokens(edit.tokens, sequences);
      if (absent.empty()) continue;
      const bool any = std::ranges::any_of(sequences, [&](const auto& sequence) {
        for (std::size_t t = 0; t < sequence.size(); ++t)
          if (edit.tokens.selects(static_cast<int>(t), sequence[t])) return true;
        return false;
      });
      notes.push_back(fmt::format("{}: {}{}", printable(edit.text()), absent,
                                  any ? "" : ": nothing is edited"));
    }
  }
  return notes;
}

}  // namespace tepui
