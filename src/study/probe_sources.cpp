// SPDX-License-Identifier: MIT
#include "study/probe_sources.h"

#include "study/sink_strength.h"

namespace tepui {

OnProgress tokens_done(const ScanInput& opened, const RunProgress& progress) {
  const std::int64_t tokens = opened.corpus.tokens();
  if (!progress.advance) return nullptr;
  return [advance = progress.advance, tokens](std::int64_t done, std::int64_t total) {
    const double share =
        static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
    advance(static_cast<std::int64_t>(share * static_cast<double>(tokens)), tokens);
  };
}

Status run_passes(const ProbePasses& passes, const InputRequest& request, const MassiveRule& rule,
                  const ScanInput& opened, ThreadPool& pool, const RunProgress& progress,
                  ProbeSources& sources) {
  const OnProgress on_progress = tokens_done(opened, progress);
  const SequenceRange all[] = {{0, static_cast<int>(opened.sequences.size())}};
  if (passes.massive) {
    if (progress.stage) progress.stage("massive tokens");
    TEPUI_TRY(sources.massive, find_massive(request, opened, pool, rule, all, {}, on_progress));
  }
  if (passes.sink) {
    if (progress.stage) progress.stage("attention");
    TEPUI_TRY(sources.sink, sink_strengths(request, opened, pool, on_progress));
  }
  return {};
}

}  // namespace tepui
