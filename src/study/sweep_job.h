// SPDX-License-Identifier: MIT
// One model and one text of a study, opened.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "study/intervene.h"
#include "study/sweep.h"

namespace tepui {

// Of models, by path: reading all weights of a large one takes a while, and its texts share them.
using Fingerprints = std::map<std::string, std::string>;

// Usage errors name the place in the study file.
Result<std::unique_ptr<OpenIntervention>> open_job(const SweepRequest& request,
                                                   const StudyModel& model, const StudyText& text,
                                                   Fingerprints& known);

}  // namespace tepui
