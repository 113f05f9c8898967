// SPDX-License-Identifier: MIT
#include "study/perplexity.h"

#include <algorithm>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "study/scoring.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

void put_score(Json& target, const Score& score) {
  target["perplexity"] = number(score.perplexity());
  target["nll"] = number(score.nll);
  target["tokens"] = score.tokens;
  target["sequences"] = score.sequences;
}

}  // namespace

nlohmann::json protocol_of(const CorpusRequest& corpus, int context) {
  nlohmann::json protocol;
  protocol["input"] = corpus.ids ? "ids" : corpus.prompt ? "prompt" : "text";
  if (corpus.texts.empty()) return protocol;
  protocol["context"] = context;
  protocol["stride"] = corpus.stride;
  protocol["bos"] = corpus.bos == BosRule::yes ? "yes" : corpus.bos == BosRule::no ? "no" : "auto";
  protocol["sequences"] = corpus.sequences;
  protocol["chunks"] = corpus.pieces;
  protocol["joiner"] = corpus.joiner ? nlohmann::json(*corpus.joiner) : nlohmann::json(nullptr);
  protocol["documents"] = corpus.line_documents ? "lines" : "files";
  protocol["special_tokens"] = corpus.special_tokens;
  return protocol;
}

Result<RunOutcome> run_perplexity(const PerplexityRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  nlohmann::json identity = input_identity(opened);
  identity["kind"] = "perplexity";
  identity["protocol"] = protocol_of(request.corpus, opened.context);
  identity["tokens_kept"] = request.keep_tokens;
  TEPUI_TRY(const Schedule schedule, make_schedule({}, opened.model.spec.dims.layers));
  const SiteSelection nowhere;
  const RunWork work{schedule, nowhere, {}, true};
  if (request.dry_run) return dry_run(request, opened, work, pool, progress);
  TEPUI_TRY(RunStore run, RunStore::open(request, opened, "perplexity", identity, progress));
  const BranchRow unedited[] = {{"unedited", ""}};
  TEPUI_TRY(run.writer().write_branches(unedited, {}));
  if (!run.pending().empty()) {
    const auto pending = pending_sequences(opened, run.pending());
    TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, pending));
    TEPUI_TRY(const auto head,
              Head::make(*opened.backend, opened.model, pool, 0, plan.memory().keeps_head));
    Scoring scoring(*head, opened.corpus, run.writer(), {request.keep_tokens});
    Executor executor(*opened.backend, opened.model, pool,
                      plan.options(run.folder(), run.identity()), {});
    TEPUI_TRY(executor.run(opened.sequences, run.pending(), {}, run.writer(), run.on_progress(),
                           scoring.states()));
  }
  return run.finish();
}

std::string perplexity_table(const ScoredRun& run, int width) {
  const BranchScores& own = run.branches.front();
  TextColumn text{"text", Align::left, 0, {}};
  TextColumn sequences{"sequences", Align::right, 0, {}};
  TextColumn tokens{"tokens", Align::right, 0, {}};
  TextColumn nll{"nll", Align::right, 0, {}};
  TextColumn perplexity{"perplexity", Align::right, 0, {}};
  const auto put = [&](const std::string& name, const Score& score) {
    text.cells.push_back(name);
    sequences.cells.push_back(fmt::format("{}", score.sequences));
    tokens.cells.push_back(fmt::format("{}", score.tokens));
    nll.cells.push_back(fmt::format("{:.2f}", score.nll));
    perplexity.cells.push_back(fmt::format("{:.4f}", score.perplexity()));
  };
  for (const Score& score : own.texts) put(valid_utf8(score.text), score);
  if (own.texts.size() > 1) put("all", own.all);
  constexpr int kLeast = 16;
  const int others = total_width({sequences, tokens, nll, perplexity}) + 2;
  keep_ends(text, std::max(width - others, kLeast));
  return folded({text, sequences, tokens, nll, perplexity}, 1, width);
}

Json perplexity_json(const ScoredRun& run) {
  const BranchScores& own = run.branches.front();
  Json document;
  put_run(document, run.run);
  put_protocol(document, run.identity);
  put_score(document, own.all);
  document["texts"] = Json::array();
  for (const Score& score : own.texts) {
    Json entry;
    entry["text"] = valid_utf8(score.text);
    put_score(entry, score);
    document["texts"].push_back(std::move(entry));
  }
  document["complete"] = own.all.sequences == run.sequences;
  return document;
}

}  // namespace tepui
