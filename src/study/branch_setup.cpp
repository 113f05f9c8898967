// SPDX-License-Identifier: MIT
#include "study/branch_setup.h"

#include "study/run_plan.h"
#include "study/wording.h"
#include "tepui/metric.h"

namespace tepui {

Result<std::vector<std::vector<TokenId>>> calibration_sequences(const CalibrationRequest& request,
                                                                const CorpusRequest& corpus,
                                                                const ScanInput& opened) {
  std::vector<std::vector<TokenId>> sequences = opened.sequences;
  if (!request.text.empty()) {
    CorpusRequest own = corpus;
    own.texts = request.text;
    own.ids.reset();
    own.prompt.reset();
    own.context = opened.context;
    own.sequences = request.sequences;
    TEPUI_TRY(const Corpus loaded, load_corpus(own, opened.tokenizer.get()));
    sequences.clear();
    for (const CorpusSequence& sequence : loaded.sequences) sequences.push_back(sequence.ids);
  }
  const auto most = static_cast<std::size_t>(request.sequences);
  if (sequences.size() > most) sequences.resize(most);
  TEPUI_TRY(check_sequences(sequences, opened.model));
  return sequences;
}

Result<PlannedBranches> plan_branches(std::vector<BranchSpec> specs, const ModelSpec& spec) {
  PlannedBranches out;
  Calibration everywhere;
  everywhere.sequences = 1;
  for (BranchSpec& branch : specs) {
    for (EditSpec& edit : branch.edits) {
      out.all_layers = out.all_layers || edit.layers.kind != LayerSelector::Kind::listed;
      for (int layer = 0; layer < spec.dims.layers; ++layer)
        everywhere.massive[{layer, edit.site}] = 1;
      if (edit.rule.kind == RuleKind::mean) edit.rule = {};
    }
  }
  TEPUI_TRY(specs, with_layers(specs, everywhere));
  std::vector<std::string> notes;
  TEPUI_TRY(out.branches, ready_branches(specs, spec, everywhere, notes));
  return out;
}

Result<Calibration> calibrate_branches(std::span<const BranchSpec> specs, Sequences sequences,
                                       const InputRequest& request, const ScanInput& opened,
                                       ThreadPool& pool, const MassiveRule& rule,
                                       const StateKeeping& keeping, const RunProgress& progress) {
  const ModelSpec& spec = opened.model.spec;
  const std::string places = calibration_sites(specs);
  if (places.empty()) return Calibration();
  TEPUI_TRY(const SiteSelection sites, SiteSelection::parse(places, spec));
  TEPUI_TRY(const Schedule unedited, make_schedule({}, spec.dims.layers));
  const auto metrics = calibration_metrics({});
  RunWork work{unedited, sites, metrics};
  work.keeps_states = !keeping.folder.empty();
  if (progress.stage) progress.stage("calibration");
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, sequences));
  ExecOptions options = plan.options(keeping.folder, keeping.identity + " calibration");
  options.massive = rule;
  return calibrate(*opened.backend, opened.model, pool, options, sequences, sites,
                   progress.advance);
}

std::string calibration_line(Sequences sequences, double seconds) {
  return fmt::format("calibration   {} before, unedited: {}\n",
                     counted(static_cast<std::int64_t>(sequences.size()), "sequence"),
                     time_text(seconds));
}

Result<BranchSetup> set_up_branches(std::span<const BranchRequest> requests, std::size_t longest,
                                    const CalibrationRequest& calibration,
                                    const InputRequest& request, const ScanInput& opened,
                                    ThreadPool& pool, const MassiveRule& rule,
                                    const RunProgress& progress) {
  BranchSetup setup;
  const ModelSpec& spec = opened.model.spec;
  TEPUI_TRY(setup.specs, parse_branches(requests, spec, "--edit"));
  TEPUI_TRY(check_positions(setup.specs, longest));
  std::vector<std::vector<TokenId>> sequences;
  if (!calibration_sites(setup.specs).empty()) {
    TEPUI_TRY(sequences, calibration_sequences(calibration, request.corpus, opened));
  }
  TEPUI_TRY(const Calibration found,
            calibrate_branches(setup.specs, sequences, request, opened, pool, rule, {}, progress));
  TEPUI_TRY(setup.specs, with_layers(setup.specs, found));
  std::vector<std::string> notes;
  TEPUI_TRY(setup.branches, ready_branches(setup.specs, spec, found, notes));
  progress.tell(notes);
  return setup;
}

}  // namespace tepui
