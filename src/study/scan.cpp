// SPDX-License-Identifier: MIT
#include "study/scan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"
#include "exec/executor.h"
#include "store/writer.h"
#include "study/scan_input.h"

namespace tepui {

namespace {

using nlohmann::json;

json identity_of(const ScanRequest& request, const ScanInput& opened) {
  json sites = json::array();
  for (const Point& point : opened.sites.points()) {
    const std::string name(site_name(point.site));
    sites.push_back(point.layer == kNoLayer ? name : fmt::format("{}.{}", name, point.layer));
  }
  return {{"version", tepui_version()},
          {"model", opened.model_fingerprint},
          {"configuration", configuration_fingerprint(opened.model.spec)},
          {"tokenizer", opened.tokenizer ? opened.tokenizer->fingerprint() : ""},
          {"text", {{"from", opened.sources}, {"ids", opened.corpus.fingerprint}}},
          {"sites", sites},
          {"top", request.metrics.top},
          {"quantiles", request.metrics.fractions},
          {"keep_ratio", request.metrics.keep_ratio},
          {"keep_floor", request.metrics.keep_floor},
          {"keep_capacity", request.metrics.capacity},
          {"surface", request.metrics.surface},
          {"backend", opened.backend->device().backend},
          {"isa", opened.backend->device().isa}};
}

// A name that says what is inside; equal requests meet in one folder, and so go on where they
// stopped.
std::filesystem::path default_folder(const ScanInput& opened, const json& identity) {
  std::string name = fmt::format(
      "tepui-scan-{}-{}-{}", opened.model.name,
      std::filesystem::path(opened.sources.front()).stem().string(),
      hash_hex(identity.dump(-1, ' ', true, json::error_handler_t::replace)).substr(0, 8));
  std::ranges::replace_if(
      name, [](unsigned char c) { return c <= ' ' || c == '/' || c > '~'; }, '_');
  return name;
}

RunInfo run_info(const ScanRequest& request, const ScanInput& opened) {
  const DeviceInfo& device = opened.backend->device();
  RunInfo info;
  info.options =
      json{{"command", request.command}}.dump(-1, ' ', true, json::error_handler_t::replace);
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

Status write_input(const ScanInput& opened, StoreWriter& store) {
  std::vector<SequenceRow> rows;
  std::set<TokenId> used;
  for (const CorpusSequence& sequence : opened.corpus.sequences) {
    rows.push_back({sequence.source, sequence.first_token, sequence.has_bos, sequence.ids});
    used.insert(sequence.ids.begin(), sequence.ids.end());
  }
  std::vector<VocabularyRow> vocabulary;
  for (const TokenId id : used) {
    if (opened.tokenizer == nullptr || id >= opened.tokenizer->vocabulary_size()) {
      const std::string spelling = fmt::format("<id {}>", id);
      vocabulary.push_back({id, spelling, spelling});
    } else {
      vocabulary.push_back({id, opened.tokenizer->piece(id), opened.tokenizer->piece_bytes(id)});
    }
  }
  return store.write_input(rows, vocabulary);
}

std::vector<SequenceRange> pending_of(const std::vector<bool>& finished) {
  std::vector<SequenceRange> pending;
  for (int i = 0; i < static_cast<int>(finished.size()); ++i) {
    if (finished[static_cast<std::size_t>(i)]) continue;
    if (pending.empty() || pending.back().second != i) pending.emplace_back(i, i);
    pending.back().second = i + 1;
  }
  return pending;
}

}  // namespace

std::string_view tepui_version() { return "0.1.0"; }

Result<ScanOutcome> run_scan(const ScanRequest& request, const ScanProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  for (const std::string& note : opened.notes) {
    if (progress.note) progress.note(note);
  }
  const json identity = identity_of(request, opened);
  ScanOutcome outcome;
  outcome.folder = request.out.value_or(default_folder(opened, identity));
  outcome.sequences = static_cast<int>(opened.sequences.size());
  TEPUI_TRY(StoreWriter store,
            StoreWriter::open_or_create(outcome.folder, identity, run_info(request, opened)));
  TEPUI_TRY(write_input(opened, store));
  TEPUI_TRY(const std::vector<bool> finished, store.finished_sequences());
  const std::vector<SequenceRange> pending = pending_of(finished);
  for (const auto& [first, last] : pending) {
    outcome.computed += last - first;
    for (int i = first; i < last; ++i)
      outcome.tokens +=
          static_cast<std::int64_t>(opened.sequences[static_cast<std::size_t>(i)].size());
  }
  const auto metrics = scan_metrics(request.metrics);
  ExecOptions options;
  options.weight_budget = weight_budget(request, opened.backend->device());
  options.wave_tokens = request.wave;
  Executor executor(*opened.backend, opened.model, pool, options, metrics);
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const OnProgress on_progress = [&](std::int64_t done, std::int64_t) {
    if (progress.advance) progress.advance(done / opened.model.spec.dims.layers, outcome.tokens);
  };
  if (progress.advance && outcome.tokens > 0) progress.advance(0, outcome.tokens);
  TEPUI_TRY(executor.run(opened.sequences, pending, opened.sites, store, on_progress));
  TEPUI_TRY(store.finish());
  outcome.seconds = seconds();
  return outcome;
}

}  // namespace tepui
