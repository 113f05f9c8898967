// SPDX-License-Identifier: MIT
#include "report/bench_chart.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "study/wording.h"

namespace tepui {
namespace {

bool is_spread(const ChartJson& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_object()) return false;
  return std::ranges::all_of(std::array{"median", "least", "most"}, [&](const char* part) {
    return found->contains(part) && (*found)[part].is_number();
  });
}

Status check_bench(const ChartJson& document, const std::string& file) {
  const auto lacks = [&](const std::string& what) {
    return fail(ErrorKind::data, "{}: expected a document of tepui bench --out, found none of {}",
                file, what);
  };
  if (!document.is_object()) return lacks("JSON");
  for (const char* key : {"model", "sites", "tepui"}) {
    if (!document.contains(key) || !document[key].is_string()) return lacks(key);
  }
  for (const char* key : {"rows", "devices"}) {
    if (!document.contains(key) || !document[key].is_array() || document[key].empty())
      return lacks(key);
  }
  for (const ChartJson& row : document["rows"]) {
    for (const char* key : {"backend", "type"}) {
      if (!row.is_object() || !row.contains(key) || !row[key].is_string()) return lacks(key);
    }
    if (!row.contains("length") || !row["length"].is_number_integer()) return lacks("length");
    for (const char* key : {"tokens_per_second", "tokens_per_second_with_statistics",
                            "cost_of_statistics", "share_of_peak"}) {
      if (!is_spread(row, key)) return lacks(key);
    }
  }
  return {};
}

std::string bench_finding(const ChartJson& document) {
  const auto speed = [](const ChartJson& row) {
    return row["tokens_per_second"]["median"].get<double>();
  };
  const ChartJson* best = &document["rows"][0];
  for (const ChartJson& row : document["rows"]) {
    if (speed(row) > speed(*best)) best = &row;
  }
  return fmt::format(
      "{}: at most {} tokens/s ({}, {} weights, sequences of {}), {} % of the rate of "
      "multiply-adds "
      "on registers; the statistics of {} cost {} % there.\n",
      document["model"].get<std::string>(), rounded(speed(*best)),
      (*best)["backend"].get<std::string>(), (*best)["type"].get<std::string>(),
      (*best)["length"].get<std::int64_t>(),
      rounded(100 * (*best)["share_of_peak"]["median"].get<double>()),
      document["sites"].get<std::string>(),
      rounded(100 * (*best)["cost_of_statistics"]["median"].get<double>()));
}

}  // namespace

Result<ChartJson> bench_run(const std::string& file) {
  TEPUI_TRY(const std::string text, read_file(file));
  const ChartJson document = ChartJson::parse(text, nullptr, false);
  TEPUI_TRY(check_bench(document, file));
  ChartJson run;
  run["label"] = valid_utf8(std::filesystem::path(file).stem().string());
  run["folder"] = valid_utf8(file);
  run["command"] = document.value("command", std::string());
  run["finding"] = valid_utf8(bench_finding(document));
  run["rule"] = {{"min_abs", 0}, {"min_ratio", 0}};
  run["notes"] = ChartJson::array();
  run["facts"] = ChartJson::array();
  const auto add = [&](const std::string& name, const std::string& value) {
    run["facts"].push_back({{"name", name}, {"value", valid_utf8(value)}});
  };
  add("Model", document["model"].get<std::string>());
  std::set<std::string> devices;  // listed for each type of weights
  for (const ChartJson& device : document["devices"]) {
    const std::string text =
        fmt::format("{}: {}, {}", device.value("backend", std::string()),
                    device.value("name", std::string()), device.value("detail", std::string()));
    if (devices.insert(text).second) add("Device", text);
  }
  add("Version", "tepui " + document["tepui"].get<std::string>());
  run["bench"] = document;
  run["tokens"] = ChartJson::object();
  run["sequences"] = ChartJson::object();
  run["sites"] = ChartJson::array();
  return run;
}

}  // namespace tepui
