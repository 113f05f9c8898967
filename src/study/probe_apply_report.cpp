// SPDX-License-Identifier: MIT
#include <cmath>

#include "base/utf8_text.h"
#include "store/output_file.h"
#include "study/json_values.h"
#include "study/probe_apply.h"
#include "study/text_table.h"

namespace tepui {

namespace {

std::string three(double value) { return std::isnan(value) ? "-" : fmt::format("{:.3f}", value); }

nlohmann::ordered_json scores_json(const AppliedProbe& one) {
  nlohmann::ordered_json out;
  if (one.values) {
    out["r2"] = number(one.values->r2);
    out["mean_square"] = number(one.values->mean_square);
  }
  if (one.classes) {
    out["accuracy"] = number(one.classes->accuracy);
    out["majority"] = number(one.majority);
    out["balanced_accuracy"] = number(one.classes->balanced_accuracy);
    out["f1"] = number(one.classes->f1);
    out["mcc"] = number(one.classes->mcc);
    out["roc_auc"] = number(one.classes->roc_auc);
  }
  return out;
}

// Tabs and line breaks would end a cell.
std::string cell_text(const std::string& bytes) { return spelled_out(bytes, Letters::unicode); }

}  // namespace

std::string apply_table(const ApplyOutcome& outcome, int columns) {
  TextColumn target{"target", Align::left, 9, {}};
  TextColumn place{"place", Align::left, 9, {}};
  TextColumn probe{"probe", Align::left, 8, {}};
  TextColumn features{"features", Align::left, 7, {}};
  TextColumn scored{"tokens", Align::right, 5, {}};
  TextColumn headline{"accuracy or r2", Align::right, 9, {}};
  TextColumn majority{"majority", Align::right, 6, {}};
  TextColumn f1{"F1", Align::right, 4, {}};
  TextColumn mcc{"MCC", Align::right, 6, {}};
  TextColumn auc{"AUC", Align::right, 3, {}};
  for (const AppliedProbe& one : outcome.probes) {
    const Point point = one.probe.point;
    target.cells.push_back(valid_utf8(one.probe.target));
    place.cells.push_back(site_has_layer(point.site)
                              ? fmt::format("{}.{}", site_name(point.site), point.layer)
                              : std::string(site_name(point.site)));
    probe.cells.push_back(valid_utf8(one.probe.probe));
    features.cells.push_back(valid_utf8(one.probe.features));
    scored.cells.push_back(fmt::format("{}", one.scored));
    const auto of_classes = [&](double ClassScores::*field) {
      return one.classes ? three((*one.classes).*field) : std::string("-");
    };
    headline.cells.push_back(one.values ? three(one.values->r2)
                                        : of_classes(&ClassScores::accuracy));
    majority.cells.push_back(one.classes ? three(one.majority) : "-");
    f1.cells.push_back(of_classes(&ClassScores::f1));
    mcc.cells.push_back(of_classes(&ClassScores::mcc));
    auc.cells.push_back(of_classes(&ClassScores::roc_auc));
  }
  return put_together(
      fitted({target, place, probe, features, scored, headline, majority, f1, mcc, auc}, columns));
}

nlohmann::ordered_json apply_json(const ApplyOutcome& outcome) {
  nlohmann::ordered_json document;
  document["sequences"] = outcome.sequences;
  document["tokens"] = outcome.tokens;
  document["probes"] = nlohmann::ordered_json::array();
  for (const AppliedProbe& one : outcome.probes) {
    nlohmann::ordered_json entry;
    entry["file"] = valid_utf8(one.file);
    entry["target"] = valid_utf8(one.probe.target);
    entry["site"] = site_name(one.probe.point.site);
    entry["layer"] = site_has_layer(one.probe.point.site)
                         ? nlohmann::ordered_json(one.probe.point.layer)
                         : nlohmann::ordered_json(nullptr);
    entry["features"] = valid_utf8(one.probe.features);
    entry["probe"] = valid_utf8(one.probe.probe);
    entry["classes"] = nlohmann::ordered_json::array();
    for (const std::string& name : one.probe.classes) entry["classes"].push_back(valid_utf8(name));
    entry["scored"] = one.scored;
    entry["numbers"] = scores_json(one);
    document["probes"].push_back(std::move(entry));
  }
  return document;
}

Status write_predictions(const ApplyOutcome& outcome, const std::filesystem::path& file) {
  TEPUI_TRY(OutputFile out, OutputFile::create_named(file));
  TEPUI_TRY(out.write("probe\tsequence\tposition\ttoken\tpredicted\tprobability\ttarget\n"));
  for (const AppliedProbe& one : outcome.probes) {
    const std::string name = probe_file_name(one.probe);
    const std::size_t k = one.probe.classes.size();
    const std::vector<int> chosen =
        k > 0 ? predictions_of(one.outputs, static_cast<int>(k)) : std::vector<int>{};
    std::string text;
    int position = 0;
    for (std::size_t i = 0; i < outcome.sequence_of_token.size(); ++i) {
      const int sequence = outcome.sequence_of_token[i];
      position = i > 0 && outcome.sequence_of_token[i - 1] == sequence ? position + 1 : 0;
      text +=
          fmt::format("{}\t{}\t{}\t{}\t", name, sequence, position, cell_text(outcome.pieces[i]));
      if (k > 0) {
        const auto best = static_cast<std::size_t>(chosen[i]);
        const int known = one.known_class.empty() ? -1 : one.known_class[i];
        text += fmt::format(
            "{}\t{:.6g}\t{}\n", cell_text(one.probe.classes[best]),
            std::exp(one.outputs[i * k + best]),
            known < 0 ? "" : cell_text(one.probe.classes[static_cast<std::size_t>(known)]));
      } else {
        const bool known = i < one.target.values.size() && one.target.has(i);
        text += fmt::format("{:.6g}\t\t{}\n", one.outputs[i],
                            known ? fmt::format("{:.6g}", one.target.values[i]) : "");
      }
      if (text.size() < (std::size_t{1} << 16)) continue;
      TEPUI_TRY(out.write(text));
      text.clear();
    }
    TEPUI_TRY(out.write(text));
  }
  return out.commit();
}

}  // namespace tepui
