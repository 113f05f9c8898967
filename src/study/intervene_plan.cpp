// SPDX-License-Identifier: MIT
// What an intervention will run, and what that will take.
#include "study/intervene.h"
#include "study/json_values.h"
#include "study/wording.h"

namespace tepui {

Result<OpenIntervention::Planned> OpenIntervention::planned() const {
  const ModelSpec& spec = input_.model.spec;
  Planned out;
  TEPUI_TRY(auto planned, plan_branches(specs_, spec));
  out.branches = std::move(planned.branches);
  out.all_layers = planned.all_layers;
  TEPUI_TRY(out.schedule, make_schedule(out.branches, spec.dims.layers));
  TEPUI_TRY(out.unedited, make_schedule({}, spec.dims.layers));
  TEPUI_TRY(out.sites, SiteSelection::parse(request_.sites, spec));
  out.metrics = intervention_metrics(measured());
  if (const std::string sites = tepui::calibration_sites(specs_); !sites.empty()) {
    TEPUI_TRY(out.calibration_sites, SiteSelection::parse(sites, spec));
    out.calibration_metrics = tepui::calibration_metrics({});
  }
  return out;
}

Result<std::optional<Schedule>> OpenIntervention::schedule() const {
  TEPUI_TRY(Planned all, planned());
  if (all.all_layers) return std::nullopt;
  // Whoever asks counts runs: the edits are gone.
  for (PartLanes& part : all.schedule.parts)
    for (Lane& lane : part.lanes) lane.edits.clear();
  return std::move(all.schedule);
}

Result<double> OpenIntervention::calibration_time(const Planned& planned,
                                                  const Speed& speed) const {
  if (planned.calibration_sites.points().empty()) return 0.0;
  TEPUI_TRY(const RunPlan plan,
            RunPlan::make(request_, input_, planned.calibration(), calibration_text_));
  return plan.expected(speed).seconds();
}

Result<OpenIntervention::Estimate> OpenIntervention::estimate(
    std::span<const std::pair<int, int>> parts) {
  TEPUI_TRY(const Planned all, planned());
  Estimate out;
  out.all_layers = all.all_layers;
  std::optional<Speed> speed;
  for (const auto& [first, last] : parts) {
    const auto sequences =
        Sequences(input_.sequences)
            .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
    TEPUI_TRY(const RunPlan plan, RunPlan::make(request_, input_, all.work(), sequences));
    if (!speed) {
      TEPUI_TRY(speed, plan.measure(pool_));
      TEPUI_TRY(out.calibration, calibration_time(all, *speed));
    }
    out.parts.push_back({plan.memory().total(), plan.expected(*speed)});
  }
  return out;
}

Result<RunOutcome> OpenIntervention::plan(const RunProgress& progress) {
  TEPUI_TRY(const Planned all, planned());
  progress.tell(input_.notes);
  if (all.all_layers && progress.note) progress.note(kAllLayersNote);
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request_, input_, all.work(), input_.sequences));
  TEPUI_TRY(const Speed speed, plan.measure(pool_));
  RunOutcome outcome;
  outcome.sequences = static_cast<int>(input_.sequences.size());
  TEPUI_TRY(const double seconds, calibration_time(all, speed));
  const bool calibrates = !all.calibration_sites.points().empty();
  if (request_.json) {
    auto document = plan.document(speed);
    document["calibration"] = nullptr;
    if (calibrates)
      document["calibration"] = {{"sequences", calibration_text_.size()},
                                 {"seconds", number(seconds)}};
    document["all_layers_counted"] = all.all_layers;
    outcome.plan = json_text(document);
    return outcome;
  }
  outcome.plan = plan.text(speed);
  if (calibrates) outcome.plan += calibration_line(calibration_text_, seconds);
  return outcome;
}

}  // namespace tepui
