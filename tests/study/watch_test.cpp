// SPDX-License-Identifier: MIT
// Watched steps of a training run: the rows that a scan gives, the same however the run is cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "study/emergence.h"
#include "study/train_run.h"
#include "study/watch_rows.h"
#include "study/watch_run.h"
#include "support/paths.h"

namespace tepui::test {
namespace {

constexpr const char* kRecipe = R"([model]
family = "llama"
layers = 2
heads = 2
kv_heads = 1
width = 16
context = 16
[data]
text = "text.txt"
[train]
steps = 6
batch = 2
learning_rate = 1e-2
checkpoint_every = 2
evaluate_every = 6
evaluation_batches = 1
watch_every = 3
watched_sequences = 2
)";

// All rows of a store but those about the runs of the program.
std::vector<std::string> rows_of(const std::filesystem::path& folder) {
  auto store = StoreReader::open(folder);
  EXPECT_TRUE(store) << store.error().message;
  std::vector<std::string> rows;
  const auto finished = store->finished().value();
  for (const int sequence : finished) {
    const auto points = store->points(sequence).value();
    for (const Point point : points) {
      const std::string place =
          fmt::format("{} {} {}", sequence, point.layer, site_name(point.site));
      const auto observations = store->observations(sequence, point).value();
      for (const ObservationRow& row : observations)
        rows.push_back(fmt::format("{} {} {} {} {} {} {}", place, row.metric, row.rank,
                                   row.parameter, row.position, row.channel, row.value));
      const auto series = store->series(sequence, point).value();
      for (const SeriesRow& row : series) {
        std::string values;
        for (const float value : row.values) values += fmt::format("{} ", value);
        rows.push_back(fmt::format("{} {} {}", place, row.metric, values));
      }
    }
  }
  const auto likelihoods = store->likelihoods().value();
  for (const LikelihoodRow& row : likelihoods)
    rows.push_back(fmt::format("{} {} {}", row.sequence, row.tokens, row.nll));
  const auto weights = store->weights().value();
  for (const WeightRow& row : weights)
    rows.push_back(fmt::format("{} {} {} {}", row.layer, row.weight, row.metric, row.value));
  return rows;
}

class Watch : public testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 200; ++i) text += i % 3 == 0 ? "Abcd efgh. " : "Ijkl mnop, ";
    write_file(folder_.path() / "text.txt", text);
    write_file(folder_.path() / "recipe.toml", kRecipe);
  }

  std::filesystem::path train(const std::string& out, std::optional<std::int64_t> until = {},
                              const std::string& backend = "cpu") {
    const TrainCommand command{
        folder_.path() / "recipe.toml", folder_.path() / out, backend, 2, until, "tepui train"};
    const auto result = run_train(command, {});
    EXPECT_TRUE(result) << result.error().message;
    return folder_.path() / out;
  }

  TemporaryFolder folder_;
};

// The run lost its last checkpoint, as where it was killed after it had watched on.
TEST_F(Watch, AKilledRunLosesAndDoublesNothing) {
  const auto whole = train("whole");
  const auto cut = train("cut", 4);
  std::filesystem::remove_all(cut / "step-000004");
  ASSERT_TRUE(std::filesystem::exists(cut / "watched" / "step-000003"));
  train("cut");
  const auto stores = find_watched(watched_folder(whole)).value();
  std::vector<std::int64_t> steps;
  for (const Checkpoint& store : stores) {
    steps.push_back(store.step);
    const auto rows = rows_of(store.path);
    EXPECT_GT(rows.size(), 100U);
    EXPECT_TRUE(rows == rows_of(watched_folder(cut) / store.path.filename())) << store.step;
  }
  EXPECT_EQ(steps, (std::vector<std::int64_t>{0, 1, 2, 3, 6}));
  EXPECT_EQ(find_watched(watched_folder(cut)).value().size(), 5U);
}

// What training watched is what the same pass over the checkpoint gives, bit for bit, and the
// series can be looked at without another pass.
TEST_F(Watch, RowsAreThoseOfTheCheckpoint) {
  const auto run = train("run");
  const auto watched = watched_folder(run);
  auto store = StoreReader::open(watched / "step-000002").value();
  nlohmann::json ids = nlohmann::json::array();
  const auto sequences = store.sequences().value();
  for (const SequenceRow& row : sequences) ids.push_back(row.tokens);
  write_file(folder_.path() / "ids.json", ids.dump());
  EmergenceRequest request;
  request.input.model = run;
  request.input.corpus.ids = folder_.path() / "ids.json";
  request.input.backend = "cpu";
  request.input.out = folder_.path() / "series";
  const auto series = run_emergence(request, {});
  ASSERT_TRUE(series) << series.error().message;
  for (const char* step : {"step-000002", "step-000006"})
    EXPECT_TRUE(rows_of(folder_.path() / "series" / step) == rows_of(watched / step)) << step;
  const auto seen = read_emergence(run, 100);
  ASSERT_TRUE(seen) << seen.error().message;
  ASSERT_EQ(seen->states.size(), 5U);
  const CheckpointState& now = seen->states.back();
  const CheckpointState& then = series->states.back();
  EXPECT_EQ(now.checkpoint.step, 6);
  EXPECT_EQ(now.loss, then.loss);
  EXPECT_EQ(now.start_loss, then.start_loss);
  EXPECT_GT(now.starts, 0);
  ASSERT_EQ(now.layers.size(), 2U);
  for (const LayerState& layer : now.layers) {
    EXPECT_GT(layer.ratio, 1);
    EXPECT_GT(layer.sink, 1.0 / 17);  // one of at most 16 keys
    EXPECT_GT(layer.key_first, 0);
    EXPECT_GT(layer.value_others, 0);
  }
  EXPECT_EQ(emergence_json(*seen)["checkpoints"].size(), 5U);
  EXPECT_NE(emergence_text(*seen).find("at sentence starts"), std::string::npos);
  EXPECT_EQ(emergence_text(*read_emergence(folder_.path() / "series", 100)),
            emergence_text(*series));
}

}  // namespace
}  // namespace tepui::test
