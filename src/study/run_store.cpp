// SPDX-License-Identifier: MIT
#include "study/run_store.h"

#include <fmt/ranges.h>
#include <algorithm>
#include <set>

#include "base/hash.h"
#include "store/reader.h"
#include "study/capture_files.h"
#include "study/scan.h"
#include "study/wording.h"

namespace tepui {

namespace {

using nlohmann::json;

// A name that says what is inside; equal requests meet in one folder, and so go on where they
// stopped.
std::filesystem::path default_folder(const ScanInput& opened, std::string_view kind,
                                     const json& identity) {
  std::string name = fmt::format("tepui-{}-{}-{}-{}", kind, opened.model.name,
                                 std::filesystem::path(opened.sources.front()).stem().string(),
                                 identity_key(identity).substr(0, 8));
  std::ranges::replace_if(
      name, [](unsigned char c) { return c <= ' ' || c == '/' || c > '~'; }, '_');
  return name;
}

Status write_input(const ScanInput& opened, StoreWriter& store) {
  std::vector<SequenceRow> rows;
  for (const CorpusSequence& sequence : opened.corpus.sequences)
    rows.push_back({sequence.source, sequence.first_token, sequence.has_bos, sequence.ids});
  return write_sequences(rows, opened.tokenizer.get(), store);
}

std::vector<SequenceRange> pending_of(const std::vector<bool>& finished,
                                      std::optional<SequenceRange> only) {
  std::vector<SequenceRange> pending;
  const SequenceRange range = only.value_or(SequenceRange{0, static_cast<int>(finished.size())});
  for (int i = range.first; i < range.second; ++i) {
    if (finished[static_cast<std::size_t>(i)]) continue;
    if (pending.empty() || pending.back().second != i) pending.emplace_back(i, i);
    pending.back().second = i + 1;
  }
  return pending;
}

}  // namespace

Status write_sequences(std::span<const SequenceRow> rows, const Tokenizer* tokenizer,
                       StoreWriter& store) {
  std::set<TokenId> used;
  for (const SequenceRow& row : rows) used.insert(row.tokens.begin(), row.tokens.end());
  std::vector<VocabularyRow> vocabulary;
  for (const TokenId id : used) {
    if (tokenizer == nullptr || id >= tokenizer->vocabulary_size()) {
      const std::string spelling = fmt::format("<id {}>", id);
      vocabulary.push_back({id, spelling, spelling});
    } else {
      vocabulary.push_back({id, tokenizer->piece(id), tokenizer->piece_bytes(id)});
    }
  }
  return store.write_input(rows, vocabulary);
}

RunInfo run_info(const InputRequest& request, const ScanInput& opened) {
  const DeviceInfo& device = opened.backend->device();
  RunInfo info;
  json options = {{"command", request.command}};
  if (request.rule_shown)
    options["rule"] = {request.rule_shown->min_abs, request.rule_shown->min_ratio};
  info.options = options.dump(-1, ' ', true, json::error_handler_t::replace);
  info.model = opened.model.name;
  info.model_path = request.model.string();
  info.model_fingerprint = opened.model_fingerprint;
  info.tokenizer = opened.tokenizer ? opened.tokenizer->kind() : "none";
  info.tokenizer_fingerprint = opened.tokenizer ? opened.tokenizer->fingerprint() : "";
  info.text = fmt::format("{}", fmt::join(opened.sources, ", "));
  info.text_fingerprint = opened.corpus.fingerprint;
  info.backend = device.backend;
  info.device = device.name;
  info.detail = device.detail;
  info.version = tepui_version();
  return info;
}

json input_identity(const ScanInput& opened) {
  return {{"version", tepui_version()},
          {"model", opened.model_fingerprint},
          {"configuration", configuration_fingerprint(opened.model.spec)},
          {"tokenizer", opened.tokenizer ? opened.tokenizer->fingerprint() : ""},
          {"text", {{"from", opened.sources}, {"ids", opened.corpus.fingerprint}}},
          {"backend", opened.backend->device().backend},
          {"isa", opened.backend->device().isa}};
}

std::string identity_key(const json& identity) {
  return hash_hex(identity.dump(-1, ' ', true, json::error_handler_t::replace));
}

std::vector<std::vector<TokenId>> pending_sequences(const ScanInput& opened,
                                                    std::span<const SequenceRange> pending) {
  std::vector<std::vector<TokenId>> sequences;
  for (const auto& [first, last] : pending)
    for (int i = first; i < last; ++i)
      sequences.push_back(opened.sequences[static_cast<std::size_t>(i)]);
  return sequences;
}

namespace {

// For who stops the run: the store, read beside its writer.
std::string kept_in(const std::filesystem::path& folder, int sequences) {
  const std::string where = spelled_out(folder.string(), Letters::unicode);
  auto store = StoreReader::open(folder);
  const auto finished = store ? store->finished() : Result<std::vector<int>>(std::vector<int>());
  // Probes are stored one by one, and layers of sequences that are not done yet.
  if (!store || !finished || finished->empty())
    return fmt::format("what is done stays in {}; the same command goes on", where);
  return fmt::format("{} of {} are stored in {}; the same command goes on", finished->size(),
                     counted(sequences, "sequence"), where);
}

}  // namespace

Result<RunStore> RunStore::open(const InputRequest& request, const ScanInput& opened,
                                std::string_view kind, const json& identity,
                                const RunProgress& progress, std::optional<SequenceRange> only) {
  progress.tell(opened.notes);
  const auto folder = request.out.value_or(default_folder(opened, kind, identity));
  std::error_code unreadable;  // then the store says so
  if (std::filesystem::exists(folder / kCaptureFile, unreadable))
    return fail(
        ErrorKind::usage,
        "{}: expected a folder of its own for the store, found a capture in it ({}): choose "
        "another --out",
        folder.string(), kCaptureFile);
  TEPUI_TRY(StoreWriter writer,
            StoreWriter::open_or_create(folder, identity, run_info(request, opened)));
  RunStore run(std::move(writer));
  run.progress_ = progress;
  run.outcome_.folder = folder;
  run.identity_ = identity.dump(-1, ' ', true, json::error_handler_t::replace);
  run.outcome_.sequences = static_cast<int>(opened.sequences.size());
  TEPUI_TRY(write_input(opened, run.writer_));
  TEPUI_TRY(const std::vector<bool> finished, run.writer_.finished_sequences());
  run.pending_ = pending_of(finished, only);
  for (const auto& [first, last] : run.pending_) {
    run.outcome_.computed += last - first;
    for (int i = first; i < last; ++i)
      run.outcome_.tokens +=
          static_cast<std::int64_t>(opened.sequences[static_cast<std::size_t>(i)].size());
  }
  if (progress.stopping)
    progress.stopping(
        [folder, sequences = run.outcome_.sequences] { return kept_in(folder, sequences); });
  return run;
}

OnProgress RunStore::on_progress() const {
  const std::int64_t tokens = outcome_.tokens;
  if (!progress_.advance || tokens == 0) return nullptr;
  progress_.advance(0, tokens);
  return [advance = progress_.advance, tokens](std::int64_t done, std::int64_t total) {
    const double share =
        static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
    advance(static_cast<std::int64_t>(share * static_cast<double>(tokens)), tokens);
  };
}

Result<RunOutcome> RunStore::finish() {
  TEPUI_TRY(writer_.finish());
  outcome_.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  return outcome_;
}

}  // namespace tepui
