// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "base/utf8_text.h"
#include "study/choices.h"
#include "study/json_values.h"
#include "study/text_table.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Accuracy& accuracy) {
  const double error = accuracy.error();
  if (std::isnan(error)) return fmt::format("{:.2f}", 100 * accuracy.share());
  return fmt::format("{:.2f} ± {:.2f}", 100 * accuracy.share(), 100 * error);
}

Json accuracy_json(const Accuracy& accuracy) {
  Json out;
  out["accuracy"] = number(accuracy.share());
  out["standard_error"] = number(accuracy.error());
  return out;
}

// The mean over tasks, each counting alike, as published tables of several tasks have it.
double mean_of(const ChoicesResult& result, std::size_t branch, LengthNorm norm) {
  double sum = 0;
  for (const TaskResult& task : result.tasks) sum += task.accuracy(branch, norm).share();
  return sum / static_cast<double>(result.tasks.size());
}

Json branch_json(const TaskResult& task, const ChoicesResult& result, std::size_t branch) {
  Json entry;
  entry["name"] = valid_utf8(result.branches[branch].name);
  entry["edits"] = valid_utf8(result.branches[branch].edits);
  for (const LengthNorm norm : kLengthNorms)
    entry[std::string(norm_name(norm))] = accuracy_json(task.accuracy(branch, norm));
  return entry;
}

Json item_entry(const ItemResult& item, std::size_t branches) {
  Json entry;
  entry["line"] = item.line;
  entry["answer"] = item.answer;
  entry["log_likelihoods"] = Json::array();
  for (std::size_t b = 0; b < branches; ++b) {
    Json own = Json::array();
    for (const double value : item.log_likelihoods[b]) own.push_back(number(value));
    entry["log_likelihoods"].push_back(std::move(own));
  }
  return entry;
}

}  // namespace

std::string_view norm_name(LengthNorm norm) {
  switch (norm) {
    case LengthNorm::sum: return "sum";
    case LengthNorm::characters: return "per_character";
    case LengthNorm::bytes: return "per_byte";
    case LengthNorm::tokens: break;
  }
  return "per_token";
}

int ItemResult::chosen(std::size_t branch, LengthNorm norm) const {
  const std::vector<double>& length = lengths[static_cast<std::size_t>(norm)];
  const std::vector<double>& value = log_likelihoods[branch];
  std::size_t best = 0;
  for (std::size_t c = 1; c < value.size(); ++c) {
    if (value[c] / length[c] > value[best] / length[best]) best = c;
  }
  return static_cast<int>(best);
}

double Accuracy::share() const { return static_cast<double>(right) / items; }

double Accuracy::error() const {
  if (items < 2) return std::numeric_limits<double>::quiet_NaN();
  return std::sqrt(share() * (1 - share()) / (items - 1));
}

Accuracy TaskResult::accuracy(std::size_t branch, LengthNorm norm) const {
  Accuracy out;
  for (const ItemResult& item : items) {
    ++out.items;
    if (item.chosen(branch, norm) == item.answer) ++out.right;
  }
  return out;
}

std::string choices_table(const ChoicesResult& result, int width) {
  TextColumn task{"task", Align::left, 0, {}};
  TextColumn items{"items", Align::right, 0, {}};
  TextColumn branch{"branch", Align::left, 0, {}};
  std::vector<TextColumn> norms;
  for (const char* title : {"accuracy %", "per character", "per byte", "per token"})
    norms.push_back({title, Align::right, 0, {}});
  for (const TaskResult& own : result.tasks) {
    for (std::size_t b = 0; b < result.branches.size(); ++b) {
      task.cells.push_back(b == 0 ? valid_utf8(own.name) : "");
      items.cells.push_back(b == 0 ? fmt::format("{}", own.items.size()) : "");
      branch.cells.push_back(valid_utf8(result.branches[b].name));
      for (std::size_t n = 0; n < norms.size(); ++n)
        norms[n].cells.push_back(cell(own.accuracy(b, kLengthNorms[n])));
    }
  }
  for (std::size_t b = 0; result.tasks.size() > 1 && b < result.branches.size(); ++b) {
    task.cells.emplace_back(b == 0 ? "mean of tasks" : "");
    items.cells.emplace_back();
    branch.cells.push_back(valid_utf8(result.branches[b].name));
    for (std::size_t n = 0; n < norms.size(); ++n)
      norms[n].cells.push_back(fmt::format("{:.2f}", 100 * mean_of(result, b, kLengthNorms[n])));
  }
  std::vector<TextColumn> columns = {task, items, branch};
  columns.insert(columns.end(), norms.begin(), norms.end());
  return folded(columns, 3, width);
}

Json choices_json(const ChoicesResult& result) {
  Json document;
  put_run(document, result.run);
  document["shared_prefixes"] = result.shared;
  document["tasks"] = Json::array();
  for (const TaskResult& task : result.tasks) {
    Json entry;
    entry["task"] = valid_utf8(task.name);
    entry["path"] = valid_utf8(task.path);
    entry["items"] = task.items.size();
    entry["branches"] = Json::array();
    for (std::size_t b = 0; b < result.branches.size(); ++b)
      entry["branches"].push_back(branch_json(task, result, b));
    entry["results"] = Json::array();
    for (const ItemResult& item : task.items)
      entry["results"].push_back(item_entry(item, result.branches.size()));
    document["tasks"].push_back(std::move(entry));
  }
  document["mean"] = Json::array();
  for (std::size_t b = 0; b < result.branches.size(); ++b) {
    Json entry;
    entry["name"] = valid_utf8(result.branches[b].name);
    for (const LengthNorm norm : kLengthNorms)
      entry[std::string(norm_name(norm))] = number(mean_of(result, b, norm));
    document["mean"].push_back(std::move(entry));
  }
  return document;
}

}  // namespace tepui
