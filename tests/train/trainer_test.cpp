// SPDX-License-Identifier: MIT
// A whole run: what it learns, that it is the same however it is cut, and how it ends badly.
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/registry.h"
#include "base/mapped_file.h"
#include "support/op_harness.h"
#include "support/paths.h"
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
  request.recipe_hash = "of the test";
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
    request.recipe_hash = "another";
    const auto other = train(*one, request, {});
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("another recipe"), std::string::npos);
  }
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

// What is watched changes nothing, and is what is there: the watched loss is that of the same
// sequences evaluated.
TEST(Trainer, WatchesWithoutATrace) {
  const TemporaryFolder folder;
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  TrainRequest request = request_in(folder.path());
  request.out = folder.path() / "blind";
  const TrainOutcome blind = run_training(*backend, request);
  request.out = folder.path() / "watched";
  request.recipe.watch_every = 5;
  request.recipe.watched_sequences = 3;
  std::vector<WatchReport> reports;
  TrainObserver observer;
  observer.watch = [&](const WatchReport& report) -> Status {
    reports.push_back(report);
    return {};
  };
  const auto watched = train(*backend, request, observer);
  ASSERT_TRUE(watched) << watched.error().message;
  EXPECT_EQ(weights_of(blind.checkpoint), weights_of(watched->checkpoint));
  std::vector<std::int64_t> steps;
  for (const WatchReport& report : reports) steps.push_back(report.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{0, 1, 2, 4, 5, 10, 12}));
  EXPECT_NEAR(reports.front().loss, std::log(18), 0.1);
  ASSERT_EQ(reports.back().layers.size(), 2U);
  for (const LayerWatch& layer : reports.back().layers) {
    EXPECT_GT(layer.median, 0);
    EXPECT_GT(layer.ratio, 1);
    EXPECT_GE(std::abs(static_cast<double>(layer.value)), layer.top - 1e-6);
    EXPECT_LT(layer.position, 16);
    EXPECT_LT(layer.channel, 16);
    EXPECT_GT(layer.sink, 0.06);  // one of at most 16 keys
    EXPECT_LT(layer.sink, 0.6);
  }
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
