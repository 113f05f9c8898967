// SPDX-License-Identifier: MIT
#include "study/generate.h"

#include <chrono>
#include <numeric>

#include "exec/decoder.h"
#include "models/rope_table.h"
#include "study/perplexity.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "study/stop_tokens.h"
#include "study/wording.h"

namespace tepui {

namespace {

std::string piece_of(const ScanInput& opened, TokenId id) {
  if (opened.tokenizer == nullptr || id >= opened.tokenizer->vocabulary_size())
    return fmt::format("<id {}>", id);
  return opened.tokenizer->piece_bytes(id);
}

std::string text_of(const ScanInput& opened, std::span<const TokenId> ids) {
  std::string text;
  for (const TokenId id : ids) text += piece_of(opened, id);
  return text;
}

ContinuedText continued(const ScanInput& opened, GeneratedText generated) {
  ContinuedText out;
  const std::size_t shown = generated.ids.size() - (generated.end == TextEnd::stop ? 1 : 0);
  out.text = text_of(opened, std::span(generated.ids).first(shown));
  for (const TokenId id : generated.ids) out.pieces.push_back(piece_of(opened, id));
  out.nll = std::accumulate(generated.losses.begin(), generated.losses.end(), 0.0);
  out.generated = std::move(generated);
  return out;
}

// What the model's own limits make of --max-tokens.
Status check_lengths(const ScanInput& opened, const GenerationOptions& options,
                     const RunProgress& progress) {
  const ModelSpec& spec = opened.model.spec;
  for (const CorpusSequence& sequence : opened.corpus.sequences) {
    const int prompt = static_cast<int>(sequence.ids.size());
    if (prompt < spec.dims.prefix)
      return fail(
          ErrorKind::data,
          "{}: expected a prompt of at least {} tokens, found {}: with this model's prefix mask "
          "every token sees the first {}, so that one more of them would change what those "
          "before it are",
          sequence.source, spec.dims.prefix, prompt, spec.dims.prefix);
    const int most = longest_text(spec, prompt);
    if (prompt + options.max_tokens <= most || !progress.note) continue;
    const bool frequencies = most < longest_context(spec.dims);
    progress.note(fmt::format(
        "{}: {} tokens are there, at most {} may be {}: the text ends at the latest behind {}",
        sequence.source, prompt, most,
        frequencies ? "without other frequencies of the rotary embedding" : "(the context)",
        counted(std::max(1, most - prompt), "new token")));
  }
  return {};
}

// Tokens of the longest text that pass through the model: the last one written does not.
std::size_t longest_computed(const ScanInput& opened, const GenerationOptions& options) {
  int longest = 0;
  for (const auto& prompt : opened.sequences) {
    const auto length = static_cast<int>(prompt.size());
    const int most = std::min(longest_text(opened.model.spec, length), length + options.max_tokens);
    longest = std::max({longest, length, most - 1});
  }
  return static_cast<std::size_t>(longest);
}

// Keys and values of all texts as long as they may get, and the logits of their last tokens, on the
// device and here.
std::uint64_t bytes_of_texts(const ScanInput& opened, std::size_t branches,
                             const GenerationOptions& options) {
  const Dims& dims = opened.model.spec.dims;
  std::int64_t tokens = 0;
  for (const auto& prompt : opened.sequences) {
    const auto length = static_cast<int>(prompt.size());
    tokens += std::min(longest_text(opened.model.spec, length), length + options.max_tokens);
  }
  const auto texts = static_cast<std::uint64_t>(branches) * opened.sequences.size();
  return decoder_bytes(dims, tokens * static_cast<std::int64_t>(branches)) +
         3 * texts * static_cast<std::uint64_t>(dims.vocabulary) * sizeof(float);
}

void note_late_rules(std::span<const Branch> branches, const RunProgress& progress) {
  if (!progress.note) return;
  for (const Branch& branch : branches) {
    for (const Edit& edit : branch.edits) {
      if (edit.rule.kind != RuleKind::patch) continue;
      progress.note(
          fmt::format("{}: a patch reaches the prompt only: behind it the branches have "
                      "tokens of their own",
                      branch.name));
      break;
    }
  }
}

// Known at the end alone: a text may come to have what its prompt lacks.
void note_idle_edits(std::span<const BranchSpec> specs, std::span<const ContinuedPrompt> prompts,
                     const RunProgress& progress) {
  for (std::size_t b = 0; b < specs.size(); ++b) {
    std::vector<std::vector<TokenId>> computed;
    for (const ContinuedPrompt& prompt : prompts) {
      const auto& ids = prompt.branches[b + 1].generated.ids;
      computed.push_back(prompt.ids);
      if (ids.size() > 1) computed.back().insert(computed.back().end(), ids.begin(), ids.end() - 1);
    }
    progress.tell(notes_of_idle_edits(specs.subspan(b, 1), computed));
  }
}

}  // namespace

Result<GenerateResult> run_generate(const GenerateRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  progress.tell(opened.notes);
  GenerateResult result;
  result.run = run_info(request, opened);
  result.protocol = protocol_of(request.corpus, opened.context);
  result.options = request.options;
  if (!request.ignore_stops) {
    TEPUI_TRY(result.options.stops, stop_tokens(request.model, opened.tokenizer.get()));
  }
  TEPUI_TRY(check_lengths(opened, result.options, progress));
  TEPUI_TRY(const BranchSetup setup,
            set_up_branches(request.branches, longest_computed(opened, result.options),
                            request.calibration, request, opened, pool, request.rule, progress));
  note_late_rules(setup.branches, progress);
  result.branches.push_back({std::string(kUnedited), ""});
  for (const BranchSpec& spec : setup.specs) result.branches.push_back({spec.name, spec.text()});
  const auto metrics = prefix_metrics();
  TEPUI_TRY(const Schedule schedule, make_schedule(setup.branches, opened.model.spec.dims.layers));
  TEPUI_TRY(const SiteSelection sites, prefix_sites(opened.model.spec));
  RunWork work{schedule, sites, metrics, true, false};
  work.beside = bytes_of_texts(opened, setup.branches.size() + 1, result.options);
  work.beside_what = "keys, values and logits";
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, opened.sequences));
  if (!plan.memory().all_resident && progress.note)
    progress.note("the model does not fit --memory: all weights are read anew for every token");
  ExecOptions exec = plan.options({}, "");
  exec.massive = request.rule;
  Executor executor(*opened.backend, opened.model, pool, exec, metrics);
  TEPUI_TRY(const auto head,
            Head::make(*opened.backend, opened.model, pool, 0, plan.memory().keeps_head));
  if (progress.stage) progress.stage("generate");
  const auto start = std::chrono::steady_clock::now();
  const OnToken on_token = [&](std::int64_t done, std::int64_t most) {
    if (progress.advance) progress.advance(done, most);
  };
  TEPUI_TRY(auto texts, generate(*opened.backend, opened.model, executor, *head, opened.sequences,
                                 setup.branches, request.rule, result.options, on_token));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (std::size_t s = 0; s < texts.size(); ++s) {
    const CorpusSequence& sequence = opened.corpus.sequences[s];
    ContinuedPrompt prompt{sequence.source, text_of(opened, sequence.ids), sequence.ids, {}};
    for (GeneratedText& text : texts[s])
      prompt.branches.push_back(continued(opened, std::move(text)));
    result.prompts.push_back(std::move(prompt));
  }
  note_idle_edits(setup.specs, result.prompts, progress);
  return result;
}

}  // namespace tepui
