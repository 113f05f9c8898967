// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "base/utf8_text.h"
#include "study/bench_report.h"
#include "study/json_values.h"
#include "study/run_plan.h"
#include "study/scan.h"
#include "study/text_table.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

struct Sum {
  int steps = 0;
  double flops = 0;
  double bytes = 0;
  int dispatches = 0;
  int barriers = 0;
  double seconds = 0;
  double measured = 0;
  std::map<Limit, double> limits;

  void add(const StepCost& step, double measured_seconds) {
    ++steps;
    flops += step.flops;
    bytes += step.bytes;
    dispatches += step.counts.dispatches;
    barriers += step.counts.barriers;
    seconds += step.seconds;
    measured += measured_seconds;
    limits[step.limit] += step.seconds;
  }
  // What most of the time goes to.
  Limit limit() const {
    return std::ranges::max_element(limits, {}, [](const auto& one) { return one.second; })->first;
  }
};

std::string_view limit_name(Limit limit) {
  switch (limit) {
    case Limit::compute: return "compute";
    case Limit::memory: return "memory";
    case Limit::cache: return "cache";
    case Limit::overhead: return "overhead";
  }
  return "";
}

// Columns that parts and ops share: what they do and need.
class WorkColumns {
 public:
  WorkColumns(const char* title, const char* count, bool device, bool measured)
      : device_(device), measured_(measured) {
    columns_ = {{title, Align::left, 9, {}},
                {count, Align::right, 8, {}},
                {"GFLOP", Align::right, 7, {}},
                {"MB", Align::right, 7, {}}};
    if (device) {
      columns_.push_back({"dispatches", Align::right, 5, {}});
      columns_.push_back({"barriers", Align::right, 5, {}});
    }
    columns_.push_back({"us at least", Align::right, 9, {}});
    if (measured) {
      columns_.push_back({"us measured", Align::right, 9, {}});
      columns_.push_back({"ratio", Align::right, 8, {}});
    }
    columns_.push_back({"limit", Align::left, 4, {}});
  }

  void add(const std::string& name, int count, const Sum& sum) {
    std::size_t at = 0;
    const auto put = [&](std::string cell) { columns_[at++].cells.push_back(std::move(cell)); };
    put(name);
    put(fmt::format("{}", count));
    put(rounded(sum.flops * 1e-9));
    put(rounded(sum.bytes * 1e-6));
    if (device_) {
      put(fmt::format("{}", sum.dispatches));
      put(fmt::format("{}", sum.barriers));
    }
    put(rounded(sum.seconds * 1e6));
    if (measured_) {
      put(rounded(sum.measured * 1e6));
      put(sum.seconds > 0 ? rounded(sum.measured / sum.seconds) : "");
    }
    put(std::string(limit_name(sum.limit())));
  }

  std::string text() const { return put_together(columns_); }

 private:
  bool device_;
  bool measured_;
  std::vector<TextColumn> columns_;
};

Sum sum_of(const PartCost& part) {
  Sum sum;
  for (const StepCost& step : part.steps) sum.add(step, 0);
  return sum;
}

double seconds_of(std::span<const PartCost> parts, const DeviceProfile& profile) {
  double seconds = 0;
  for (const PartCost& part : parts) seconds += part.times * part.seconds(profile);
  return seconds;
}

struct TokenBytes {
  double all = 0;
  double weights = 0;  // but for the token's row of the table
};
TokenBytes token_bytes(const Prediction& p) {
  TokenBytes bytes;
  for (const PartCost& part : p.token_parts) {
    bytes.all += part.times * part.bytes();
    if (&part != &p.token_parts.front()) bytes.weights += part.times * part.weight_bytes;
  }
  return bytes;
}

std::string token_text(const Prediction& p) {
  if (p.token_parts.empty()) return "";
  const double seconds = seconds_of(p.token_parts, p.profile);
  const TokenBytes bytes = token_bytes(p);
  return fmt::format(
      "token {} alone, keys and values of those before it being kept: {} ms at least, {} tokens/s "
      "at most;\n{} MB, of them {} of weights\n",
      p.token, rounded(seconds * 1e3), rounded(1 / seconds), rounded(bytes.all * 1e-6),
      rounded(bytes.weights * 1e-6));
}

// What tiles of queries share no reading of.
std::string again_text(const Prediction& p, const PartCost& layer) {
  double again = 0;
  double cached = 0;
  for (const StepCost& step : layer.steps) {
    again += step.counts.again_bytes;
    cached += step.cached_bytes;
  }
  if (!p.profile.device || again == 0) return "";
  return fmt::format("keys and values read again: {} MB, {} of them from {}\n",
                     rounded(again * 1e-6), rounded(cached * 1e-6),
                     p.profile.cache > 0 ? "the cache" : "a cache whose size is not known");
}

// By op, in order of time.
std::string ops_text(const Prediction& p, const PartCost& layer) {
  std::map<std::string_view, Sum> ops;
  Sum all;
  for (std::size_t i = 0; i < layer.steps.size(); ++i) {
    const double measured = p.measured ? p.seconds[i] : 0;
    ops[op_of(layer.steps[i].op).name].add(layer.steps[i], measured);
    all.add(layer.steps[i], measured);
  }
  std::vector<std::pair<std::string_view, Sum>> sorted(ops.begin(), ops.end());
  std::ranges::stable_sort(sorted, std::ranges::greater{},
                           [](const auto& one) { return one.second.seconds; });
  WorkColumns columns("op", "steps", p.profile.device, p.measured);
  for (const auto& [name, sum] : sorted) columns.add(std::string(name), sum.steps, sum);
  columns.add("all", all.steps, all);
  return columns.text();
}

const PartCost* layer_of(const Prediction& p) {
  if (p.measured) return &p.layer;
  const auto found = std::ranges::find_if(
      p.parts, [](const PartCost& part) { return part.name.starts_with("layer"); });
  return found == p.parts.end() ? nullptr : &*found;
}

// Which units linear layers run on, and what the terms of their operands multiply.
std::string tier_text(const Prediction& p) {
  if (!p.profile.matrices) return "linear layers: multiply-adds in f32\n";
  double flops = 0;
  double issued = 0;
  for (const PartCost& part : p.parts) {
    for (const StepCost& step : part.steps) {
      if (step.counts.matrix_products == 0) continue;
      flops += step.flops * part.times;
      issued += step.issued * part.times;
    }
  }
  const std::string rate = p.profile.matrix_flops > 0
                               ? fmt::format("at {:.4g} GFLOP/s", p.profile.matrix_flops * 1e-9)
                               : "at a rate that is not known, taken to be that of f32";
  return fmt::format("linear layers: matrix units {}, {} GFLOP as {} of f16 terms\n", rate,
                     rounded(flops * 1e-9), rounded(issued * 1e-9));
}

Json step_json(const StepCost& step) {
  return {{"op", op_of(step.op).name},
          {"name", valid_utf8(step.name)},
          {"flops", number(step.flops)},
          {"issued_flops", number(step.issued)},
          {"bytes", number(step.bytes)},
          {"cached_bytes", number(step.cached_bytes)},
          {"dispatches", step.counts.dispatches},
          {"barriers", step.counts.barriers},
          {"seconds", number(step.seconds)},
          {"limit", limit_name(step.limit)}};
}

Json part_json(const PartCost& part, const DeviceProfile& profile) {
  Json out{{"name", part.name},
           {"times", part.times},
           {"flops", number(part.flops())},
           {"bytes", number(part.bytes())},
           {"host_bytes", number(part.host_bytes)},
           {"weight_bytes", number(part.weight_bytes)},
           {"seconds", number(part.seconds(profile))},
           {"seconds_streamed", number(part.seconds_streamed(profile))},
           {"steps", Json::array()}};
  for (const StepCost& step : part.steps) out["steps"].push_back(step_json(step));
  return out;
}

}  // namespace

std::string prediction_text(const Prediction& p) {
  std::string text = fmt::format(
      "{} on {} ({}): {:.4g} GFLOP/s, {:.4g} GB/s\none sequence of {} tokens, weights resident\n\n",
      p.model, p.profile.name, p.profile.what, p.profile.flops * 1e-9, p.profile.bytes * 1e-9,
      p.lengths.front());
  WorkColumns parts("part", "runs", p.profile.device, false);
  double host = 0;
  for (const PartCost& part : p.parts) {
    parts.add(part.name, part.times, sum_of(part));
    host += part.host_bytes * part.times;
  }
  const double seconds = seconds_of(p.parts, p.profile);
  text += parts.text();
  text += fmt::format("each of one run; back to the host: {} in all\n",
                      size_text(static_cast<std::uint64_t>(host)));
  if (p.profile.device && !p.parts.empty() && !p.parts.front().counted)
    text += "dispatches and barriers are not counted: this program was built without Vulkan\n";
  text += fmt::format("all: {} ms at least, {} tokens/s at most\n", rounded(seconds * 1e3),
                      rounded(p.lengths.front() / seconds));
  if (p.profile.device && p.profile.host_bytes > 0) {
    double streamed = 0;
    for (const PartCost& part : p.parts) streamed += part.times * part.seconds_streamed(p.profile);
    text += fmt::format(
        "where the weights come from the host at {:.4g} GB/s, beside what is computed: {} ms\n",
        p.profile.host_bytes * 1e-9, rounded(streamed * 1e3));
  }
  text += token_text(p);
  if (p.profile.device) text += tier_text(p);
  const PartCost* layer = layer_of(p);
  if (layer == nullptr) return text;
  text += fmt::format("\nof one layer{}:\n{}", p.measured ? ", beside what it took" : "",
                      ops_text(p, *layer));
  text += again_text(p, *layer);
  return text;
}

Json prediction_json(const Prediction& p) {
  const double seconds = seconds_of(p.parts, p.profile);
  Json out{{"tepui", tepui_version()},
           {"model", valid_utf8(p.model)},
           {"profile",
            {{"name", p.profile.name},
             {"what", valid_utf8(p.profile.what)},
             {"flops", number(p.profile.flops)},
             {"bytes", number(p.profile.bytes)},
             {"host_bytes", number(p.profile.host_bytes)},
             {"matrices", p.profile.matrices},
             {"matrix_flops", number(p.profile.matrix_flops)},
             {"cache", number(p.profile.cache)},
             {"cache_bytes", number(p.profile.cache_bytes)},
             {"dispatch", number(p.profile.dispatch)},
             {"barrier", number(p.profile.barrier)}}},
           {"length", p.lengths.front()},
           {"seconds", number(seconds)},
           {"tokens_per_second", number(p.lengths.front() / seconds)},
           {"parts", Json::array()}};
  for (const PartCost& part : p.parts) out["parts"].push_back(part_json(part, p.profile));
  if (!p.token_parts.empty()) {
    const double alone = seconds_of(p.token_parts, p.profile);
    const TokenBytes bytes = token_bytes(p);
    out["token"] = {{"number", p.token},
                    {"seconds", number(alone)},
                    {"tokens_per_second", number(1 / alone)},
                    {"bytes", number(bytes.all)},
                    {"weight_bytes", number(bytes.weights)},
                    {"parts", Json::array()}};
    for (const PartCost& part : p.token_parts)
      out["token"]["parts"].push_back(part_json(part, p.profile));
  }
  if (p.measured) {
    out["measured"] = part_json(p.layer, p.profile);
    for (std::size_t i = 0; i < p.seconds.size(); ++i)
      out["measured"]["steps"][i]["measured"] = number(p.seconds[i]);
  }
  return out;
}

}  // namespace tepui
