// SPDX-License-Identifier: MIT
// Law 2 on every architecture: tiny models of each (the golden cases), whose windows, biases,
// experts and norms must not let a row depend on what is computed beside it.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "models/tables.h"
#include "support/paths.h"
#include "support/run_model.h"

namespace tepui::test {
namespace {

std::vector<std::string> law_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(data_path("golden"))) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> law_backends() {
  auto names = model_backends();
  std::erase(names, "reference");  // its plain loops have but one order
  return names;
}

std::vector<std::vector<TokenId>> law_sequences() {
  std::mt19937 random(11);
  std::vector<std::vector<TokenId>> out;
  for (const int length : {4, 1, 12, 2, 9}) {
    std::vector<TokenId> ids;
    for (int i = 0; i < length; ++i) ids.push_back(static_cast<TokenId>(random() % 48));
    out.push_back(ids);
  }
  return out;
}

class DecoderLaws : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  FullRun run(const std::vector<std::vector<TokenId>>& ids, int chunk, const char* sites,
              const std::vector<int>& last_rows = {}) const {
    RunSettings settings;
    settings.backend = std::get<1>(GetParam());
    settings.exec.chunk_tokens = chunk;
    settings.sites = sites;
    settings.last_rows = last_rows;
    settings.threads = chunk == 1 ? 1 : 2;
    const auto model = open_model(data_path("golden/" + std::get<0>(GetParam())));
    EXPECT_TRUE(model) << model.error().message;
    return full_run(*model, ids, settings);
  }
};

TEST_P(DecoderLaws, NeitherChunksNorTapsShow) {
  const FullRun whole = run(law_sequences(), 1000, "all");
  const FullRun apart = run(law_sequences(), 1, "all");
  const FullRun plain = run(law_sequences(), 6, "final_norm");
  EXPECT_TRUE(whole.sites == apart.sites);
  EXPECT_TRUE(whole.logits == apart.logits);
  EXPECT_TRUE(whole.logits == plain.logits);
}

TEST_P(DecoderLaws, APrefixIsThePrefixOfTheWhole) {
  const auto model = open_model(data_path("golden/" + std::get<0>(GetParam())));
  ASSERT_TRUE(model) << model.error().message;
  const auto whole = law_sequences()[2];
  for (const int count : {1, 5, 11}) {
    if (length_classes(model->spec, count) != length_classes(model->spec, 12))
      continue;  // another length, by definition other frequencies
    const FullRun both = run({whole, {whole.begin(), whole.begin() + count}}, 1000, "final_norm");
    EXPECT_TRUE(std::equal(both.logits[1].begin(), both.logits[1].end(), both.logits[0].begin()))
        << count << " tokens";
  }
}

// Where the last rows of each sequence are asked for, the last layer computes no others, unless a
// tap or a prefix mask needs them: these rows, and the keys and values of all, are the same bits.
TEST_P(DecoderLaws, LastRowsAreThoseOfTheWhole) {
  const auto model = open_model(data_path("golden/" + std::get<0>(GetParam())));
  ASSERT_TRUE(model) << model.error().message;
  const std::vector<std::vector<TokenId>> ids = law_sequences();
  const std::vector<int> counts{2, 1, 5, 2, 1};
  const FullRun whole = run(ids, 1000, "resid_pre,k_pre,k,v");
  const auto vocabulary = static_cast<std::size_t>(model->spec.dims.vocabulary);
  for (const int chunk : {1, 6, 1000}) {
    const FullRun last = run(ids, chunk, "resid_pre,k_pre,k,v", counts);
    EXPECT_TRUE(last.sites == whole.sites) << chunk;
    for (std::size_t s = 0; s < ids.size(); ++s) {
      const std::size_t rows =
          model->spec.dims.prefix > 0 ? ids[s].size() : static_cast<std::size_t>(counts[s]);
      // A chunk whose sequences are all asked for whole is an ordinary one.
      ASSERT_EQ(last.logits[s].size(), rows * vocabulary) << chunk << ", sequence " << s;
      EXPECT_TRUE(std::ranges::equal(last.logits[s],
                                     std::span(whole.logits[s]).last(last.logits[s].size())))
          << chunk << ", sequence " << s;
    }
  }
  const FullRun tapped = run(ids, 1000, "all", counts);
  EXPECT_TRUE(tapped.logits == whole.logits);
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderLaws,
                         testing::Combine(testing::ValuesIn(law_cases()),
                                          testing::ValuesIn(law_backends())),
                         [](const auto& info) {
                           std::string name =
                               std::get<0>(info.param) + "_" + std::get<1>(info.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace tepui::test
