// SPDX-License-Identifier: MIT
#include "study/capture.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/utf8_text.h"
#include "exec/queued_rows.h"
#include "input/json_file.h"
#include "models/site_width.h"
#include "store/output_file.h"
#include "store/schema.h"
#include "store/writer.h"
#include "study/capture_writer.h"
#include "study/json_values.h"
#include "study/perplexity.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "study/wording.h"

namespace tepui {

namespace {

using nlohmann::json;
using Json = nlohmann::ordered_json;

constexpr std::size_t kQueued = std::size_t{256} << 20;  // bytes of rows that wait for the disk
constexpr int kLongestUnit = 16384;                      // tokens

class Nothing final : public RowSink {
 public:
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& /*row*/) override { return {}; }
  Status add(const Series& /*row*/) override { return {}; }
  Status end_unit() override { return {}; }
};

// What everything after the input needs.
struct Capturing {
  const CaptureRequest& request;
  const ScanInput& opened;
  SiteSelection sites;
  TokenSelector tokens;
  BranchSetup setup;
  CapturePlan plan;
  json identity;
};

Status make_plan(Capturing& capture) {
  const ScanInput& opened = capture.opened;
  CapturePlan& plan = capture.plan;
  plan.folder = *capture.request.out;
  TEPUI_TRY(plan.format, capture_format_from_name(capture.request.format));
  for (const Point point : capture.sites.points())
    plan.points.emplace_back(point, *site_width(opened.model.spec, point.site));
  for (const auto& ids : opened.sequences) {
    plan.positions.emplace_back();
    for (int position = 0; position < static_cast<int>(ids.size()); ++position) {
      if (capture.tokens.selects(position, ids[static_cast<std::size_t>(position)]))
        plan.positions.back().push_back(position);
    }
  }
  if (rows_of(plan, 0, static_cast<int>(plan.positions.size())) == 0)
    return fail(ErrorKind::usage, "--tokens {}: expected tokens of the text, found none of them",
                capture.request.tokens);
  capture.identity = input_identity(opened);
  capture.identity.update(
      {{"kind", "capture"},
       {"protocol", protocol_of(capture.request.corpus, opened.context)},
       {"sites", capture.request.sites},
       {"tokens", capture.request.tokens},
       {"format", capture.request.format},
       {"edits", capture.setup.specs.empty() ? "" : capture.setup.specs.front().text()},
       {"rule", {capture.request.rule.min_abs, capture.request.rule.min_ratio}}});
  if (!capture.request.layers.empty()) capture.identity["layers"] = capture.request.layers;
  plan.edited = !capture.setup.specs.empty();
  plan.identity = hash_hex(capture.identity.dump(-1, ' ', true, json::error_handler_t::replace));
  return {};
}

Json sequences_json(const Capturing& capture) {
  Json out = Json::array();
  std::int64_t row = 0;
  const auto& sequences = capture.opened.corpus.sequences;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const auto& positions = capture.plan.positions[s];
    std::string text;
    for (const TokenId id : sequences[s].ids) {
      if (capture.opened.tokenizer != nullptr && id < capture.opened.tokenizer->vocabulary_size())
        text += capture.opened.tokenizer->piece_bytes(id);
    }
    Json entry;
    entry["source"] = valid_utf8(sequences[s].source);
    entry["first_token"] = sequences[s].first_token;
    entry["bos"] = sequences[s].has_bos;
    entry["first_row"] = row;
    entry["positions"] = positions;
    entry["ids"] = sequences[s].ids;
    entry["text"] = valid_utf8(text);
    out.push_back(std::move(entry));
    row += static_cast<std::int64_t>(positions.size());
  }
  return out;
}

Status write_sidecar(const Capturing& capture, bool complete) {
  const CapturePlan& plan = capture.plan;
  const std::int64_t rows = rows_of(plan, 0, static_cast<int>(plan.positions.size()));
  Json document;
  document["complete"] = complete;
  put_run(document, run_info(capture.request, capture.opened));
  put_protocol(document, capture.identity);
  document["edits"] = valid_utf8(capture.identity["edits"].get<std::string>());
  document["tokens"] = valid_utf8(capture.request.tokens);
  document["rows"] = rows;
  document["files"] = Json::array();
  for (const auto& [point, width] : plan.points) {
    Json entry;
    entry["file"] = capture_file_name(plan.format, point);
    if (plan.format == CaptureFormat::safetensors) entry["tensor"] = capture_name(point);
    entry["site"] = site_name(point.site);
    entry["layer"] = point.layer == kNoLayer ? Json(nullptr) : Json(point.layer);
    entry["shape"] = {rows, width};
    document["files"].push_back(std::move(entry));
  }
  document["sequences"] = sequences_json(capture);
  document["identity"] = plan.identity;
  TEPUI_TRY(OutputFile file, OutputFile::create(plan.folder / kCaptureFile));
  // A line: with one number a line the sidecar would be larger than some captures.
  TEPUI_TRY(file.write(document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  return file.commit();
}

// Whether the folder holds all of it already.
Result<bool> is_complete(const CapturePlan& plan) {
  const auto path = plan.folder / kCaptureFile;
  std::error_code error;
  if (std::filesystem::exists(plan.folder / kStoreFile, error))
    return fail(ErrorKind::usage,
                "{}: expected a folder of its own for the capture, found the store of another "
                "command in it ({}): choose another --out",
                plan.folder.string(), kStoreFile);
  if (!std::filesystem::exists(path, error)) return false;
  TEPUI_TRY(const json document, input::read_json(path));
  const json* const complete = input::member(document, "complete");
  const json* const identity = input::member(document, "identity");
  if (complete == nullptr || identity == nullptr || *identity != json(plan.identity))
    return fail(
        ErrorKind::usage,
        "{}: expected a capture of this model, text, sites, tokens and edits, found another "
        "one: choose another --out",
        plan.folder.string());
  return *complete == json(true);
}

// How the run is divided, and how many bytes of rows may wait.
struct Division {
  ExecOptions options;
  std::size_t queued = 0;
};

Result<Division> divide(const Capturing& capture) {
  const ScanInput& opened = capture.opened;
  TEPUI_TRY(const Schedule schedule,
            make_schedule(capture.setup.branches, opened.model.spec.dims.layers));
  const SiteSelection nowhere;
  RunWork work{schedule, nowhere, {}, false, false, &capture.sites};
  Division out;
  const std::uint64_t memory = weight_budget(capture.request, opened.backend->device());
  out.queued = static_cast<std::size_t>(std::min<std::uint64_t>(kQueued, memory / 8));
  if (opened.backend->device().threads > 0) work.beside = out.queued;
  work.beside_what = "rows that wait for the disk";
  TEPUI_TRY(const RunPlan plan, RunPlan::make(capture.request, opened, work, opened.sequences));
  out.options = plan.options({}, "");
  // What a kill costs, where nothing else bounds it.
  if (capture.request.wave == 0)
    out.options.wave_tokens = std::min(out.options.wave_tokens, kLongestUnit);
  out.options.massive = capture.request.rule;
  return out;
}

Status run_pending(const Capturing& capture, CaptureWriter& writer, ThreadPool& pool,
                   const Division& division, const OnProgress& on_progress) {
  const ScanInput& opened = capture.opened;
  TEPUI_TRY(const Schedule schedule,
            make_schedule(capture.setup.branches, opened.model.spec.dims.layers));
  Executor executor(*opened.backend, opened.model, pool, division.options, {});
  Nothing sink;
  QueuedRows queue(writer, division.queued);
  const SequenceRange pending[] = {{writer.finished(), static_cast<int>(opened.sequences.size())}};
  RowRequest rows;
  rows.sites = capture.sites;
  rows.consumer = &queue;
  rows.branch = capture.setup.branches.empty() ? 0 : 1;
  return executor.run(opened.sequences, pending, {}, sink, on_progress, {}, rows, &schedule);
}

}  // namespace

Result<CaptureOutcome> run_capture(const CaptureRequest& request, const RunProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  progress.tell(opened.notes);
  const ModelSpec& spec = opened.model.spec;
  Capturing capture{request, opened, {}, {}, {}, {}, {}};
  TEPUI_TRY(capture.sites, SiteSelection::parse(request.sites, spec, "--site", request.layers));
  TEPUI_TRY(capture.tokens, parse_token_selector(request.tokens, spec, "--tokens"));
  if (capture.tokens.kind != TokenSelector::Kind::listed)
    return fail(ErrorKind::usage,
                "--tokens {}: expected all, positions or ids: what is chosen must "
                "be known before it is computed",
                request.tokens);
  std::vector<BranchRequest> branches;
  if (!request.edits.empty()) branches.push_back({"", request.edits});
  TEPUI_TRY(capture.setup,
            set_up_branches(branches, longest_of(opened.sequences), request.calibration, request,
                            opened, pool, request.rule, progress));
  TEPUI_TRY(make_plan(capture));
  std::vector<std::string> notes = notes_of_idle_edits(capture.setup.specs, opened.sequences);
  const std::string absent = note_of_absent_tokens(capture.tokens, opened.sequences);
  if (!absent.empty()) notes.push_back(fmt::format("--tokens {}: {}", request.tokens, absent));
  progress.tell(notes);
  const int sequences = static_cast<int>(opened.sequences.size());
  CaptureOutcome outcome;
  outcome.folder = capture.plan.folder;
  outcome.sequences = sequences;
  outcome.rows = rows_of(capture.plan, 0, sequences);
  outcome.files =
      capture.plan.format == CaptureFormat::npy ? static_cast<int>(capture.plan.points.size()) : 1;
  for (const auto& [point, width] : capture.plan.points)
    outcome.bytes += static_cast<std::uint64_t>(outcome.rows) * static_cast<std::uint64_t>(width) *
                     sizeof(float);
  TEPUI_TRY(const bool complete, is_complete(capture.plan));
  if (complete) {  // the process may have ended before it could remove this
    TEPUI_TRY(remove_capture_progress(capture.plan.folder));
    return outcome;
  }
  TEPUI_TRY(const Division division, divide(capture));
  std::error_code error;
  std::filesystem::create_directories(capture.plan.folder, error);
  if (error)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", capture.plan.folder.string(),
                error.message());
  TEPUI_TRY(const WriteLock lock, WriteLock::acquire(capture.plan.folder));
  TEPUI_TRY(CaptureWriter writer, CaptureWriter::open(capture.plan));
  TEPUI_TRY(write_sidecar(capture, false));
  const int before = writer.finished();
  for (int s = before; s < sequences; ++s)
    outcome.tokens +=
        static_cast<std::int64_t>(opened.sequences[static_cast<std::size_t>(s)].size());
  if (progress.stage) progress.stage("capture");
  if (progress.stopping)
    progress.stopping([folder = spelled_out(capture.plan.folder.string(), Letters::unicode)] {
      return fmt::format("what is written stays in {}; the same command goes on", folder);
    });
  const OnProgress on_progress = [&](std::int64_t done, std::int64_t total) {
    const double share =
        static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
    if (progress.advance)
      progress.advance(static_cast<std::int64_t>(share * static_cast<double>(outcome.tokens)),
                       outcome.tokens);
  };
  const Status status = run_pending(capture, writer, pool, division, on_progress);
  outcome.computed = writer.finished() - before;
  if (!status) {
    // What the disk or the device refused may be mended; what is wrong with the model stays so.
    const bool mends = status.error().kind != ErrorKind::data;
    return fail(status.error().kind, "{}; {} of {} sequences are there whole, {}",
                status.error().message, writer.finished(), sequences,
                mends ? "and the same command goes on behind them"
                      : "but the same command would stop there again");
  }
  TEPUI_TRY(writer.finish());
  TEPUI_TRY(write_sidecar(capture, true));
  TEPUI_TRY(remove_capture_progress(capture.plan.folder));
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

}  // namespace tepui
