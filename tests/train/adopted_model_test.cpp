// SPDX-License-Identifier: MIT
// Models that a run goes on from: what they compute stays the same, bit for bit.
#include "train/adopted_model.h"

#include <gtest/gtest.h>

#include "backend/registry.h"
#include "support/paths.h"
#include "train/token_data.h"
#include "train/train_engine.h"

namespace tepui::test {
namespace {

double loss_of_model(Backend& backend, const std::filesystem::path& path) {
  const auto model = open_model(path);
  EXPECT_TRUE(model) << model.error().message;
  if (!model) return 0;
  TrainEngine::Settings settings;
  settings.shape.sequences = 2;
  settings.shape.length = 6;
  const auto engine = TrainEngine::make(backend, *model, settings);
  EXPECT_TRUE(engine) << engine.error().message;
  if (!engine) return 0;
  TrainState state;
  for (const Parameter& parameter : (*engine)->parameters())
    state.values.push_back(parameter_values(parameter));
  EXPECT_TRUE((*engine)->load(state));
  TokenBatch batch;
  for (int i = 0; i < 12; ++i) {
    batch.ids.push_back(i % 5 + 1);
    batch.targets.push_back(i % 4 == 3 ? -1 : i % 3 + 2);
  }
  return (*engine)->evaluate(batch).value();
}

TEST(AdoptedModel, KeepsItsLoss) {
  const auto backend = make_backend("cpu", {.threads = 2, .isa = {}}).value();
  for (const char* name : {"golden/nanogpt", "golden/nanogpt-no-bias", "golden/gpt2-scaled",
                           "golden/llama-gqa-f16-sharded", "golden/qwen3", "golden/phi2"}) {
    const TemporaryFolder folder;
    const Status written = write_adopted_model(data_path(name), folder.path());
    ASSERT_TRUE(written) << name << ": " << written.error().message;
    const double loss = loss_of_model(*backend, data_path(name));
    EXPECT_GT(loss, 0) << name;
    EXPECT_EQ(loss_of_model(*backend, folder.path()), loss) << name;
  }
}

TEST(AdoptedModel, WhatCannotBeTrainedIsNamed) {
  const TemporaryFolder folder;
  const Status experts = write_adopted_model(data_path("golden/mixtral"), folder.path());
  ASSERT_FALSE(experts);
  EXPECT_NE(experts.error().message.find("cannot be trained"), std::string::npos)
      << experts.error().message;
  const auto backend = make_backend("cpu", {.threads = 1, .isa = {}}).value();
  const Model model = open_model(data_path("golden/mpt")).value();
  TrainEngine::Settings settings;
  settings.shape.length = 4;
  const auto engine = TrainEngine::make(*backend, model, settings);
  ASSERT_FALSE(engine);
  EXPECT_NE(engine.error().message.find("attention with a softcap, a key bias"), std::string::npos)
      << engine.error().message;
}

TEST(TokenData, BinaryFilesOfTokens) {
  const TemporaryFolder folder;
  write_file(folder.path() / "a.bin", std::string("\x01\x00\x02\x01", 4));
  write_file(folder.path() / "odd.bin", "abc");
  DataRecipe recipe;
  recipe.train_bin = recipe.validation_bin = folder.path() / "a.bin";
  const auto data = load_token_data(recipe);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->train, (std::vector<std::int32_t>{1, 258}));
  EXPECT_EQ(data->vocabulary, 259);
  recipe.validation_bin = folder.path() / "odd.bin";
  const auto odd = load_token_data(recipe);
  ASSERT_FALSE(odd);
  EXPECT_NE(odd.error().message.find("odd.bin: expected 16-bit token ids, found 3 bytes"),
            std::string::npos);
}

// Every token is a target once.
TEST(TokenData, WholeBatchesHoldEverythingOnce) {
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 29; ++i) tokens.push_back(i);
  const TrainShape shape{.sequences = 2, .length = 4};
  std::vector<std::int32_t> seen;
  std::size_t all = 0;
  for (std::size_t i = 0; i < whole_batches(tokens.size(), shape); ++i) {
    std::size_t counted = 0;
    for (const std::int32_t target : whole_batch(tokens, shape, i, counted).targets) {
      if (target >= 0) seen.push_back(target);
    }
    all += counted;
  }
  EXPECT_EQ(all, 28U);
  EXPECT_EQ(seen, std::vector<std::int32_t>(tokens.begin() + 1, tokens.end()));
}

}  // namespace
}  // namespace tepui::test
