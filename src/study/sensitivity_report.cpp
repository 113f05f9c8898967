// SPDX-License-Identifier: MIT
#include "study/sensitivity_report.h"

#include <cmath>

#include "base/utf8_text.h"
#include "store/export_row.h"
#include "store/output_file.h"
#include "study/json_values.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

std::string signed_number(double value) { return fmt::format("{:+.3f}", value == 0 ? 0.0 : value); }

// A dash where a single sequence has all of it.
std::string between(const Interval& interval) {
  if (std::isnan(interval.low)) return "-";
  return fmt::format("{} to {}", signed_number(interval.low), signed_number(interval.high));
}

std::string groups_table(const std::string& title, const std::vector<GroupChange>& groups,
                         int width) {
  TextColumn name{title, Align::left, 0, {}};
  TextColumn tokens{"tokens", Align::right, 0, {}};
  TextColumn before{"loss before", Align::right, 0, {}};
  TextColumn after{"after", Align::right, 0, {}};
  TextColumn change{"change", Align::right, 0, {}};
  TextColumn interval{"95 %", Align::left, 0, {}};
  TextColumn share{"share", Align::right, 0, {}};
  for (const GroupChange& group : groups) {
    name.cells.push_back(group.group);
    tokens.cells.push_back(fmt::format("{}", group.tokens));
    before.cells.push_back(fmt::format("{:.3f}", group.before.mean));
    after.cells.push_back(fmt::format("{:.3f}", group.after.mean));
    change.cells.push_back(signed_number(group.change.mean));
    interval.cells.push_back(between(group.change));
    share.cells.push_back(
        fmt::format("{:.1f} %", std::abs(group.share) < 5e-4 ? 0 : 100 * group.share));
  }
  return folded({name, tokens, before, after, change, interval, share}, 1, width);
}

Json interval_json(const Interval& interval) {
  return {{"mean", number(interval.mean)},
          {"low", number(interval.low)},
          {"high", number(interval.high)}};
}

Json groups_json(const std::vector<GroupChange>& groups) {
  Json out = Json::array();
  for (const GroupChange& group : groups) {
    Json entry;
    entry["group"] = group.group;
    entry["tokens"] = group.tokens;
    entry["before"] = interval_json(group.before);
    entry["after"] = interval_json(group.after);
    entry["change"] = interval_json(group.change);
    entry["share"] = number(group.share);
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

std::string sensitivity_table(const Sensitivity& sensitivity, int width) {
  std::string text = fmt::format(
      "{}, {} predicted tokens; losses in nats per token, intervals of {} resamples of sequences\n",
      counted(sensitivity.sequences, "sequence"), sensitivity.tokens.size(),
      sensitivity.options.bootstrap.resamples);
  for (const BranchSensitivity& branch : sensitivity.branches) {
    text += "\n" + valid_utf8(branch.name) +
            (branch.name == branch.edits ? "" : ": " + valid_utf8(branch.edits)) + "\n";
    text += groups_table("word class", branch.classes, width) + "\n";
    text += groups_table("position", branch.positions, width) + "\n";
    text += groups_table("sentence", branch.coherence, width);
  }
  return text;
}

Json sensitivity_json(const Sensitivity& sensitivity) {
  Json document;
  put_run(document, sensitivity.run);
  document["sequences"] = sensitivity.sequences;
  document["tokens"] = sensitivity.tokens.size();
  document["bootstrap"] = {{"resamples", sensitivity.options.bootstrap.resamples},
                           {"seed", sensitivity.options.bootstrap.seed}};
  document["words"] = sensitivity.options.conllu.empty() ? "rules" : "conllu";
  document["branches"] = Json::array();
  for (const BranchSensitivity& branch : sensitivity.branches) {
    Json entry;
    entry["name"] = valid_utf8(branch.name);
    entry["edits"] = valid_utf8(branch.edits);
    entry["classes"] = groups_json(branch.classes);
    entry["positions"] = groups_json(branch.positions);
    entry["coherence"] = groups_json(branch.coherence);
    document["branches"].push_back(std::move(entry));
  }
  return document;
}

Status write_sensitive_tokens(const Sensitivity& sensitivity, const std::filesystem::path& file) {
  TEPUI_TRY(auto out, OutputFile::create_named(file));
  TEPUI_TRY(out.write(
      "branch,sequence,position,token_id,piece,class,since_boundary,log_likelihood,change\n"));
  std::string text;
  ExportRow row(ExportFormat::csv, text);
  for (std::size_t branch = 0; branch <= sensitivity.branches.size(); ++branch) {
    for (const ScoredToken& token : sensitivity.tokens) {
      row.begin();
      row.number("branch", static_cast<std::int64_t>(branch));
      row.number("sequence", token.sequence);
      row.number("position", token.position);
      row.number("token_id", token.token_id);
      row.text("piece", escape_bytes(token.piece));
      row.text("class", word_class_name(token.word_class));
      if (token.since_boundary == 0)
        row.nothing("since_boundary");
      else
        row.number("since_boundary", token.since_boundary);
      row.real("log_likelihood", token.log_likelihood[branch]);
      row.real("change", token.log_likelihood[0] - token.log_likelihood[branch]);
      row.end();
      if (text.size() < (std::size_t{1} << 16)) continue;
      TEPUI_TRY(out.write(text));
      text.clear();
    }
  }
  TEPUI_TRY(out.write(text));
  return out.commit();
}

}  // namespace tepui
