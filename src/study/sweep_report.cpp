// SPDX-License-Identifier: MIT
#include "study/sweep_report.h"

#include <cmath>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/scores.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

int units_there(const SweepJob& job) {
  if (is_done(job.folder, job, 0, job.sequences)) return static_cast<int>(job.units.size());
  int there = 0;
  for (const SweepUnit& unit : job.units)
    there += is_done(unit.folder, job, unit.first, unit.last) ? 1 : 0;
  return there;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr double kMiB = 1024.0 * 1024.0;
  const double size = static_cast<double>(bytes);
  if (size >= 1024.0 * kMiB) return fmt::format("{:.1f} GiB", size / (1024.0 * kMiB));
  return fmt::format("{:.1f} MiB", size / kMiB);
}

std::string fixed(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : "not finite";
}

bool is_complete(const SweepJob& job) { return is_done(job.folder, job, 0, job.sequences); }

Result<ScoredRun> scores_of(const SweepJob& job) {
  TEPUI_TRY(StoreReader store, StoreReader::open(job.folder));
  return read_scores(store);
}

void put_score(Json& target, const Score& score) {
  target["perplexity"] = number(score.perplexity());
  target["nll"] = number(score.nll);
  target["tokens"] = score.tokens;
}

}  // namespace

std::string plan_table(const SweepPlan& plan) {
  TextColumn model{"model", Align::left, 0, {}};
  TextColumn text{"text", Align::left, 0, {}};
  TextColumn sequences{"sequences", Align::right, 0, {}};
  TextColumn tokens{"tokens", Align::right, 0, {}};
  TextColumn branches{"runs", Align::right, 0, {}};
  TextColumn shared{"block runs", Align::right, 0, {}};
  TextColumn unshared{"unshared", Align::right, 0, {}};
  TextColumn weights{"weights", Align::right, 0, {}};
  TextColumn units{"units", Align::right, 0, {}};
  for (const SweepJob& job : plan.jobs) {
    const auto runs = [&](std::int64_t count) {
      return job.block_runs == 0 ? std::string("?") : fmt::format("{}", count);
    };
    model.cells.push_back(job.model);
    text.cells.push_back(job.text);
    sequences.cells.push_back(fmt::format("{}", job.sequences));
    tokens.cells.push_back(fmt::format("{}", job.tokens));
    branches.cells.push_back(fmt::format("{}", job.branches));
    shared.cells.push_back(runs(job.block_runs));
    unshared.cells.push_back(runs(job.unshared_runs));
    weights.cells.push_back(bytes_text(job.weight_bytes));
    units.cells.push_back(fmt::format("{} of {}", units_there(job), job.units.size()));
  }
  return put_together(
             {model, text, sequences, tokens, branches, shared, unshared, weights, units}) +
         "runs: the unedited one and the branches. block runs: of one chunk through all layers, "
         "and\nif every run were alone (?: massive layers are found first). weights: read once a "
         "wave.\nunits: that are there.\n";
}

Json plan_json(const SweepPlan& plan) {
  Json document;
  document["jobs"] = Json::array();
  for (const SweepJob& job : plan.jobs) {
    Json entry;
    entry["model"] = job.model;
    entry["text"] = job.text;
    entry["key"] = job.key;
    entry["folder"] = valid_utf8(job.folder.string());
    entry["sequences"] = job.sequences;
    entry["tokens"] = job.tokens;
    entry["branches"] = job.branches;
    entry["block_runs"] = job.block_runs == 0 ? Json(nullptr) : Json(job.block_runs);
    entry["unshared_block_runs"] = job.block_runs == 0 ? Json(nullptr) : Json(job.unshared_runs);
    entry["weight_bytes"] = job.weight_bytes;
    entry["units"] = job.units.size();
    entry["units_there"] = units_there(job);
    document["jobs"].push_back(std::move(entry));
  }
  document["failures"] = plan.failures;
  return document;
}

Result<std::string> sweep_table(const SweepPlan& plan) {
  TextColumn model{"model", Align::left, 0, {}};
  TextColumn text{"text", Align::left, 0, {}};
  TextColumn branch{"branch", Align::left, 0, {}};
  TextColumn perplexity{"perplexity", Align::right, 0, {}};
  TextColumn kl{"KL", Align::right, 0, {}};
  const auto put = [&](const SweepJob& job, const std::string& name, const std::string& value,
                       const std::string& divergence) {
    model.cells.push_back(job.model);
    text.cells.push_back(job.text);
    branch.cells.push_back(name);
    perplexity.cells.push_back(value);
    kl.cells.push_back(divergence);
  };
  for (const SweepJob& job : plan.jobs) {
    if (!is_complete(job)) {
      put(job, fmt::format("({} of {} units)", units_there(job), job.units.size()), "", "");
      continue;
    }
    TEPUI_TRY(const ScoredRun scored, scores_of(job));
    for (const BranchScores& scores : scored.branches)
      put(job, valid_utf8(scores.name), fixed(scores.all.perplexity()),
          fixed(scores.all.mean_kl()));
  }
  return put_together({model, text, branch, perplexity, kl});
}

Result<Json> sweep_json(const SweepPlan& plan, const SweepOutcome& outcome) {
  Json document;
  document["units"] = {
      {"all", outcome.units}, {"computed", outcome.computed}, {"there", outcome.there}};
  document["jobs"] = Json::array();
  for (const SweepJob& job : plan.jobs) {
    Json entry;
    entry["model"] = job.model;
    entry["text"] = job.text;
    entry["folder"] = valid_utf8(job.folder.string());
    entry["complete"] = is_complete(job);
    if (is_complete(job)) {
      TEPUI_TRY(const ScoredRun scored, scores_of(job));
      put_score(entry, scored.branches.front().all);
      entry["branches"] = Json::array();
      for (const BranchScores& scores : scored.branches) {
        Json branch;
        branch["name"] = valid_utf8(scores.name);
        branch["edits"] = valid_utf8(scores.edits);
        put_score(branch, scores.all);
        branch["kl"] = number(scores.all.mean_kl());
        entry["branches"].push_back(std::move(branch));
      }
    }
    document["jobs"].push_back(std::move(entry));
  }
  document["failures"] = outcome.failures;
  return document;
}

}  // namespace tepui
