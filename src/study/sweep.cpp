// SPDX-License-Identifier: MIT
#include "study/sweep.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>

#include "store/merge.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/store_file.h"
#include "store/writer.h"
#include "study/sweep_job.h"
#include "study/wording.h"

namespace tepui {

namespace {

constexpr const char* kUnitLock = "unit.lock";
constexpr auto kPatience = std::chrono::milliseconds(200);

enum class State { open, done, failed };

class Sweep {
 public:
  Sweep(const SweepRequest& request, const SweepPlan& plan, const RunProgress& progress)
      : request_(request), plan_(plan), progress_(progress) {}

  Result<SweepOutcome> run() {
    look_at_stores();
    choose_units();
    if (progress_.stopping)
      progress_.stopping([folder = spelled_out(request_.out.string(), Letters::unicode)] {
        return fmt::format("what is done is stored in {}; the same command goes on", folder);
      });
    outcome_.units = static_cast<int>(units_.size());
    bool told = false;
    for (;;) {
      const bool waiting = pass();
      if (!waiting) break;
      if (!told && progress_.note) progress_.note("waiting for units that other processes compute");
      told = true;
      std::this_thread::sleep_for(kPatience);
    }
    open_.reset();
    for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
      const SweepJob& job = plan_.jobs[i];
      if (damaged_[i]) continue;
      if (auto joined = join(job); !joined)
        outcome_.failures.add(name_of(job), joined.error().message);
    }
    return std::move(outcome_);
  }

 private:
  struct Entry {
    std::size_t job = 0;
    const SweepUnit* unit = nullptr;
    State state = State::open;
  };

  static std::string name_of(const SweepJob& job) {
    return fmt::format("{}, {}", job.model, job.text);
  }

  // A job whose store is damaged would be computed, to find at its end that it cannot be joined.
  void look_at_stores() {
    for (const SweepJob& job : plan_.jobs) {
      std::error_code ignored;
      damaged_.push_back(false);
      if (!std::filesystem::exists(job.folder / kStoreFile, ignored)) continue;
      if (is_empty_store(job.folder) == true) continue;  // it was about to be joined
      auto store = StoreReader::open(job.folder);
      const auto finished = store ? store->finished() : tl::unexpected(store.error());
      if (finished) continue;
      damaged_.back() = true;
      outcome_.failures.add(name_of(job), fmt::format("{}; without it the job is computed anew",
                                                      finished.error().message));
    }
  }

  // Those of the shard; a rank begins where its part of them does.
  void choose_units() {
    int number = 0;
    for (std::size_t job = 0; job < plan_.jobs.size(); ++job)
      for (const SweepUnit& unit : plan_.jobs[job].units)
        if (number++ % request_.shards == request_.shard && !damaged_[job])
          units_.push_back({job, &unit});
    const auto count = static_cast<std::ptrdiff_t>(units_.size());
    std::rotate(units_.begin(), units_.begin() + count * request_.rank / request_.ranks,
                units_.end());
  }

  // Everything that can be had now; true where other processes are at units that are not done.
  bool pass() {
    bool waiting = false;
    for (Entry& entry : units_) {
      if (entry.state != State::open) continue;
      const auto claimed = attempt(entry);
      if (!claimed) {
        entry.state = State::failed;
        outcome_.failures.add(fmt::format("{}, sequences {} to {}", name_of(plan_.jobs[entry.job]),
                                          entry.unit->first, entry.unit->last - 1),
                              claimed.error().message);
      } else if (*claimed) {
        entry.state = State::done;
      } else {
        waiting = true;
      }
    }
    return waiting;
  }

  // Done or failed; of a sweep that goes on also what it finds done.
  std::ptrdiff_t settled() const {
    return std::ranges::count_if(units_,
                                 [](const Entry& entry) { return entry.state != State::open; });
  }

  bool is_there(const Entry& entry) const {
    const SweepJob& job = plan_.jobs[entry.job];
    const SweepUnit& unit = *entry.unit;
    return is_done(unit.folder, job, unit.first, unit.last) ||
           is_done(job.folder, job, unit.first, unit.last);
  }

  // False where another process has the unit.
  Result<bool> attempt(const Entry& entry) {
    if (is_there(entry)) {
      ++outcome_.there;
      return true;
    }
    TEPUI_TRY(const auto lock, WriteLock::try_acquire(entry.unit->folder, kUnitLock));
    if (!lock) return false;
    if (is_there(entry)) {
      ++outcome_.there;
      return true;
    }
    TEPUI_TRY(compute(entry));
    ++outcome_.computed;
    return true;
  }

  Status compute(const Entry& entry) {
    const SweepJob& job = plan_.jobs[entry.job];
    const SweepUnit& unit = *entry.unit;
    if (progress_.stage)
      progress_.stage(fmt::format("unit {} of {}: {}, sequences {} to {} of {}", settled() + 1,
                                  units_.size(), name_of(job), unit.first, unit.last - 1,
                                  job.sequences));
    if (!open_ || open_job_ != entry.job) {
      open_.reset();
      TEPUI_TRY(open_, open_again(job));
      open_job_ = entry.job;
    }
    RunProgress quiet = progress_;
    quiet.stage = nullptr;
    quiet.stopping = nullptr;
    TEPUI_TRY(open_->run(unit.folder, std::pair{unit.first, unit.last}, quiet));
    return {};
  }

  Result<std::unique_ptr<OpenIntervention>> open_again(const SweepJob& job) {
    const Study& study = request_.study;
    const auto model = std::ranges::find(study.models, job.model, &StudyModel::name);
    const auto text = std::ranges::find(study.texts, job.text, &StudyText::name);
    TEPUI_TRY(auto open, open_job(request_, *model, *text, known_));
    if (identity_key(open->identity()) == job.key) return open;
    return fail(ErrorKind::data,
                "expected the model and the text that this sweep was planned with, found that one "
                "of them has changed since; run the same command again");
  }

  // Where all units of a job are here, they become one store; of several processes one does it.
  Status join(const SweepJob& job) {
    if (job.units.size() < 2) return {};
    std::vector<std::filesystem::path> parts;
    for (const SweepUnit& unit : job.units) parts.push_back(unit.folder);
    while (!is_done(job.folder, job, 0, job.sequences)) {
      for (const SweepUnit& unit : job.units)
        if (!is_done(unit.folder, job, unit.first, unit.last) &&
            !is_done(job.folder, job, 0, job.sequences))
          return {};
      TEPUI_TRY(const auto lock, WriteLock::try_acquire(job.folder, kUnitLock));
      if (!lock) {
        std::this_thread::sleep_for(kPatience);
        continue;
      }
      if (!is_done(job.folder, job, 0, job.sequences)) TEPUI_TRY(merge_stores(parts, job.folder));
    }
    std::error_code ignored;
    for (const auto& part : parts) std::filesystem::remove_all(part, ignored);
    return {};
  }

  const SweepRequest& request_;
  const SweepPlan& plan_;
  const RunProgress& progress_;
  std::vector<bool> damaged_;  // stores, by job
  std::vector<Entry> units_;
  SweepOutcome outcome_;
  Fingerprints known_;
  std::unique_ptr<OpenIntervention> open_;
  std::size_t open_job_ = 0;
};

}  // namespace

Result<SweepOutcome> run_sweep(const SweepRequest& request, const SweepPlan& plan,
                               const RunProgress& progress) {
  return Sweep(request, plan, progress).run();
}

}  // namespace tepui
