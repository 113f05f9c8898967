// SPDX-License-Identifier: MIT
#include "study/watch_rows.h"

#include "study/checkpoints.h"
#include "study/run_store.h"
#include "study/scoring.h"
#include "train/train_checkpoint.h"

namespace tepui {
namespace {

// Within a unit that is there already.
class WithinUnit final : public RowSink {
 public:
  explicit WithinUnit(StoreWriter& store) : store_(store) {}
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& row) override { return store_.add(row); }
  Status add(const Series& row) override { return store_.add(row); }
  Status end_unit() override { return {}; }

 private:
  StoreWriter& store_;
};

std::vector<SequenceRow> sequence_rows(const WatchReport& report) {
  std::vector<SequenceRow> rows;
  std::int64_t first = 0;
  for (const auto& tokens : report.sequences) {
    rows.push_back({"validation", first, false, tokens});
    first += static_cast<std::int64_t>(tokens.size());
  }
  return rows;
}

}  // namespace

std::filesystem::path watched_folder(const std::filesystem::path& run) { return run / "watched"; }

nlohmann::json watch_identity(const WatchWork& work) {
  nlohmann::json sites = nlohmann::json::array();
  for (const Point& point : work.sites.points()) {
    const std::string name(site_name(point.site));
    sites.push_back(point.layer == kNoLayer ? name : fmt::format("{}.{}", name, point.layer));
  }
  const ScanMetricOptions& options = work.options;
  return {{"kind", "watch"},
          {"sites", sites},
          {"top", options.top},
          {"quantiles", options.fractions},
          {"keep_ratio", options.keep_ratio},
          {"keep_floor", options.keep_floor},
          {"keep_capacity", options.capacity},
          {"early", AttentionMetricOptions().early}};
}

bool is_watch(const nlohmann::json& identity) {
  return identity.is_object() && identity.value("kind", nlohmann::json()) == "watch";
}

std::vector<WeightRow> weight_rows(const std::vector<WatchedWeight>& weights) {
  std::vector<WeightRow> rows;
  for (const WatchedWeight& weight : weights) {
    rows.push_back({weight.layer, weight.name, "deviation", weight.statistics.deviation});
    rows.push_back({weight.layer, weight.name, "kurtosis", weight.statistics.kurtosis});
    rows.push_back({weight.layer, weight.name, "largest", weight.statistics.largest});
  }
  return rows;
}

Status WatchedSteps::begin(std::int64_t step) {
  std::error_code error;
  std::vector<std::filesystem::path> old;
  for (const auto& entry : std::filesystem::directory_iterator(watched_folder(run_), error)) {
    const auto number = step_of_name(entry.path().filename().string());
    if (number && *number >= step) old.push_back(entry.path());
  }
  for (const auto& folder : old) {
    std::filesystem::remove_all(folder, error);
    if (error)
      return fail(ErrorKind::io, "{}: cannot be removed: {}", folder.string(), error.message());
  }
  // Token files of nanoGPT bring no tokenizer.
  if (auto tokenizer = load_tokenizer(run_ / "initial")) tokenizer_ = *std::move(tokenizer);
  return {};
}

Status WatchedSteps::write(const WatchReport& report) {
  nlohmann::json identity = identity_;
  identity.update(watch_identity(*report.work));
  identity["step"] = report.step;
  RunInfo info = info_;
  info.model = fmt::format("{} {}", info_.model, checkpoint_name(report.step).string());
  if (tokenizer_) {
    info.tokenizer = tokenizer_->kind();
    info.tokenizer_fingerprint = tokenizer_->fingerprint();
  }
  TEPUI_TRY(StoreWriter store,
            StoreWriter::open_or_create(watched_folder(run_) / checkpoint_name(report.step),
                                        identity, info));
  TEPUI_TRY(write_sequences(sequence_rows(report), tokenizer_.get(), store));
  const BranchRow unedited[] = {{"unedited", ""}};
  TEPUI_TRY(store.write_branches(unedited, {}));
  TEPUI_TRY(store.write_weights(weight_rows(report.weights)));
  TEPUI_TRY(store.begin_unit(0, static_cast<int>(report.sequences.size())));
  WithinUnit sink(store);
  TEPUI_TRY(report.rows(sink));
  for (std::size_t s = 0; s < report.losses.size(); ++s) {
    TEPUI_TRY(store_likelihood(store, 0, static_cast<int>(s), report.losses[s], {}, report.unscored,
                               true));
  }
  TEPUI_TRY(store.end_unit());
  return store.finish();
}

}  // namespace tepui
