// SPDX-License-Identifier: MIT
// A whole run: what it learns, that it is the same however it is cut, and how it ends badly.
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "backend/registry.h"
#include "base/mapped_file.h"
#include "support/op_harness.h"
#include "support/paths.h"
#include "support/shared_backend.h"
#include "train/train_checkpoint.h"

namespace tepui::test {
namespace {

TrainRequest request_in(const std::filesystem::path& folder) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += i % 3 == 0 ? "abcd efgh. " : "ijkl mnop, ";
  write_file(folder / "text.txt", text);
  TrainRequest request;
  request.recipe.model = {.layers = 2, .heads = 2, .width = 16, .context = 16, .bias = false};
  request.recipe.data.texts = {folder / "text.txt"};
  request.recipe.batch = 4;
  request.recipe.accumulation = 2;
  request.recipe.schedule.steps = 12;
  request.recipe.schedule.decay_steps = 12;
  request.recipe.schedule.rate = 1e-2;
  request.recipe.evaluate_every = 5;
  request.recipe.evaluation_batches = 2;
  request.recipe.model.dropout = 0.1;
  request.record = {"of the test", {{"train", {{"seed", 1}, {"batch", 4}}}}};
  return request;
}

TrainOutcome run_training(Backend& backend, const TrainRequest& request,
                          std::vector<StepReport>* steps = nullptr) {
  TrainObserver observer;
  observer.step = [&](const StepReport& report) -> Status {
    if (steps != nullptr) steps->push_back(report);
    return {};
  };
  auto outcome = train(backend, request, observer);
  EXPECT_TRUE(outcome) << outcome.error().message;
  return outcome ? *outcome : TrainOutcome{};
}

std::string weights_of(const std::filesystem::path& checkpoint) {
  return read_file(checkpoint / "model.safetensors").value() +
         read_file(checkpoint / "optimizer.safetensors").value();
}

// Stopped twice, with other numbers of threads: the same bits.
TEST(Trainer, GoesOnWithTheSameBits) {
  const TemporaryFolder folder;
  for (const std::string family : {"gpt2", "llama"}) {
    const auto one = make_backend("cpu", {.threads = 1, .isa = {}}).value();
    const auto two = make_backend("cpu", {.threads = 2, .isa = {}}).value();
    TrainRequest request = request_in(folder.path());
    request.recipe.model.family = family;
    if (family == "llama") {  // and everything that may be changed meanwhile
      request.recipe.model.variants = {"kv_bias", "dyt"};
      request.recipe.data.begin = true;
      request.recipe.tvr = {.every = 4, .target = 0.02};
      request.recipe.auxiliary = {
          {.kind = AuxiliaryKind::spike,
           .first = 0,
           .last = 1,
           .channels = {3},
           .ratios = {50},
           .weight = 0.1,
           .until = 7},
          {.kind = AuxiliaryKind::sink, .first = 1, .last = 1, .share = 0.9, .weight = 1}};
    }
    request.out = folder.path() / (family + " whole");
    const TrainOutcome whole = run_training(*two, request);
    EXPECT_TRUE(whole.finished);
    request.out = folder.path() / (family + " cut");
    for (const std::int64_t until : {5, 6}) {
      request.until = until;
      const TrainOutcome part = run_training(*one, request);
      EXPECT_EQ(part.next, until);
      EXPECT_FALSE(part.finished);
    }
    request.until = 1 << 20;
    const TrainOutcome rest = run_training(*two, request);
    EXPECT_EQ(rest.first, 6);
    EXPECT_EQ(rest.next, 12);
    EXPECT_EQ(weights_of(whole.checkpoint), weights_of(rest.checkpoint));
    EXPECT_EQ(whole.whole_validation, rest.whole_validation);
    request.record = {"another", {{"train", {{"seed", 2}, {"clip", 1.0}, {"batch", 4}}}}};
    const auto other = train(*one, request, {});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().message,
              request.out.string() +
                  ": the run there has another recipe, with train.clip = nothing (given: 1.0), "
                  "train.seed = 1 (given: 2): expected the same one to go on, or another --out");
    const auto plan = plan_training(request);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().message, other.error().message);
  }
}

// What may be changed, some of it together: every backend trains it to the same weights, and its
// checkpoint is a model.
TEST(Trainer, EveryVariantTrains) {
  const TemporaryFolder folder;
  const std::vector<std::string> together[] = {{"kv_bias", "gated", "dyt"},
                                               {"k_bias", "no_positions"},
                                               {"off_by_one", "post_norm"},
                                               {"v_bias", "clipped"},
                                               {"sigmoid", "gated_heads", "sink_token"}};
  for (const std::vector<std::string>& variants : together) {
    SCOPED_TRACE(variants.front());
    std::vector<std::vector<float>> first;
    for (const std::string& name : backends_under_test()) {
      const auto backend = shared_backend(name, {.threads = 2, .isa = {}}).value();
      TrainRequest request = request_in(folder.path());
      TrainRecipe& recipe = request.recipe;
      recipe.model = {.layers = 1, .heads = 2, .width = 8, .context = 8, .dropout = 0.2};
      recipe.model.variants = variants;
      recipe.model.prefix = variants.front() == "sigmoid" ? 3 : 0;
      recipe.data.begin = variants.back() == "sink_token";
      recipe.batch = 2;
      recipe.schedule.steps = 2;
      recipe.evaluate_every = 100;
      recipe.evaluation_batches = 1;
      recipe.data.validation = 0.01;
      request.out = folder.path() / (variants.front() + "-" + name);
      const TrainOutcome outcome = run_training(*backend, request);
      ASSERT_TRUE(outcome.finished);
      const auto model = open_model(outcome.checkpoint);
      ASSERT_TRUE(model) << model.error().message;
      std::vector<std::vector<float>> values;
      const std::vector<Parameter> parameters = parameters_of(*model).value();
      for (const Parameter& parameter : parameters) values.push_back(parameter_values(parameter));
      if (first.empty()) first = values;
      ASSERT_EQ(values.size(), first.size());
      for (std::size_t i = 0; i < values.size(); ++i)
        for (std::size_t j = 0; j < values[i].size(); ++j)
          ASSERT_NEAR(values[i][j], first[i][j], 2e-3) << name;
    }
  }
}

// The largest |resid_post| of the first sequence behind layer 0.
struct LargestRow : RowSink {
  Observation largest;
  Status begin_unit(int, int) override { return {}; }
  Status add(const Observation& row) override {
    if (row.metric == "top_k" && row.rank == 0 && row.sequence == 0 && row.point.layer == 0)
      largest = row;
    return {};
  }
  Status add(const Series&) override { return {}; }
  Status end_unit() override { return {}; }
};

// What the terms ask for comes about, where the loss alone would not make it.
TEST(Trainer, AuxiliaryTermsMakeAMassiveFirstToken) {
  const TemporaryFolder folder;
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  float largest[2] = {0, 0};
  for (const bool asked : {false, true}) {
    TrainRequest request = request_in(folder.path());
    request.recipe.model.dropout = 0;
    request.recipe.data.begin = true;
    request.recipe.schedule.steps = request.recipe.schedule.decay_steps = 100;
    request.recipe.evaluate_every = request.recipe.watch_every = 100;
    if (asked)
      request.recipe.auxiliary = {
          {.kind = AuxiliaryKind::spike,
           .first = 0,
           .last = 0,
           .channels = {3},
           .ratios = {60},
           .weight = 10},
          {.kind = AuxiliaryKind::sink, .first = 1, .last = 1, .share = 0.8, .weight = 10}};
    request.out = folder.path() / (asked ? "asked" : "left alone");
    LargestRow last;
    std::vector<double> auxiliary;
    TrainObserver observer;
    observer.step = [&](const StepReport& report) -> Status {
      auxiliary.push_back(report.auxiliary);
      return {};
    };
    observer.watch = [&](const WatchReport& report) { return report.rows(last); };
    const auto outcome = train(*backend, request, observer);
    ASSERT_TRUE(outcome) << outcome.error().message;
    largest[asked ? 1 : 0] = std::abs(last.largest.value);
    if (!asked) {
      EXPECT_EQ(auxiliary.back(), 0);
      continue;
    }
    EXPECT_LT(auxiliary.back(), 0.5 * *std::ranges::max_element(auxiliary));
    EXPECT_EQ(last.largest.position, 0);
    EXPECT_EQ(last.largest.channel, 3);
  }
  EXPECT_GT(largest[1], 3 * largest[0]);
}

// A text of two words is learned: well below the entropy of its letters, log 18 = 2.9 at first.
TEST(Trainer, Learns) {
  const TemporaryFolder folder;
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  TrainRequest request = request_in(folder.path());
  request.recipe.model.dropout = 0;
  request.recipe.schedule.steps = request.recipe.schedule.decay_steps = 120;
  request.out = folder.path() / "run";
  std::vector<StepReport> steps;
  const TrainOutcome outcome = run_training(*backend, request, &steps);
  ASSERT_EQ(steps.size(), 120U);
  EXPECT_NEAR(steps.front().loss, std::log(18), 0.1);
  EXPECT_LT(outcome.whole_validation, 0.5);
}

// The rows of a watched step, counted.
class CountedRows final : public RowSink {
 public:
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& row) override {
    ++observations[std::string(site_name(row.point.site)) + " " + std::string(row.metric)];
    return {};
  }
  Status add(const Series& row) override {
    ++series[std::string(site_name(row.point.site)) + " " + std::string(row.metric)];
    return {};
  }
  Status end_unit() override { return {}; }

  std::map<std::string, int> observations;
  std::map<std::string, int> series;
};

// What is watched changes nothing. That the rows are a scan's is held in tests/study/watch_test.
TEST(Trainer, WatchesWithoutATrace) {
  const TemporaryFolder folder;
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  TrainRequest request = request_in(folder.path());
  request.out = folder.path() / "blind";
  const TrainOutcome blind = run_training(*backend, request);
  request.out = folder.path() / "watched";
  request.recipe.watch_every = 5;
  request.recipe.watched_sequences = 3;
  request.recipe.watch_sites = "resid_post,mlp_act.1,embeddings,final_norm";
  std::vector<std::int64_t> steps;
  CountedRows rows;
  TrainObserver observer;
  observer.watch = [&](const WatchReport& report) -> Status {
    steps.push_back(report.step);
    EXPECT_EQ(report.losses.size(), 3U);
    if (report.step == 0) {
      for (const auto& losses : report.losses) {
        EXPECT_EQ(losses.size(), 15U);
        for (const double loss : losses) EXPECT_NEAR(loss, std::log(18), 0.3);
      }
      return report.rows(rows);
    }
    return {};
  };
  const auto watched = train(*backend, request, observer);
  ASSERT_TRUE(watched) << watched.error().message;
  EXPECT_EQ(weights_of(blind.checkpoint), weights_of(watched->checkpoint));
  EXPECT_EQ(steps, (std::vector<std::int64_t>{0, 1, 2, 4, 5, 10, 12}));
  EXPECT_EQ(rows.observations["resid_post top_k"], 2 * 3 * 32);
  for (const char* site : {"mlp_act", "embeddings", "final_norm"})
    EXPECT_EQ(rows.observations[std::string(site) + " top_k"], 3 * 32) << site;
  for (const char* series : {"attn_probs received", "k norm_others", "v norm_first"})
    EXPECT_EQ(rows.series[series], 2 * 3) << series;
  EXPECT_EQ(rows.observations.count("k top_k"), 0U);
}

TEST(Trainer, WeightsHaveASpread) {
  const WeightStatistics flat = weight_statistics(std::vector<float>{1, -1, 1, -1});
  EXPECT_DOUBLE_EQ(flat.deviation, 1);
  EXPECT_DOUBLE_EQ(flat.kurtosis, 1);
  const WeightStatistics outlier = weight_statistics(std::vector<float>{0, 0, 0, 0, 0, 0, 0, -8});
  EXPECT_DOUBLE_EQ(outlier.deviation, std::sqrt(7.0));
  EXPECT_NEAR(outlier.kurtosis, 43.0 / 7, 1e-12);  // (7 * 1 + 7^4) / 8 / 7^2
  EXPECT_DOUBLE_EQ(outlier.largest, 8);
}

// The biases of a model without any stay what they are.
TEST(Trainer, BiasesStayZero) {
  const TemporaryFolder folder;
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  TrainRequest request = request_in(folder.path());
  request.recipe.schedule.steps = 3;
  request.out = folder.path() / "run";
  const Model model = open_model(run_training(*backend, request).checkpoint).value();
  const std::vector<Parameter> parameters = parameters_of(model).value();
  for (const Parameter& parameter : parameters) {
    const std::vector<float> values = parameter_values(parameter);
    const bool zero = std::ranges::all_of(values, [](float x) { return x == 0; });
    EXPECT_EQ(zero, role_name(parameter.role()).ends_with("_bias")) << parameter.name;
  }
}

TEST(Trainer, StopsWhereNumbersEnd) {
  const TemporaryFolder folder;
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  TrainRequest request = request_in(folder.path());
  request.recipe.schedule.rate = 1e30;
  request.recipe.checkpoint_every = 1;
  request.out = folder.path() / "run";
  const auto outcome = train(*backend, request, {});
  ASSERT_FALSE(outcome);
  const std::string message = outcome.error().message;
  EXPECT_EQ(message.find("step 1: the loss is"), 0U) << message;
  EXPECT_NE(message.find("step-000001"), std::string::npos) << message;
}

TEST(Trainer, ShortDataIsAnError) {
  const TemporaryFolder folder;
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  TrainRequest request = request_in(folder.path());
  request.recipe.model.context = 1000;
  request.out = folder.path() / "run";
  const auto outcome = train(*backend, request, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message,
            "the validation data: expected more tokens than the context of 1000, found 440");
}

}  // namespace
}  // namespace tepui::test
