// SPDX-License-Identifier: MIT
#include "study/scan_input.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "exec/executor.h"
#include "models/rope_table.h"
#include "study/wording.h"
#include "weights/read_bytes.h"

namespace tepui {

namespace {

std::filesystem::path tokenizer_path(const InputRequest& request) {
  return request.tokenizer.value_or(request.model);
}

std::string unused_note(const Model& model) {
  return fmt::format("{}: {} tensor{} of the file {} not used by the architecture {}: {}{}",
                     model.path, model.unused.size(), model.unused.size() == 1 ? "" : "s",
                     model.unused.size() == 1 ? "is" : "are", model.spec.arch->name,
                     model.unused.front(), model.unused.size() > 1 ? ", ..." : "");
}

Result<std::unique_ptr<Tokenizer>> load_scan_tokenizer(const InputRequest& request) {
  // A llama2.c checkpoint is weights alone, and its ending is that of llama2.c's tokenizers.
  if (!request.tokenizer && request.model.extension() == ".bin")
    return fail(ErrorKind::data,
                "{}: no tokenizer found (expected one with --tokenizer: this file holds weights "
                "alone)",
                request.model.string());
  return load_tokenizer(tokenizer_path(request));
}

// Ids need no tokenizer; without one their tokens have no spelling.
Status open_tokenizer(const InputRequest& request, ScanInput& input) {
  auto tokenizer = load_scan_tokenizer(request);
  if (!tokenizer) {
    if (!request.corpus.ids || request.tokenizer) {
      Error error = tokenizer.error();
      if (!request.tokenizer && request.model.extension() != ".bin")
        error.message += "; --tokenizer takes that of another model, --ids needs none";
      return tl::unexpected(std::move(error));
    }
    input.notes.push_back(tokenizer.error().message + "; tokens are shown by their ids");
    return {};
  }
  input.tokenizer = *std::move(tokenizer);
  const int tokens = input.tokenizer->vocabulary_size();
  const int vocabulary = input.model.spec.dims.vocabulary;
  if (tokens > vocabulary)
    input.notes.push_back(
        fmt::format("{}: the tokenizer has {} tokens, {} only {}: they may not belong together",
                    tokenizer_path(request).string(), tokens, input.model.path, vocabulary));
  return {};
}

// Options that say how a text is cut mean nothing for sequences that are taken as they are.
void note_idle_options(const CorpusRequest& corpus, std::vector<std::string>& notes) {
  if (!corpus.texts.empty()) return;
  if (corpus.context != 0)
    notes.push_back("--context has no effect without --text: each sequence is taken as it is");
  std::vector<std::string> others;
  if (corpus.stride != 0) others.emplace_back("--stride");
  if (corpus.pieces != 0) others.emplace_back("--chunks");
  if (corpus.joiner) others.emplace_back("--joiner");
  if (corpus.line_documents) others.emplace_back("--documents");
  if (corpus.special_tokens) others.emplace_back("--special-tokens");
  for (const std::string& option : others)
    notes.push_back(
        fmt::format("{} has no effect without --text: each sequence is taken as it is", option));
  if (corpus.ids && corpus.bos != BosRule::automatic)
    notes.push_back("--bos has no effect with --ids: each list is taken as it is");
}

// Texts behind the last sequence that --sequences takes.
void note_texts_left(const InputRequest& request, ScanInput& input) {
  const CorpusRequest& corpus = request.corpus;
  if (corpus.sequences == 0 || corpus.joiner) return;
  std::vector<std::string> left;
  for (const auto& text : corpus.texts) {
    const std::string name = text.lexically_normal().string();
    if (std::ranges::find(input.sources, name) == input.sources.end() &&
        std::ranges::find(left, name) == left.end())
      left.push_back(name);
  }
  if (left.empty()) return;
  constexpr std::size_t kNamed = 8;
  if (left.size() > kNamed) {
    const std::size_t more = left.size() - kNamed;
    left.resize(kNamed);
    left.push_back(fmt::format("{} more", more));
  }
  input.notes.push_back(fmt::format(
      "--sequences {} ends before {}, of which nothing is run{}", corpus.sequences, listed(left),
      request.by_text ? "; --chunks N takes as many pieces of each text" : ""));
}

Status check_corpus(const InputRequest& request, const ScanInput& input) {
  for (const CorpusSequence& sequence : input.corpus.sequences) {
    const Status valid = check_sequence(sequence.ids, input.model);
    if (valid) continue;
    const std::string& message = valid.error().message;
    const bool from_tokenizer = !request.corpus.ids && input.tokenizer->vocabulary_size() >
                                                           input.model.spec.dims.vocabulary;
    if (!from_tokenizer) return fail(valid.error().kind, "{}: {}", sequence.source, message);
    return fail(valid.error().kind, "{}: {}; the tokenizer {} has {} tokens and does not belong",
                sequence.source, message, tokenizer_path(request).string(),
                input.tokenizer->vocabulary_size());
  }
  return check_sequences(input.sequences, input.model);
}

// A model shorter than what is to be left keeps half for the text.
int default_context(const InputRequest& request, const ModelSpec& spec) {
  const int whole = spec.dims.context;
  const int left = request.room < whole - 1 ? request.room : whole / 2;
  return std::min(whole - left, request.default_context);
}

Status open_corpus(const InputRequest& request, ScanInput& input) {
  CorpusRequest corpus = request.corpus;
  note_idle_options(corpus, input.notes);
  const int longest = longest_context(input.model.spec.dims);
  if (corpus.context > longest && !corpus.texts.empty())
    return fail(ErrorKind::usage, "--context {}: expected at most {}, the context of {}",
                corpus.context, longest, input.model.path);
  if (corpus.context == 0) corpus.context = default_context(request, input.model.spec);
  input.context = corpus.context;
  TEPUI_TRY(input.corpus, load_corpus(corpus, input.tokenizer.get()));
  // Tokens that a prefix mask shows are not predicted.
  for (CorpusSequence& sequence : input.corpus.sequences)
    sequence.first_scored =
        std::max(sequence.first_scored,
                 std::min(input.model.spec.dims.prefix, static_cast<int>(sequence.ids.size())));
  for (const CorpusSequence& sequence : input.corpus.sequences) {
    input.sequences.push_back(sequence.ids);
    const std::string source = corpus.ids ? corpus.ids->string() : sequence.source;
    if (std::ranges::find(input.sources, source) == input.sources.end())
      input.sources.push_back(source);
  }
  note_texts_left(request, input);
  return check_corpus(request, input);
}

// What a pass needs first, so that a cold disk reads while the tokenizer and the device are opened.
void read_first_layers_ahead(const Model& model) {
  constexpr std::size_t kLayers = 2;
  for (std::size_t i = 0; i < std::min(kLayers, model.layers.size()); ++i)
    for (const BoundWeight& weight : model.layers[i]) read_ahead(*weight.tensor);
}

Status open_model_part(const InputRequest& request, ScanInput& input) {
  TEPUI_TRY(input.model, open_model(request.model));
  read_first_layers_ahead(input.model);
  if (!input.model.unused.empty()) input.notes.push_back(unused_note(input.model));
  return open_tokenizer(request, input);
}

Status open_device_part(const InputRequest& request, ThreadPool& pool, ScanInput& input) {
  BackendOptions options;
  options.threads = request.threads;
  TEPUI_TRY(input.backend, make_backend(request.backend, options));
  input.model_fingerprint = request.model_fingerprint;
  if (input.model_fingerprint.empty()) {
    TEPUI_TRY(input.model_fingerprint, remembered_fingerprint(*input.model.source, pool));
  }
  return {};
}

}  // namespace

std::uint64_t weight_budget(const InputRequest& request, const DeviceInfo& device) {
  if (request.memory > 0) return request.memory;
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  const std::uint64_t host = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return (device.memory_bytes == SIZE_MAX ? host : device.memory_bytes) / 2;
}

Result<ScanInput> open_scan_input(const InputRequest& request, ThreadPool& pool) {
  ScanInput input;
  TEPUI_TRY(open_model_part(request, input));
  TEPUI_TRY(open_corpus(request, input));
  TEPUI_TRY(open_device_part(request, pool, input));
  return input;
}

Result<ScanInput> open_without_text(const InputRequest& request, ThreadPool& pool) {
  ScanInput input;
  TEPUI_TRY(open_model_part(request, input));
  input.context = std::min(input.model.spec.dims.context, request.default_context);
  TEPUI_TRY(open_device_part(request, pool, input));
  return input;
}

}  // namespace tepui
