// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "store/output_file.h"
#include "store/reader.h"
#include "store/schema.h"
#include "study/sweep.h"
#include "study/sweep_job.h"

namespace tepui {

namespace {

std::uint64_t weight_bytes(const Model& model) {
  std::uint64_t bytes = 0;
  for (const TensorRef& tensor : model.source->tensors()) bytes += tensor.bytes.size();
  return bytes;
}

SweepJob job_of(const SweepRequest& request, const StudyModel& model, const StudyText& text,
                const OpenIntervention& open) {
  SweepJob job;
  job.model = model.name;
  job.text = text.name;
  job.key = identity_key(open.identity());
  const std::string name = fmt::format("{}.{}-{}", model.name, text.name, job.key.substr(0, 8));
  job.folder = request.out / name;
  job.sequences = static_cast<int>(open.input().sequences.size());
  job.tokens = open.input().corpus.tokens();
  job.branches = open.branches();
  job.weight_bytes = weight_bytes(open.input().model);
  const int unit = request.study.unit > 0 ? request.study.unit : job.sequences;
  for (int first = 0; first < job.sequences; first += unit) {
    const int last = std::min(first + unit, job.sequences);
    job.units.push_back(
        {first, last, request.out / fmt::format("{}.{}-{}", name, first, last - 1)});
  }
  if (job.units.size() == 1) job.units.front().folder = job.folder;
  return job;
}

Status estimate(OpenIntervention& open, SweepJob& job) {
  std::vector<std::pair<int, int>> parts;
  for (const SweepUnit& unit : job.units) parts.emplace_back(unit.first, unit.last);
  TEPUI_TRY(const auto found, open.estimate(parts));
  job.calibration = found.calibration;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    job.units[i].memory = found.parts[i].memory;
    job.units[i].bytes_read = found.parts[i].expected.bytes_read;
    job.units[i].seconds = found.parts[i].expected.seconds();
  }
  return {};
}

}  // namespace

Result<SweepPlan> plan_sweep(const SweepRequest& request, const RunProgress& progress) {
  SweepPlan plan;
  plan.measured = request.measure;
  plan.shard = request.shard;
  plan.shards = request.shards;
  Fingerprints known;
  for (const StudyModel& model : request.study.models) {
    for (const StudyText& text : request.study.texts) {
      const std::string place = fmt::format("{}, {}", model.name, text.name);
      if (progress.stage) progress.stage(place);
      auto open = open_job(request, model, text, known);
      if (!open) {
        // What the study says wrong is wrong everywhere.
        if (open.error().kind == ErrorKind::usage) return tl::unexpected(open.error());
        plan.failures.add(place, open.error().message);
        continue;
      }
      SweepJob job = job_of(request, model, text, **open);
      TEPUI_TRY(const auto schedule, (*open)->schedule());
      if (schedule) {
        job.block_runs = schedule->block_runs();
        job.unshared_runs = schedule->unshared_block_runs();
      }
      if (request.measure) {
        const Status measured = estimate(**open, job);
        if (!measured && measured.error().kind == ErrorKind::usage)
          return tl::unexpected(measured.error());
        if (!measured) plan.failures.add(place, measured.error().message);
      }
      plan.jobs.push_back(std::move(job));
    }
  }
  return plan;
}

bool is_done(const std::filesystem::path& folder, const SweepJob& job, int first, int last) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder / kStoreFile, ignored)) return false;
  auto store = StoreReader::open(folder);
  if (!store) return false;
  const auto identity = store->identity();
  if (!identity || identity_key(*identity) != job.key) return false;
  const auto finished = store->finished();
  if (!finished) return false;
  const auto count = std::ranges::count_if(
      *finished, [&](int sequence) { return sequence >= first && sequence < last; });
  return count == last - first;
}

Status write_sweep_file(const SweepRequest& request, const SweepPlan& plan,
                        const RunProgress& progress) {
  const auto path = request.out / kSweepFile;
  std::error_code ignored;
  nlohmann::json before;
  if (std::filesystem::exists(path, ignored)) {
    TEPUI_TRY(const std::string text, read_file(path));
    before = nlohmann::json::parse(text, nullptr, false);
  }
  nlohmann::ordered_json file;
  file["jobs"] = nlohmann::ordered_json::array();
  for (const SweepJob& job : plan.jobs) {
    file["jobs"].push_back({{"model", job.model},
                            {"text", job.text},
                            {"key", job.key},
                            {"folder", job.folder.filename().string()},
                            {"sequences", job.sequences}});
    if (!before.is_object() || !before.contains("jobs")) continue;
    for (const auto& old : before["jobs"]) {
      if (!old.is_object() || old.value("model", "") != job.model ||
          old.value("text", "") != job.text || old.value("key", job.key) == job.key)
        continue;
      if (progress.note)
        progress.note(fmt::format(
            "{}, {}: model, text, options or tepui changed since this folder was last used; "
            "earlier results stay in {}.{}-{} and are not used",
            job.model, job.text, job.model, job.text, old.value("key", "").substr(0, 8)));
    }
  }
  const std::string text = file.dump(1) + "\n";
  TEPUI_TRY(auto out, OutputFile::create(path));
  TEPUI_TRY(out.write(text));
  return out.commit();
}

}  // namespace tepui
