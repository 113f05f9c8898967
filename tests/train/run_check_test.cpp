// SPDX-License-Identifier: MIT
// What a run refuses before it begins: data that are others than a checkpoint learnt from, ids that
// mean something else to the model it goes on from, and settings that its sizes do not hold.
#include "train/run_check.h"

#include <gtest/gtest.h>

#include "backend/registry.h"
#include "support/paths.h"
#include "train/trainer.h"

namespace tepui::test {
namespace {

class RunCheck : public ::testing::Test {
 protected:
  RunCheck() {
    write("text.txt", "abcd efgh. ijkl mnop, ");
    request_.recipe.model = {.layers = 2, .heads = 2, .width = 16, .context = 16};
    request_.recipe.data.texts = {folder_.path() / "text.txt"};
    request_.recipe.batch = 1;
    request_.recipe.schedule.steps = 2;
    request_.recipe.evaluation_batches = 1;
    request_.record = {"of the test", {}};
    request_.out = folder_.path() / "run";
  }

  void write(const std::string& name, const std::string& piece) const {
    std::string text;
    for (int i = 0; i < 60; ++i) text += piece;
    write_file(folder_.path() / name, text);
  }

  // Of the run and of its plan, which say the same.
  std::string refusal() const {
    const auto backend = make_backend("cpu", {.threads = 1, .isa = {}}).value();
    const auto trained = train(*backend, request_, {});
    const auto planned = plan_training(request_);
    EXPECT_EQ(trained.has_value(), planned.has_value());
    if (trained || planned) return "";
    EXPECT_EQ(trained.error().message, planned.error().message);
    return trained.error().message;
  }

  TemporaryFolder folder_;
  TrainRequest request_;
};

TEST_F(RunCheck, GoesOnWithNoOtherData) {
  request_.until = 1;
  EXPECT_EQ(refusal(), "");
  request_.until = 2;
  const std::string before = request_.out.string() +
                             ": the run there learnt from other tokens than the recipe's data "
                             "gives now: expected the same texts and tokenizer to go on, or "
                             "another --out";
  write("text.txt", "mnop, ijkl efgh. abcd ");  // the same characters
  EXPECT_EQ(refusal(), before);
  write("text.txt", "bcde fghi. jklm nopq, ");  // the same ids of others
  EXPECT_EQ(refusal(), before);
  write("text.txt", "abcd efgh. ijkl mnop, ");
  EXPECT_EQ(refusal(), "");
}

TEST_F(RunCheck, IdsMeanWhatTheModelLearnt) {
  ASSERT_EQ(refusal(), "");
  const std::filesystem::path from = request_.out / "step-000002";
  request_.recipe.model.from = from;
  request_.out = folder_.path() / "next";
  EXPECT_EQ(refusal(), "");
  request_.out = folder_.path() / "other";
  write("text.txt", "abcd efgh. jkl mnop, ");  // without its i
  EXPECT_EQ(refusal(), "tokens of [data]: expected the ids of " + from.string() +
                           ", which the run goes on from, found token 11 to be \"i\" there and "
                           "\"j\" here; tokens = \"" +
                           from.string() + "\" takes its own");
  request_.recipe.data.tokens = from.string();
  EXPECT_EQ(refusal(), "");
}

TEST_F(RunCheck, SettingsFitTheSizes) {
  AuxiliaryTerm term{.kind = AuxiliaryKind::spike, .first = 0, .last = 2, .channels = {3}};
  term.ratios = {50};
  request_.recipe.auxiliary = {term};
  EXPECT_EQ(refusal(), "layers of [[auxiliary]]: expected layers below 2, found 2");
  term.last = 1;
  term.channels = {5, 16};
  request_.recipe.auxiliary = {term};
  EXPECT_EQ(refusal(), "channels of [[auxiliary]]: expected channels below 16, found 16");
  term.channels = {5, 5};
  request_.recipe.auxiliary = {term};
  EXPECT_EQ(refusal(), "channels of [[auxiliary]]: expected each once, found 5 twice");
  request_.recipe.auxiliary.clear();
  request_.recipe.data.validation = 0.999;
  EXPECT_EQ(refusal(), "the training data: expected more tokens than the context of 16, found 1");
  request_.recipe.data.validation = 0.1;
  request_.recipe.watch_every = 1;
  request_.recipe.watched_sequences = 1000;
  EXPECT_EQ(refusal(),
            "the validation data: expected more tokens than the 16000 that are watched, found 132");
}

}  // namespace
}  // namespace tepui::test
