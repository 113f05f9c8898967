// SPDX-License-Identifier: MIT
// Choices: sharing what they have in common changes no bit, tasks are read as documented, and
// accuracies and their errors are what the formulas say.
#include "study/choices.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/paths.h"
#include "support/run_model.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

std::vector<std::string> choosing_backends() {
  auto names = model_backends();
  std::erase(names, "reference");
  return names;
}

ChoiceItem item_of(const std::vector<TokenId>& context,
                   const std::vector<std::vector<TokenId>>& choices) {
  ChoiceItem item;
  for (const auto& choice : choices) {
    ChoiceTokens tokens;
    tokens.ids = context;
    tokens.ids.insert(tokens.ids.end(), choice.begin(), choice.end());
    tokens.first = static_cast<int>(context.size());
    item.choices.push_back(tokens);
  }
  return item;
}

class Scorer : public testing::TestWithParam<std::string> {
 protected:
  void load(const std::string& name) {
    auto model = open_model(data_path("golden/" + name));
    ASSERT_TRUE(model) << model.error().message;
    model_ = *std::move(model);
  }

  struct Found {
    ChoiceScorer::Scores shared;
    ChoiceScorer::Scores whole;
    bool shares = false;
    std::int64_t shared_rows = 0;
    std::int64_t whole_rows = 0;
  };
  Found score(const std::vector<ChoiceItem>& items, const std::vector<std::string>& edits,
              std::string* error = nullptr) {
    BackendOptions on;
    on.threads = 2;
    const auto backend = shared_backend(GetParam(), on);
    std::vector<BranchRequest> requests;
    for (const auto& text : edits) requests.push_back({"", text});
    const auto specs = parse_branches(requests, model_.spec, "--edit");
    EXPECT_TRUE(specs) << specs.error().message;
    std::vector<std::string> notes;
    const auto branches = ready_branches(*specs, model_.spec, {}, notes);
    ThreadPool pool(2);
    const auto metrics = prefix_metrics();
    Executor executor(**backend, model_, pool, {}, metrics);
    const auto head = Head::make(**backend, model_, pool, 37);
    ChoiceScorer scorer(**backend, model_, executor, **head, *branches, {});
    Found found;
    auto shared = scorer.score(items);
    if (!shared && error != nullptr) {
      *error = shared.error().message;
      return found;
    }
    EXPECT_TRUE(shared) << shared.error().message;
    found.shared = *std::move(shared);
    found.shared_rows = scorer.rows();
    found.shares = scorer.shares();
    auto whole = scorer.score_whole(items);
    EXPECT_TRUE(whole) << whole.error().message;
    found.whole = *std::move(whole);
    found.whole_rows = scorer.rows() - found.shared_rows;
    return found;
  }

  Model model_;
};

TEST_P(Scorer, SharedIsWhole) {
  for (const char* name : {"llama-gqa-tied-bf16", "mistral-window", "falcon-rw", "gpt2-new"}) {
    SCOPED_TRACE(name);
    load(name);
    ChoiceItem own = item_of({1, 5, 9}, {{4, 7}, {4}});
    own.choices[1].ids[1] = 6;  // beginnings of their own
    own.choices[1].first = 2;
    ChoiceItem apart = item_of({8, 2}, {{3}, {11, 12}});
    apart.choices[1].ids[0] = 9;  // nothing in common
    const std::vector<ChoiceItem> items = {item_of({1, 2, 3, 4, 5, 6}, {{7}, {8, 9, 10}, {7, 9}}),
                                           own, apart, item_of({3}, {{2}, {1}})};
    const Found found = score(items, {"resid_post.0:all:0-3=zero", "embeddings:4-:all=scale:2"});
    EXPECT_TRUE(found.shares);
    EXPECT_TRUE(found.shared == found.whole);
    EXPECT_LT(found.shared_rows, found.whole_rows);
    EXPECT_NE(found.shared[0][0], found.shared[0][1]);
    EXPECT_NE(found.shared[0][0], found.shared[0][2]);
    for (const auto& item : found.shared)
      for (const auto& branch : item)
        for (const double value : branch) EXPECT_LT(value, 0);
  }
}

// What is shared holds all that a prefix mask shows, and nothing that it shows is asked for.
TEST_P(Scorer, APrefixMaskShowsNoChoice) {
  load("../train/variant-dyt");
  const ChoiceItem long_one = item_of({1, 2, 3, 4, 5, 6}, {{7}, {8, 9}});
  const Found found = score({long_one}, {});
  EXPECT_TRUE(found.shared == found.whole);
  EXPECT_LT(found.shared_rows, found.whole_rows);
  ChoiceItem early = item_of({1, 2, 3, 4, 5, 6}, {{7}, {7, 9}});
  early.choices[1].ids[3] = 8;  // three tokens in common
  const Found whole = score({long_one, early}, {});
  EXPECT_TRUE(whole.shared == whole.whole);
  EXPECT_EQ(whole.shared_rows, whole.whole_rows);
  std::string error;
  score({item_of({1, 2, 3, 4}, {{7}, {8, 9}})}, {}, &error);
  EXPECT_NE(error.find("sees the first 5 (a prefix mask)"), std::string::npos) << error;
}

// The sum of what the model says of each token behind those before it.
TEST_P(Scorer, AddsTheTokensOfTheChoiceAlone) {
  load("llama-gqa-tied-bf16");
  const std::vector<std::vector<TokenId>> sequence = {{1, 2, 3, 4, 5}};
  RunSettings settings;
  settings.backend = GetParam();
  settings.sites = "final_norm";
  const FullRun run = full_run(model_, sequence, settings);
  const Found found = score({item_of({1, 2, 3}, {{4, 5}, {4}})}, {});
  EXPECT_EQ(found.shared[0][0][0], -(run.losses[0][2] + run.losses[0][3]));
  EXPECT_EQ(found.shared[0][0][1], -run.losses[0][2]);
}

TEST_P(Scorer, RulesThatLookAtAllOfItRunWhole) {
  load("llama-gqa-tied-bf16");
  const std::vector<ChoiceItem> items = {item_of({1, 2, 3, 4}, {{5}, {6, 7}})};
  for (const char* edit :
       {"resid_post.0:largest:all=zero", "resid_post.0:all:all=clip:k2", "q.1:all:all=round:int8",
        "resid_post.0:massive:massive=zero", "resid_mid.1:all:all=patch:unedited"}) {
    const Found found = score(items, {edit});
    EXPECT_FALSE(found.shares) << edit;
    EXPECT_TRUE(found.shared == found.whole) << edit;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Scorer, testing::ValuesIn(choosing_backends()),
                         [](const auto& info) { return info.param; });

TEST(TaskFile, ReadsItemsAndSkipsBlankLines) {
  TemporaryFolder folder;
  const auto path = folder.path() / "few.jsonl";
  write_file(path,
             "{\"context\": \"A\", \"choices\": [\" b\", \" c\"], \"answer\": 1, \"id\": 7}\r\n"
             "\n"
             "{\"context\": [\"x\", \"y\"], \"choices\": [\" z\", \" z\"], \"answer\": 0}");
  const auto file = read_task_file(path, 0);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->name, "few");
  ASSERT_EQ(file->items.size(), 2U);
  EXPECT_EQ(file->items[0].context(1), "A");
  EXPECT_EQ(file->items[0].answer, 1);
  EXPECT_EQ(file->items[1].line, 3);
  EXPECT_EQ(file->items[1].context(1), "y");
  EXPECT_EQ(read_task_file(path, 1)->items.size(), 1U);
}

TEST(TaskFile, ErrorsNameTheLine) {
  TemporaryFolder folder;
  const auto path = folder.path() / "bad.jsonl";
  const std::string good = "{\"context\": \"A\", \"choices\": [\"b\", \"c\"], \"answer\": 0}\n";
  const std::pair<std::string, std::string> cases[] = {
      {"{\"context\": \"A\"", "not valid JSON"},
      {"[1]", "expected an object, found array"},
      {"{\"context\": \"A\", \"answer\": 0}", "\"choices\": expected a list of at least two"},
      {"{\"context\": \"A\", \"choices\": [\"b\"], \"answer\": 0}", "at least two"},
      {"{\"context\": \"A\", \"choices\": [\"b\", 3], \"answer\": 0}", "expected strings"},
      {"{\"choices\": [\"b\", \"c\"], \"answer\": 0}", "\"context\": expected a string"},
      {"{\"context\": [\"A\"], \"choices\": [\"b\", \"c\"], \"answer\": 0}",
       "expected as many strings as choices, 2, found 1"},
      {"{\"context\": \"A\", \"choices\": [\"b\", \"c\"]}", "from 0 to 1, found none"},
      {"{\"context\": \"A\", \"choices\": [\"b\", \"c\"], \"answer\": 2}", "from 0 to 1, found 2"},
      {"{\"context\": \"A\", \"choices\": [\"b\", \"c\"], \"answer\": \"0\"}", "found \"0\""},
  };
  for (const auto& [line, message] : cases) {
    write_file(path, good + line + "\n");
    const auto file = read_task_file(path, 0);
    ASSERT_FALSE(file) << line;
    EXPECT_NE(file.error().message.find("bad.jsonl: line 2: "), std::string::npos)
        << file.error().message;
    EXPECT_NE(file.error().message.find(message), std::string::npos) << file.error().message;
  }
  write_file(path, "\n\n");
  EXPECT_FALSE(read_task_file(path, 0));
}

TEST(TaskFile, BlanksBeforeAChoiceGoWithIt) {
  const auto tokenizer = load_tokenizer(data_path("demo-model"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto behind = tokens_of_choice(**tokenizer, "The king ", "said", {1});
  const auto before = tokens_of_choice(**tokenizer, "The king", " said", {1});
  ASSERT_TRUE(behind && before);
  EXPECT_EQ(behind->ids, before->ids);
  EXPECT_EQ(behind->first, before->first);
  EXPECT_EQ(behind->ids.front(), 1);
  EXPECT_EQ(static_cast<std::size_t>(behind->first), 1 + (*tokenizer)->encode("The king")->size());
  EXPECT_FALSE(tokens_of_choice(**tokenizer, "", "said", {}));
  EXPECT_FALSE(tokens_of_choice(**tokenizer, "The king", "", {1}));
}

TEST(Accuracies, TakeTheLikeliestByEachLength) {
  ItemResult item;
  item.answer = 1;
  item.log_likelihoods = {{-4, -6, -4}, {-4, -3, -3}};
  item.lengths = {std::vector<double>{1, 1, 1}, {2, 6, 2}, {2, 6, 2}, {1, 1, 2}};
  EXPECT_EQ(item.chosen(0, LengthNorm::sum), 0);  // the first of equals
  EXPECT_EQ(item.chosen(0, LengthNorm::characters), 1);
  EXPECT_EQ(item.chosen(0, LengthNorm::tokens), 2);
  EXPECT_EQ(item.chosen(1, LengthNorm::sum), 1);
  TaskResult task{"t", "t", {item, item, item, item}};
  task.items[3].answer = 0;
  const Accuracy accuracy = task.accuracy(0, LengthNorm::characters);
  EXPECT_EQ(accuracy.right, 3);
  EXPECT_EQ(accuracy.share(), 0.75);
  // The sample's deviation over the root of n: 1, 1, 1, 0.
  EXPECT_NEAR(accuracy.error(), std::sqrt((3 * 0.0625 + 0.5625) / 3) / 2, 1e-15);
  task.items.resize(1);
  EXPECT_TRUE(std::isnan(task.accuracy(0, LengthNorm::sum).error()));
}

}  // namespace
}  // namespace tepui::test
