// SPDX-License-Identifier: MIT
// Perplexity of a model on texts, by a protocol whose every choice is an option: context, stride,
// BOS, number of pieces, what joins documents, special tokens. Each sequence's sum goes to the
// store, so that a run is resumed and its tokens can be looked at.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/input_request.h"
#include "study/scores.h"
#include "tepui/result.h"

namespace tepui {

struct PerplexityRequest : InputRequest {
  bool keep_tokens = false;  // every position's log-likelihood goes to the store
};

Result<RunOutcome> run_perplexity(const PerplexityRequest& request, const RunProgress& progress);

// How the text was cut, for identities and reports. `context` is the one that was used.
nlohmann::json protocol_of(const CorpusRequest& corpus, int context);

std::string perplexity_table(const ScoredRun& run, int width);
nlohmann::ordered_json perplexity_json(const ScoredRun& run);

}  // namespace tepui
