// SPDX-License-Identifier: MIT
// What targets are derived from, made by passes of their own where a target asks for them.
#pragma once

#include "base/thread_pool.h"
#include "plan/massive_rule.h"
#include "study/probe_targets.h"

namespace tepui {

struct ProbeSources {
  MassiveActivations massive;
  std::vector<double> sink;
  TokenTags tags;

  TargetSources of(const ScanInput& opened) const { return {opened, &massive, &sink, &tags}; }
};

struct ProbePasses {
  bool massive = false;
  bool sink = false;
};

// Into `sources`; labels are read before.
Status run_passes(const ProbePasses& passes, const InputRequest& request, const MassiveRule& rule,
                  const ScanInput& opened, ThreadPool& pool, const RunProgress& progress,
                  ProbeSources& sources);

// For the executor: tokens times layers become tokens.
OnProgress tokens_done(const ScanInput& opened, const RunProgress& progress);

}  // namespace tepui
