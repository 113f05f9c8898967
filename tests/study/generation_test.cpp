// SPDX-License-Identifier: MIT
// Written texts: each token is the one that computing the whole sequence anew would give, and
// draws depend on the seed alone.
#include "study/generation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "study/branches.h"
#include "study/side_by_side.h"
#include "study/stop_tokens.h"
#include "study/text_measures.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

class Generation : public testing::TestWithParam<std::string> {
 protected:
  void load(const std::string& name) {
    auto model = open_model(data_path("golden/" + name));
    ASSERT_TRUE(model) << model.error().message;
    model_ = *std::move(model);
  }

  std::vector<std::vector<GeneratedText>> write(
      const std::vector<std::vector<TokenId>>& prompts, const GenerationOptions& options,
      const std::vector<std::pair<std::string, std::string>>& edits = {}) {
    BackendOptions on;
    on.threads = 2;
    const auto backend = shared_backend(GetParam(), on);
    EXPECT_TRUE(backend) << backend.error().message;
    std::vector<BranchRequest> requests;
    for (const auto& [name, text] : edits) requests.push_back({name, text});
    const auto specs = parse_branches(requests, model_.spec, "--edit");
    EXPECT_TRUE(specs) << specs.error().message;
    std::vector<std::string> notes;
    const auto branches = ready_branches(*specs, model_.spec, {}, notes);
    EXPECT_TRUE(branches) << branches.error().message;
    ThreadPool pool(2);
    const auto metrics = prefix_metrics();
    Executor executor(**backend, model_, pool, {}, metrics);
    const auto head = Head::make(**backend, model_, pool, 37);
    EXPECT_TRUE(head) << head.error().message;
    auto texts =
        generate(**backend, model_, executor, **head, prompts, *branches, {}, options, nullptr);
    EXPECT_TRUE(texts) << texts.error().message;
    return texts.value_or(std::vector<std::vector<GeneratedText>>());
  }

  Model model_;
};

// Greedy, with everything computed anew for each token.
std::vector<TokenId> recomputed(const Model& model, std::vector<TokenId> ids, int count,
                                const std::string& backend) {
  RunSettings settings;
  settings.backend = backend;
  settings.sites = "final_norm";
  const std::size_t prompt = ids.size();
  for (int i = 0; i < count; ++i) {
    const FullRun run = full_run(model, std::vector<std::vector<TokenId>>{ids}, settings);
    ids.push_back(static_cast<TokenId>(run.arg_max[0].back()));
  }
  return {ids.begin() + static_cast<std::ptrdiff_t>(prompt), ids.end()};
}

TEST_P(Generation, IsRecomputation) {
  for (const char* name : {"llama-gqa-tied-bf16", "mistral-window", "bloom", "gemma2", "opt"}) {
    SCOPED_TRACE(name);
    load(name);
    GenerationOptions options;
    options.max_tokens = 4;
    const std::vector<std::vector<TokenId>> prompts = {{1, 9, 30, 4, 17}, {5}};
    const auto texts = write(prompts, options);
    ASSERT_EQ(texts.size(), 2U);
    for (std::size_t s = 0; s < prompts.size(); ++s) {
      ASSERT_EQ(texts[s].size(), 1U);
      EXPECT_EQ(texts[s][0].ids, recomputed(model_, prompts[s], 4, GetParam()));
      EXPECT_EQ(texts[s][0].end, TextEnd::max_tokens);
    }
  }
}

TEST_P(Generation, AnEmptyEditIsNoEdit) {
  load("llama-gqa-tied-bf16");
  for (const double temperature : {0.0, 1.5}) {
    GenerationOptions options;
    options.max_tokens = 6;
    options.sampling.temperature = temperature;
    options.sampling.seed = 11;
    const auto texts = write({{1, 2, 3}}, options,
                             {{"empty", "resid_post.0:500-600:all=zero"},
                              {"same", "resid_post.1:all:all=scale:1"},
                              {"other", "resid_post.1:all:all=zero"}});
    ASSERT_EQ(texts[0].size(), 4U);
    for (const int branch : {1, 2}) {
      const auto& own = texts[0][static_cast<std::size_t>(branch)];
      EXPECT_EQ(own.ids, texts[0][0].ids);
      EXPECT_EQ(own.losses, texts[0][0].losses);
    }
    EXPECT_NE(texts[0][3].losses, texts[0][0].losses);
  }
}

TEST_P(Generation, EndsAtAStopAndAtTheContext) {
  load("llama-gqa-tied-bf16");
  GenerationOptions options;
  options.max_tokens = 8;
  const std::vector<TokenId> prompt = {1, 9, 30, 4, 17};
  const auto free = write({prompt}, options)[0][0];
  ASSERT_EQ(free.ids.size(), 8U);
  options.stops = {free.ids[2]};
  const auto stopped = write({prompt, {5}}, options);
  const auto first = std::ranges::find(free.ids, free.ids[2]) - free.ids.begin();
  EXPECT_EQ(stopped[0][0].ids,
            std::vector<TokenId>(free.ids.begin(), free.ids.begin() + first + 1));
  EXPECT_EQ(stopped[0][0].end, TextEnd::stop);
  const int context = model_.spec.dims.context;
  const auto full =
      write({std::vector<TokenId>(static_cast<std::size_t>(context) - 1, 3)}, GenerationOptions{});
  EXPECT_EQ(full[0][0].end, TextEnd::context);
  EXPECT_EQ(full[0][0].ids.size(), 1U);
}

std::vector<std::string> generating_backends() {
  auto names = model_backends();
  std::erase(names, "reference");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, Generation, testing::ValuesIn(generating_backends()),
                         [](const auto& info) { return info.param; });

TEST(LongestText, StaysWithinTheFrequencies) {
  const auto plain = open_model(data_path("golden/llama-gqa-tied-bf16"));
  EXPECT_EQ(longest_text(plain->spec, 3), plain->spec.dims.context);
  const auto dynamic = open_model(data_path("golden/llama-rope-dynamic"));
  const int original = dynamic->spec.dims.rope.original_context;
  EXPECT_EQ(longest_text(dynamic->spec, 3), original);
  EXPECT_EQ(longest_text(dynamic->spec, original + 2), original + 2);
}

TEST(Sampler, TakesTheLargestAndTheLowestIdOfEquals) {
  Sampler greedy({}, 0);
  const float logits[] = {1, 3, -2, 3};
  EXPECT_EQ(greedy.next(logits), 1);
  SamplingOptions one;
  one.temperature = 1;
  one.top_k = 1;
  Sampler narrow(one, 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(narrow.next(logits), 1);
}

// Frequencies of many draws against the probabilities that the options leave.
TEST(Sampler, DrawsByProbability) {
  const double p[] = {0.5, 0.25, 0.15, 0.1};
  std::vector<float> logits;
  for (const double share : p) logits.push_back(static_cast<float>(std::log(share)));
  const auto shares = [&](const SamplingOptions& options) {
    Sampler sampler(options, 0);
    std::vector<double> count(4);
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i)
      count[static_cast<std::size_t>(sampler.next(logits))] += 1.0 / kDraws;
    return count;
  };
  const auto check = [](const std::vector<double>& found, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (expected[i] == 0)
        EXPECT_EQ(found[i], 0) << i;
      else
        EXPECT_NEAR(found[i], expected[i], 0.015) << i;  // four standard errors
    }
  };
  check(shares({1, 0, 1, 5}), {0.5, 0.25, 0.15, 0.1});
  check(shares({1, 2, 1, 5}), {2.0 / 3, 1.0 / 3, 0, 0});
  check(shares({1, 0, 0.8, 5}), {0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0});
  check(shares({1, 0, 0.5, 5}), {1, 0, 0, 0});
  const double flat = std::sqrt(0.5) + std::sqrt(0.25) + std::sqrt(0.15) + std::sqrt(0.1);
  check(shares({2, 0, 1, 5}), {std::sqrt(0.5) / flat, std::sqrt(0.25) / flat,
                               std::sqrt(0.15) / flat, std::sqrt(0.1) / flat});
}

// The draws themselves, so that another machine or library cannot change them unseen.
TEST(Sampler, SeedsDrawAlikeEverywhere) {
  const std::vector<float> even(1000, 0.0F);
  const auto draws = [&](std::uint64_t seed, std::uint32_t stream) {
    SamplingOptions options;
    options.temperature = 1;
    options.seed = seed;
    Sampler sampler(options, stream);
    std::vector<TokenId> ids;
    for (int i = 0; i < 6; ++i) ids.push_back(sampler.next(even));
    return ids;
  };
  EXPECT_EQ(draws(7, 0), draws(7, 0));
  EXPECT_NE(draws(7, 0), draws(8, 0));
  EXPECT_NE(draws(7, 0), draws(7, 1));
  EXPECT_NE(draws(7, 0), draws(7 + (std::uint64_t{1} << 32), 0));
  EXPECT_EQ(draws(7, 0), (std::vector<TokenId>{215, 200, 558, 571, 33, 991}));
}

TEST(Sampler, LossIsThatOfTheSoftmax) {
  const float logits[] = {1, 2, 1000};
  EXPECT_NEAR(loss_of(logits, 2), 0, 1e-12);
  EXPECT_NEAR(loss_of(logits, 0), 999, 1e-9);
  const float two[] = {0, 0};
  EXPECT_NEAR(loss_of(two, 1), std::log(2.0), 1e-15);
}

TEST(TextMeasures, CountsAndParting) {
  const std::vector<TokenId> ids = {1, 2, 1, 2, 3};
  EXPECT_EQ(distinct(ids, 1), 3.0 / 5);
  EXPECT_EQ(distinct(ids, 2), 3.0 / 4);
  EXPECT_EQ(distinct(ids, 6), std::nullopt);
  EXPECT_EQ(parting(ids, ids), std::nullopt);
  EXPECT_EQ(parting(ids, std::vector<TokenId>{1, 2, 4}), 2);
  EXPECT_EQ(parting(ids, std::vector<TokenId>{1, 2}), 2);
}

TEST(StopTokens, ComeFromTheFolderThenFromTheTokenizer) {
  TemporaryFolder folder;
  EXPECT_EQ(*stop_tokens(folder.path(), nullptr), std::vector<TokenId>());
  write_file(folder.path() / "config.json", R"({"eos_token_id": 7})");
  EXPECT_EQ(*stop_tokens(folder.path(), nullptr), std::vector<TokenId>{7});
  write_file(folder.path() / "generation_config.json", R"({"eos_token_id": [9, 4, 9]})");
  EXPECT_EQ(*stop_tokens(folder.path(), nullptr), (std::vector<TokenId>{4, 9}));
  write_file(folder.path() / "generation_config.json", R"({"eos_token_id": "x"})");
  EXPECT_FALSE(stop_tokens(folder.path(), nullptr));
}

TEST(SideBySide, WrapsIntoColumns) {
  const std::vector<TitledText> texts = {{"a", "one two three"}, {"b", "longerthanthecolumn x"}};
  EXPECT_EQ(side_by_side(texts, 19, Letters::ascii, 5),
            "a          b\n"
            "--------   --------\n"
            "one two    longerth\n"
            "three      anthecol\n"
            "           umn x\n");
}

TEST(SideBySide, NarrowTerminalsPutThemBeneath) {
  const std::vector<TitledText> texts = {{"a", "x\ty"}, {"b", "1\n2"}, {"c", ""}};
  EXPECT_EQ(side_by_side(texts, 10, Letters::ascii, 8),
            "a\n----------\nx\\ty\n\nb\n----------\n1\n2\n\nc\n----------\n\n");
  EXPECT_EQ(side_by_side(texts, 19, Letters::ascii, 8),
            "a          b\n"
            "--------   --------\n"
            "x\\ty       1\n"
            "           2\n"
            "\n"
            "a          c\n"
            "--------   --------\n"
            "x\\ty\n");
}

}  // namespace
}  // namespace tepui::test
