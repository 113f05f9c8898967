// SPDX-License-Identifier: MIT
// The golden models through GGUF files (tools/make_gguf.py): the bits of the folders they were made
// from, at every site. Where a file keeps rounded numbers (llama3's scaling as a tensor), the
// golden values themselves bound it (golden_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>

#include "models/model.h"
#include "support/paths.h"
#include "support/run_model.h"

namespace tepui::test {
namespace {

const std::vector<std::vector<TokenId>> kSequences = {
    {1, 5, 9, 60, 33, 2, 17, 8, 41, 63}, {1, 62, 7}, {3, 3, 3, 12}};

class GgufModel : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(GgufModel, GivesTheBitsOfItsFolder) {
  const auto& [name, backend] = GetParam();
  const auto folder = open_model(data_path("golden/" + name));
  const auto file = open_model(data_path("gguf/" + name + ".gguf"));
  ASSERT_TRUE(folder) << folder.error().message;
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->container, "GGUF");
  EXPECT_TRUE(file->unused.empty()) << file->unused.front();
  RunSettings settings;
  settings.backend = backend;
  const FullRun expected = full_run(*folder, kSequences, settings);
  const FullRun found = full_run(*file, kSequences, settings);
  ASSERT_GT(expected.sites.size(), 14U * 2U * 3U);
  EXPECT_EQ(found.sites, expected.sites);
  EXPECT_EQ(found.logits, expected.logits);
  EXPECT_EQ(found.arg_max, expected.arg_max);
}

std::string case_name(const testing::TestParamInfo<std::tuple<std::string, std::string>>& info) {
  std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, GgufModel,
                         testing::Combine(testing::Values("llama-head-dim", "llama-biases",
                                                          "llama-gqa-tied-bf16", "gpt2-new"),
                                          testing::ValuesIn(model_backends())),
                         case_name);

TEST(GgufFolder, AFolderWithOneFileIsThatModel) {
  const TemporaryFolder folder;
  std::filesystem::copy(data_path("gguf/gpt2-new.gguf"), folder.path() / "gpt2-Q8_0.gguf");
  const auto model = open_model(folder.path());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->spec.arch->name, "gpt2");
  std::filesystem::copy(data_path("gguf/gpt2-new.gguf"), folder.path() / "gpt2-F16.gguf");
  const auto two = open_model(folder.path());
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().message,
            folder.path().string() +
                ": expected one .gguf file in this folder, found 2: gpt2-F16.gguf, gpt2-Q8_0.gguf");
  EXPECT_EQ(two.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace tepui::test
