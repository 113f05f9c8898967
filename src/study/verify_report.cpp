// SPDX-License-Identifier: MIT
#include "study/verify_report.h"

#include <algorithm>
#include <cmath>

#include "base/utf8_text.h"
#include "study/json_values.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

std::string share_text(double share, bool exact) {
  if (std::isinf(share)) return exact ? "differs" : "beyond";
  if (exact) return "bit-equal";
  return share == 0 ? "0" : rounded(share);
}

std::string side_text(const Verification::Side& side) {
  if (side.detail.empty()) return fmt::format("{} ({})", side.backend, side.device);
  return fmt::format("{} ({}; {})", side.backend, side.device, side.detail);
}

std::string other_name(const Verification& v) {
  return v.references_alone ? "reference" : v.second.backend;
}

// "layer 3, step 7: mlp_pre = linear(mlp_in, gate)"
std::string step_text(const StepDeviation& d) {
  std::string text = d.layer == kNoLayer ? d.part : fmt::format("layer {}", d.layer);
  if (d.whole) text += ", the program as a whole, where its steps one by one are right";
  return text + fmt::format(", step {}: {}", d.step, d.formula);
}

std::string place_text(const StepDeviation& d, Letters letters) {
  if (d.sequence < 0) return fmt::format("element {}", d.element);
  std::string text = fmt::format("sequence {}", d.sequence);
  if (d.position >= 0)
    text += fmt::format(", token {} {}", d.position, quoted(d.token, letters, 24));
  if (d.channel >= 0)
    text += fmt::format(", {} {}", d.position >= 0 ? "channel" : "entry", d.channel);
  return text;
}

std::string deviation_text(const Verification& v, const StepDeviation& d, Letters letters) {
  std::string text = fmt::format("First deviation: {}\n{}\n", step_text(d), place_text(d, letters));
  const auto line = [&](const std::string& name, double value, bool left) {
    text +=
        fmt::format("  {:<10} {:.9g}{}\n", name, value,
                    left ? fmt::format("  off by {}", rounded(std::abs(value - d.reference))) : "");
  };
  if (d.whole) {
    line(v.first.backend, d.first, true);
    text += fmt::format("  {:<10} {:.9g}\n", "by steps", d.reference);
  } else {
    line(v.first.backend, d.first, d.first_left);
    if (!v.references_alone) line(v.second.backend, d.second, d.second_left);
    text += fmt::format("  {:<10} {:.9g}\n", "reference", d.reference);
  }
  if (d.bound > 0)
    text += fmt::format("  {:<10} {}\n", "bound", rounded(d.bound));
  else
    text += fmt::format("  {:<10} every bit must be equal\n", "bound");
  return text;
}

std::string ops_text(const Verification& v) {
  std::size_t width = 2;
  for (const VerifiedOp& op : v.ops) width = std::max(width, op.op.size());
  std::string text =
      fmt::format("{:<{}} {:>6} {:>11} {:>9}", "op", width, "steps", "values", v.first.backend);
  if (!v.references_alone) text += fmt::format(" {:>9}", v.second.backend);
  text += "  worst at\n";
  for (const VerifiedOp& op : v.ops) {
    text += fmt::format("{:<{}} {:>6} {:>11} {:>9}", op.op, width, op.steps, op.values,
                        share_text(op.first, op.exact));
    if (!v.references_alone) {
      const bool none = op.op == kWholePrograms;
      text += fmt::format(" {:>9}", none ? "" : share_text(op.second, op.exact));
    }
    text += op.worst_at.empty() ? "" : "  " + op.worst_at;
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

Json deviation_json(const StepDeviation& d) {
  Json out;
  out["part"] = d.part;
  out["layer"] = d.layer == kNoLayer ? Json(nullptr) : Json(d.layer);
  out["whole_program"] = d.whole;
  out["step"] = d.step;
  out["op"] = d.op;
  out["value"] = d.value;
  out["formula"] = d.formula;
  const auto index = [](std::int64_t i) { return i < 0 ? Json(nullptr) : Json(i); };
  out["sequence"] = index(d.sequence);
  out["position"] = index(d.position);
  out["token"] = d.position < 0 ? Json(nullptr) : Json(valid_utf8(d.token));
  out["channel"] = index(d.channel);
  out["element"] = d.element;
  out["first"] = number(d.first);
  out["second"] = d.whole ? Json(nullptr) : number(d.second);
  out["reference"] = number(d.reference);
  out["bound"] = number(d.bound);
  out["first_left"] = d.first_left;
  out["second_left"] = d.second_left;
  return out;
}

}  // namespace

std::string verification_text(const Verification& v, Letters letters) {
  std::string text = fmt::format(
      "{}: {}\nagainst {}\n", v.model, side_text(v.first),
      v.references_alone ? "the references of the ops, in double" : side_text(v.second));
  text += fmt::format(
      "{} in {}, sites {}: {}, each on identical inputs, held to its reference.\n"
      "Shares of the error bound that the worst element uses; selections must be bit-equal.\n\n",
      counted(v.tokens, "token"), counted(v.sequences, "sequence"), v.sites,
      counted(v.steps, "step"));
  text += ops_text(v) + "\n";
  if (v.first_deviation) text += deviation_text(v, *v.first_deviation, letters) + "\n";
  text += v.agrees() ? fmt::format("{} and {} agree.\n", v.first.backend, other_name(v))
                     : fmt::format("{} and {} do not agree: {} left {} bound.\n", v.first.backend,
                                   other_name(v), counted(v.deviating, "step"),
                                   v.deviating == 1 ? "its" : "their");
  return text;
}

nlohmann::ordered_json verification_json(const Verification& v) {
  Json out;
  out["tepui"] = tepui_version();
  out["model"] = valid_utf8(v.model);
  const auto side = [](const Verification::Side& s) {
    return Json{{"backend", s.backend}, {"device", valid_utf8(s.device)}, {"detail", s.detail}};
  };
  out["first"] = side(v.first);
  out["second"] = v.references_alone ? Json{{"backend", "reference"}} : side(v.second);
  out["sites"] = v.sites;
  out["sequences"] = v.sequences;
  out["tokens"] = v.tokens;
  out["steps"] = v.steps;
  out["agrees"] = v.agrees();
  out["deviating"] = v.deviating;
  out["ops"] = Json::array();
  for (const VerifiedOp& op : v.ops) {
    out["ops"].push_back({{"op", op.op},
                          {"exact", op.exact},
                          {"steps", op.steps},
                          {"values", op.values},
                          {"first_share", number(op.first)},
                          {"second_share", number(op.second)},
                          {"worst_at", op.worst_at},
                          {"deviating", op.deviating}});
  }
  out["first_deviation"] = v.first_deviation ? deviation_json(*v.first_deviation) : Json(nullptr);
  return out;
}

Status verdict(const Verification& v) {
  if (v.agrees()) return {};
  return fail(ErrorKind::data, "{} and {} do not agree: the first of {} is {}", v.first.backend,
              other_name(v), counted(v.deviating, "deviating step"), step_text(*v.first_deviation));
}

}  // namespace tepui
