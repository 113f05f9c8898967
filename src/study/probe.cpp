// SPDX-License-Identifier: MIT
#include "study/probe.h"

#include <algorithm>

#include "models/random_model.h"
#include "models/site_width.h"
#include "study/probe_file.h"
#include "study/probe_plan.h"
#include "study/probe_rows.h"
#include "study/probe_sources.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "train/backend_loss.h"
#include "train/split.h"

namespace tepui {

namespace {

constexpr const char* kGiven = "given";
constexpr const char* kRandom = "random";

class NoRows final : public RowSink {
 public:
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& /*row*/) override { return {}; }
  Status add(const Series& /*row*/) override { return {}; }
  Status end_unit() override { return {}; }
};

class ProbeRun {
 public:
  ProbeRun(const ProbeRequest& request, ScanInput& opened, ThreadPool& pool, ProbePlan plan,
           const RunProgress& progress)
      : request_(request),
        opened_(opened),
        pool_(pool),
        plan_(std::move(plan)),
        progress_(progress) {
    // Whatever is on the processor is quickest by the definition itself.
    const DeviceInfo& info = opened.backend->device();
    const bool device = info.threads == 0 && info.backend != "reference";
    if (request.training == "double" || (request.training == "auto" && !device))
      losses_ = std::make_unique<HostNetLossFactory>();
    else
      losses_ = std::make_unique<BackendNetLossFactory>(*opened.backend);
    for (std::size_t s = 0; s < opened.sequences.size(); ++s)
      for (const TokenId id : opened.sequences[s]) {
        sequence_of_token_.push_back(static_cast<int>(s));
        token_ids_.push_back(id);
      }
  }

  // What can be told without computing.
  Status read_files() {
    if (!request_.labels.empty()) {
      TEPUI_TRY(sources_.tags, read_labels(request_.labels, opened_));
    }
    for (const std::string& target : plan_.targets) {
      bool real = target == "position" || target == "sink";
      if (target == "labels") {
        TEPUI_TRY(const ProbeTarget made, make_target(target, sources_.of(opened_)));
        real = made.real();
      }
      real_.push_back(real);
    }
    TEPUI_TRY(check_kinds(plan_, real_));
    TEPUI_TRY(
        split_sequences(static_cast<int>(opened_.sequences.size()), request_.settings.folds, 0));
    return {};
  }

  // What a run would do, as text; nothing is computed or written.
  Result<std::string> dry_run() {
    SpillBudget budget{rows_memory(), request_.scratch, {}, 0, 0};
    const std::int64_t tokens = opened_.corpus.tokens();
    TEPUI_TRY(const auto groups, place_groups(plan_.points, opened_.model.spec, tokens, budget));
    std::uint64_t bytes = 0;
    for (const Point point : plan_.points)
      bytes += static_cast<std::uint64_t>(tokens) * sizeof(float) *
               static_cast<std::uint64_t>(*site_width(opened_.model.spec, point.site));
    const std::size_t given = count(kGiven, {});
    const int models = request_.random_model ? 2 : 1;
    std::string text = fmt::format(
        "probes        {}, {} splits each{}\n"
        "rows          {} of {} places, {} at once in memory, else in scratch files of at most {}\n"
        "passes        {} over {} tokens for rows{}{}\n",
        given, request_.settings.seeds,
        request_.random_model ? ", and as many of a random model" : "", size_text(bytes),
        plan_.points.size(), size_text(budget.memory), size_text(budget.disk),
        groups.size() * static_cast<std::size_t>(models), tokens,
        plan_.wants("massive") || plan_.needs_massive() ? ", 1 for massive activations" : "",
        plan_.wants("sink") ? ", 1 for attention" : "");
    const SiteSelection sites = SiteSelection::of(groups.front());
    const SiteSelection nowhere;
    TEPUI_TRY(const Schedule schedule, make_schedule({}, opened_.model.spec.dims.layers));
    const RunWork work = rows_work(schedule, nowhere, sites);
    TEPUI_TRY(const RunPlan plan, RunPlan::make(request_, opened_, work, opened_.sequences));
    TEPUI_TRY(const Speed speed, plan.measure(pool_));
    return text + "each pass     " + plan.text(speed);
  }

  Status run(StoreWriter& store, const std::filesystem::path& folder, ProbeOutcome& outcome) {
    TEPUI_TRY(const auto rows, store.probes());
    done_ = done_probes(rows);
    for (const char* model : {kGiven, kRandom}) {
      if (model == kRandom && !request_.random_model) continue;
      outcome.probes += static_cast<int>(count(model, {}));
      outcome.trained += static_cast<int>(count(model, done_));
    }
    if (outcome.trained == 0) return {};
    TEPUI_TRY(make_targets());
    TEPUI_TRY(train_all(kGiven, store, folder));
    if (!request_.random_model || count(kRandom, done_) == 0) return {};
    if (progress_.stage) progress_.stage("random model");
    TEPUI_TRY(opened_.model, random_model(opened_.model, 0, folder, request_.scratch));
    return train_all(kRandom, store, folder);
  }

  const TokenTags& tags() const { return sources_.tags; }

 private:
  std::size_t count(const char* model, const DoneProbes& done) const {
    std::size_t all = 0;
    for (const Point point : plan_.points)
      all += pending_probes(plan_, real_, point, model, done).size();
    return all;
  }

  // What the device may take, of host memory for rows and for copies of them a quarter each.
  std::uint64_t budget() const { return weight_budget(request_, opened_.backend->device()); }
  std::uint64_t rows_memory() const { return budget() / 4; }

  Status make_targets() {
    const bool channels = plan_.needs_massive() && plan_.massive_channels.empty();
    TEPUI_TRY(run_passes({channels || plan_.wants("massive"), plan_.wants("sink")}, request_,
                         request_.rule, opened_, pool_, progress_, sources_));
    channels_ = plan_.massive_channels;
    if (channels) {
      std::set<int> found;
      for (const auto& sequence : sources_.massive)
        for (const MassiveActivation& one : sequence) found.insert(static_cast<int>(one.channel));
      channels_.assign(found.begin(), found.end());
    }
    for (const std::string& name : plan_.targets) {
      TEPUI_TRY(ProbeTarget target, make_target(name, sources_.of(opened_)));
      targets_.push_back(std::move(target));
    }
    return {};
  }

  RunWork rows_work(const Schedule& schedule, const SiteSelection& nowhere,
                    const SiteSelection& sites) const {
    RunWork work{schedule, nowhere, {}, false, false, &sites};
    if (opened_.backend->device().threads > 0) work.beside = rows_memory();
    work.beside_what = "rows for probes";
    return work;
  }

  Status train_all(const std::string& model, StoreWriter& store,
                   const std::filesystem::path& folder) {
    SpillBudget budget{rows_memory(), request_.scratch, folder, 0, 0};
    std::vector<Point> points;
    for (const Point point : plan_.points)
      if (!pending_probes(plan_, real_, point, model, done_).empty()) points.push_back(point);
    TEPUI_TRY(const auto groups,
              place_groups(points, opened_.model.spec, opened_.corpus.tokens(), budget));
    for (const std::vector<Point>& group : groups) {
      ProbeRows rows(group, opened_.model.spec, budget);
      if (progress_.stage)
        progress_.stage(model == kRandom ? "activations, random" : "activations");
      TEPUI_TRY(stream(group, rows));
      for (const Point point : group) {
        TEPUI_TRY(train_place(model, point, rows.at(point), store, folder));
        rows.drop(point);
      }
    }
    return {};
  }

  Status stream(const std::vector<Point>& group, ProbeRows& rows) {
    const SiteSelection sites = SiteSelection::of(group);
    const SiteSelection nowhere;
    TEPUI_TRY(const Schedule schedule, make_schedule({}, opened_.model.spec.dims.layers));
    const RunWork work = rows_work(schedule, nowhere, sites);
    TEPUI_TRY(const RunPlan plan, RunPlan::make(request_, opened_, work, opened_.sequences));
    Executor executor(*opened_.backend, opened_.model, pool_, plan.options({}, ""), {});
    NoRows sink;
    RowRequest wanted;
    wanted.sites = sites;
    wanted.consumer = &rows;
    const SequenceRange all[] = {{0, static_cast<int>(opened_.sequences.size())}};
    return executor.run(opened_.sequences, all, {}, sink, tokens_done(opened_, progress_), {},
                        wanted, &schedule);
  }

  Status train_place(const std::string& model, Point point, const RowSource& rows,
                     StoreWriter& store, const std::filesystem::path& folder) {
    const auto pending = pending_probes(plan_, real_, point, model, done_);
    std::string where(site_name(point.site));
    if (site_has_layer(point.site)) where += fmt::format(".{}", point.layer);
    if (progress_.counting) progress_.counting("splits");
    if (progress_.stage)
      progress_.stage((model == kRandom ? "probes, random " : "probes ") + where);
    const auto splits = static_cast<std::int64_t>(pending.size()) * request_.settings.seeds;
    std::int64_t done = 0;
    if (progress_.advance) progress_.advance(0, splits);
    for (const PlannedProbe& one : pending) {
      const ProbeTarget& target = targets_[one.target];
      ProbeSettings settings = request_.settings;
      if (model == kRandom) settings.controls = {false, false, settings.controls.online_code};
      const ProbeData data{rows,      sequence_of_token_, token_ids_, target,
                           channels_, *losses_,           &pool_,     budget() / 4};
      TEPUI_TRY(ProbeResult result, train_probe(data, one.kind, one.features, settings, [&](int) {
                  if (progress_.advance) progress_.advance(++done, splits);
                }));
      for (ProbeRow& row : result.rows) {
        row.model = model;
        row.target = target.name;
        row.point = point;
        row.features = one.features.name();
        row.probe = one.kind.name();
      }
      if (model == kGiven)
        TEPUI_TRY(write_probe_file(
            folder / "probes",
            {opened_.model.name, opened_.model_fingerprint, target.name, target.classes, point,
             one.features.name(), one.kind.name(), std::move(result.first),
             target.name == "massive" ? std::optional(request_.rule) : std::nullopt}));
      TEPUI_TRY(store.write_probe(result.rows));
      done_.emplace(model, target.name, point, one.features.name(), one.kind.name());
    }
    if (progress_.counting) progress_.counting("tokens");
    return {};
  }

  const ProbeRequest& request_;
  ScanInput& opened_;
  ThreadPool& pool_;
  ProbePlan plan_;
  const RunProgress& progress_;
  std::unique_ptr<NetLossFactory> losses_;
  std::vector<int> sequence_of_token_;
  std::vector<std::int32_t> token_ids_;
  std::vector<bool> real_;
  DoneProbes done_;
  ProbeSources sources_;
  std::vector<int> channels_;
  std::vector<ProbeTarget> targets_;
};

}  // namespace

Result<ProbeOutcome> run_probe(const ProbeRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(ScanInput opened, open_scan_input(request, pool));
  TEPUI_TRY(ProbePlan plan, plan_probes(request, opened.model.spec));
  ProbeRun work(request, opened, pool, std::move(plan), progress);
  TEPUI_TRY(work.read_files());
  ProbeOutcome outcome;
  if (request.dry_run) {
    progress.tell(opened.notes);
    outcome.sequences = static_cast<int>(opened.sequences.size());
    TEPUI_TRY(outcome.plan, work.dry_run());
    return outcome;
  }
  TEPUI_TRY(RunStore run, RunStore::open(request, opened, "probe",
                                         probe_identity(request, opened, work.tags()), progress));
  const auto status = work.run(run.writer(), run.folder(), outcome);
  if (!status) return tl::unexpected(status.error());
  if (!run.pending().empty()) {  // all that was asked for is there, of all sequences
    TEPUI_TRY(run.writer().begin_unit(0, static_cast<int>(opened.sequences.size())));
    TEPUI_TRY(run.writer().end_unit());
  }
  TEPUI_TRY(static_cast<RunOutcome&>(outcome), run.finish());
  return outcome;
}

}  // namespace tepui
