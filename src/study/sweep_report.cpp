// SPDX-License-Identifier: MIT
#include "study/sweep_report.h"

#include <algorithm>
#include <cmath>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/run_plan.h"
#include "study/scores.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

bool is_there(const SweepJob& job, const SweepUnit& unit) {
  return is_done(unit.folder, job, unit.first, unit.last);
}

// By unit of the job.
std::vector<bool> units_there(const SweepJob& job) {
  if (is_done(job.folder, job, 0, job.sequences)) return std::vector<bool>(job.units.size(), true);
  std::vector<bool> there;
  for (const SweepUnit& unit : job.units) there.push_back(is_there(job, unit));
  return there;
}

std::int64_t count_there(const SweepJob& job) { return std::ranges::count(units_there(job), true); }

// What a job costs this machine, of the units that are still to be computed and the shard's.
struct Cost {
  std::uint64_t memory = 0;  // at most
  double longest = 0;        // seconds of a unit
  double seconds = 0;        // of all
  int units = 0;
};

// `number` counts units through all jobs, as shards do.
Cost cost_of(const SweepPlan& plan, const SweepJob& job, int& number) {
  Cost cost;
  const std::vector<bool> there = units_there(job);
  for (std::size_t i = 0; i < job.units.size(); ++i) {
    const bool own = number++ % plan.shards == plan.shard;
    if (!own || there[i]) continue;
    const SweepUnit& unit = job.units[i];
    ++cost.units;
    cost.memory = std::max(cost.memory, unit.memory);
    cost.longest = std::max(cost.longest, unit.seconds);
    cost.seconds += unit.seconds;
  }
  if (cost.units > 0) cost.seconds += job.calibration;
  return cost;
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

void put_estimate(Json& entry, const SweepJob& job) {
  entry["calibration_seconds"] = number(job.calibration);
  entry["estimates"] = Json::array();
  const std::vector<bool> there = units_there(job);
  for (std::size_t i = 0; i < job.units.size(); ++i) {
    const SweepUnit& unit = job.units[i];
    entry["estimates"].push_back({{"first", unit.first},
                                  {"last", unit.last - 1},
                                  {"there", static_cast<bool>(there[i])},
                                  {"memory", unit.memory},
                                  {"bytes_read", unit.bytes_read},
                                  {"seconds", number(unit.seconds)}});
  }
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
  TextColumn memory{"memory", Align::right, 0, {}};
  TextColumn longest{"unit", Align::right, 0, {}};
  TextColumn time{"all", Align::right, 0, {}};
  int number = 0;
  int open = 0;
  double seconds = 0;
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
    units.cells.push_back(fmt::format("{} of {}", count_there(job), job.units.size()));
    if (!plan.measured) continue;
    const Cost cost = cost_of(plan, job, number);
    memory.cells.push_back(cost.units == 0 ? "" : bytes_text(cost.memory));
    longest.cells.push_back(cost.units == 0 ? "" : time_text(cost.longest));
    time.cells.push_back(cost.units == 0 ? "" : time_text(cost.seconds));
    seconds += cost.seconds;
    open += cost.units;
  }
  std::vector<TextColumn> columns = {model,  text,     sequences, tokens, branches,
                                     shared, unshared, weights,   units};
  if (plan.measured) columns.insert(columns.end(), {memory, longest, time});
  std::string out = put_together(columns) +
                    "runs: the unedited one and the branches. block runs: of one chunk through all "
                    "layers, and\nif every run were alone (?: massive layers are found first). "
                    "weights: read once a wave.\nunits: that are there.";
  if (!plan.measured) return out + "\n";
  return out + fmt::format(
                   " memory: of a unit, at most. unit: the longest; all: what is not there, with\n"
                   "calibration (all layers taken to be massive where that is not known). As this "
                   "machine was measured.\n{} to compute: {}\n",
                   counted(open, "unit"), time_text(seconds));
}

Json plan_json(const SweepPlan& plan) {
  Json document;
  int number = 0;
  double seconds = 0;
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
    entry["units_there"] = count_there(job);
    if (plan.measured) {
      put_estimate(entry, job);
      seconds += cost_of(plan, job, number).seconds;
    }
    document["jobs"].push_back(std::move(entry));
  }
  if (plan.measured) document["seconds"] = tepui::number(seconds);
  document["failures"] = plan.failures.lines();
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
      put(job, fmt::format("({} of {} units)", count_there(job), job.units.size()), "", "");
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
  document["failures"] = outcome.failures.lines();
  return document;
}

}  // namespace tepui
