// SPDX-License-Identifier: MIT
#include "study/branch_setup.h"

#include "exec/executor.h"

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

Result<BranchSetup> set_up_branches(std::span<const BranchRequest> requests,
                                    const CalibrationRequest& calibration,
                                    const CorpusRequest& corpus, const ScanInput& opened,
                                    ThreadPool& pool, const ExecOptions& options,
                                    const RunProgress& progress) {
  BranchSetup setup;
  const ModelSpec& spec = opened.model.spec;
  TEPUI_TRY(setup.specs, parse_branches(requests, spec, "--edit"));
  Calibration found;
  const std::string sites = calibration_sites(setup.specs);
  if (!sites.empty()) {
    TEPUI_TRY(const auto sequences, calibration_sequences(calibration, corpus, opened));
    TEPUI_TRY(const SiteSelection selected, SiteSelection::parse(sites, spec));
    if (progress.stage) progress.stage("calibration");
    TEPUI_TRY(found, calibrate(*opened.backend, opened.model, pool, options, sequences, selected,
                               progress.advance));
  }
  TEPUI_TRY(setup.specs, with_layers(setup.specs, found));
  std::vector<std::string> notes;
  TEPUI_TRY(setup.branches, ready_branches(setup.specs, spec, found, notes));
  for (const std::string& note : notes) {
    if (progress.note) progress.note(note);
  }
  return setup;
}

}  // namespace tepui
