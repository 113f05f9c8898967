// SPDX-License-Identifier: MIT
// Going on from kept keys and values is, bit for bit, computing the whole sequence: for every
// architecture, in pieces of any size, from shared beginnings, and under edits.
#include "exec/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "exec/head.h"
#include "models/tables.h"
#include "plan/schedule.h"
#include "study/branches.h"
#include "support/branch_run.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

std::vector<std::string> decoder_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(data_path("golden"))) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  names.emplace_back("../train/variant-dyt");  // a prefix mask
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> decoder_backends() {
  auto names = model_backends();
  std::erase(names, "reference");  // its plain loops have but one order
  return names;
}

std::vector<TokenId> some_tokens(int count, unsigned seed, unsigned vocabulary = 48) {
  std::mt19937 random(seed);
  std::vector<TokenId> ids;
  for (int i = 0; i < count; ++i) ids.push_back(static_cast<TokenId>(random() % vocabulary));
  return ids;
}

std::vector<TokenId> slice(const std::vector<TokenId>& ids, int first, int last) {
  return {ids.begin() + first, ids.begin() + last};
}

// Rows of the final norm as the decoder leaves them.
struct Decoding {
  explicit Decoding(const Model& model, const std::string& name)
      : model_(model), pool_(2), metrics_(prefix_metrics()) {
    BackendOptions options;
    options.threads = 2;
    backend_ = *shared_backend(name, options);
    executor_ = std::make_unique<Executor>(*backend_, model, pool_, ExecOptions{}, metrics_);
  }

  // Keeps these beginnings, in the order of sequences and branches.
  void begin(Sequences sequences, const std::vector<Branch>& branches = {},
             const MassiveRule& massive = {}) {
    branches_ = branches;
    const auto schedule = make_schedule(branches_, model_.spec.dims.layers);
    ASSERT_TRUE(schedule) << schedule.error().message;
    prefixes_ = *compute_prefixes(*executor_, *backend_, model_, sequences, &*schedule, nullptr);
    decoder_ =
        std::make_unique<Decoder>(*backend_, model_, executor_->weights(), branches_, massive);
    std::vector<const Prefix*> kept;
    for (const auto& of_sequence : prefixes_)
      for (const Prefix& prefix : of_sequence) kept.push_back(&prefix);
    const Status status = decoder_->keep(kept);
    ASSERT_TRUE(status) << status.error().message;
  }

  std::vector<float> go_on(const std::vector<Continuation>& continuations) {
    const auto state = decoder_->run(continuations);
    EXPECT_TRUE(state) << state.error().message;
    if (!state) return {};
    std::vector<float> rows(state->bytes / sizeof(float));
    const Status status = backend_->wait(
        backend_->download(std::as_writable_bytes(std::span<float>(rows)), *state, {}));
    EXPECT_TRUE(status) << status.error().message;
    return rows;
  }

  const Model& model_;
  ThreadPool pool_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::shared_ptr<Backend> backend_;
  std::unique_ptr<Executor> executor_;
  std::vector<Branch> branches_;
  std::vector<std::vector<Prefix>> prefixes_;
  std::unique_ptr<Decoder> decoder_;
};

std::string test_name(std::string name) {
  name = name.substr(name.rfind('/') + 1);
  std::ranges::replace(name, '-', '_');
  return name;
}

class EveryModel : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override {
    auto model = open_model(data_path("golden/" + std::get<0>(GetParam())));
    ASSERT_TRUE(model) << model.error().message;
    model_ = *std::move(model);
    settings_.backend = backend();
    settings_.sites = "final_norm";
  }
  std::string backend() const { return std::get<1>(GetParam()); }
  Model model_;
  RunSettings settings_;
};

TEST_P(EveryModel, CachedIsWhole) {
  const auto vocabulary = static_cast<unsigned>(std::min(48, model_.spec.dims.vocabulary));
  const std::vector<std::vector<TokenId>> whole = {some_tokens(12, 3, vocabulary),
                                                   some_tokens(10, 4, vocabulary)};
  // Lengths that share their frequencies.
  const auto like = [&](int length) {
    return length_classes(model_.spec, length) == length_classes(model_.spec, 12);
  };
  const bool short_ones = like(1) && model_.spec.dims.prefix == 0;
  const std::vector<int> a = short_ones ? std::vector<int>{4, 5, 8} : std::vector<int>{6, 7, 9};
  const std::vector<int> b = short_ones ? std::vector<int>{1, 2, 7} : std::vector<int>{7, 8, 10};
  if (!like(6)) GTEST_SKIP() << "each length has frequencies of its own";
  const FullRun all = full_run(model_, whole, settings_);
  const auto rows = [&](std::size_t sequence, int first, int last) {
    const auto& values =
        all.sites.at(capture_key({kNoLayer, Site::final_norm}, static_cast<int>(sequence)));
    const auto width = static_cast<std::ptrdiff_t>(values.size() / whole[sequence].size());
    return std::vector<float>(values.begin() + first * width, values.begin() + last * width);
  };
  const auto both = [](std::vector<float> one, const std::vector<float>& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
  };
  Decoding decoding(model_, backend());
  decoding.begin(
      std::vector<std::vector<TokenId>>{slice(whole[0], 0, a[0]), slice(whole[1], 0, b[0])});
  EXPECT_EQ(decoding.prefixes_[0][0].final_norm, rows(0, a[0] - 1, a[0]));
  EXPECT_EQ(decoding.prefixes_[1][0].final_norm, rows(1, b[0] - 1, b[0]));
  // One token each, then several, the sequences in another order, then one of them alone.
  EXPECT_TRUE(
      decoding.go_on({{0, 0, slice(whole[0], a[0], a[1])}, {1, 0, slice(whole[1], b[0], b[1])}}) ==
      both(rows(0, a[0], a[1]), rows(1, b[0], b[1])));
  EXPECT_TRUE(
      decoding.go_on({{1, 0, slice(whole[1], b[1], b[2])}, {0, 0, slice(whole[0], a[1], a[2])}}) ==
      both(rows(1, b[1], b[2]), rows(0, a[1], a[2])));
  EXPECT_TRUE(decoding.go_on({{1, 0, slice(whole[0], a[2], 12)}}) == rows(0, a[2], 12));
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel,
                         testing::Combine(testing::ValuesIn(decoder_cases()),
                                          testing::ValuesIn(decoder_backends())),
                         [](const auto& info) {
                           return test_name(std::get<0>(info.param) + "_" +
                                            std::get<1>(info.param));
                         });

class CachedRuns : public testing::TestWithParam<std::string> {
 protected:
  CachedRuns() : model_(*open_model(data_path("golden/llama-gqa-tied-bf16"))) {}

  std::vector<Branch> branches_of(const std::vector<std::pair<std::string, std::string>>& edits) {
    std::vector<BranchRequest> requests;
    for (const auto& [name, text] : edits) requests.push_back({name, text});
    const auto specs = parse_branches(requests, model_.spec, "--edit");
    EXPECT_TRUE(specs) << specs.error().message;
    std::vector<std::string> notes;
    auto branches = ready_branches(*specs, model_.spec, {}, notes);
    EXPECT_TRUE(branches) << branches.error().message;
    return *std::move(branches);
  }

  Model model_;
};

// Several sequences go on with one beginning: its rows are there once before and often after.
TEST_P(CachedRuns, SequencesShareABeginning) {
  const std::vector<TokenId> start = some_tokens(5, 8);
  std::vector<std::vector<TokenId>> whole;
  std::vector<Continuation> continuations;
  for (const int length : {1, 4, 2, 1, 3}) {
    const auto own = some_tokens(length, 20 + static_cast<unsigned>(whole.size()));
    continuations.push_back({0, 0, own});
    whole.push_back(start);
    whole.back().insert(whole.back().end(), own.begin(), own.end());
  }
  RunSettings settings;
  settings.backend = GetParam();
  settings.sites = "final_norm";
  const FullRun all = full_run(model_, whole, settings);
  std::vector<float> expected;
  for (int s = 0; s < 5; ++s) {
    const auto& values = all.sites.at(capture_key({kNoLayer, Site::final_norm}, s));
    const auto width = static_cast<std::ptrdiff_t>(model_.spec.dims.width);
    expected.insert(expected.end(), values.begin() + 5 * width, values.end());
  }
  Decoding decoding(model_, GetParam());
  decoding.begin(std::vector<std::vector<TokenId>>{start});
  EXPECT_TRUE(decoding.go_on(continuations) == expected);
  EXPECT_EQ(decoding.decoder_->kept(), 5);
  EXPECT_EQ(decoding.decoder_->length(1), 9);
}

// Edits whose rules look at a row alone: the same whether the row is computed with the whole
// sequence or behind it, beside branches that have other edits.
TEST_P(CachedRuns, EditsReachNewTokens) {
  const std::vector<std::pair<std::string, std::string>> edits = {
      {"early", "resid_post.0:0:3=zero"},
      {"everywhere", "resid_post.1:all:all=scale:0.5"},
      {"later", "embeddings:6-:all=const:1"},
      {"keys", "k.0:all:all=round:f16;v.1:7:all=zero"},
      {"ids", "resid_pre.1:id:5,id:21:all=scale:3;q.1:all:0-7=zero"},
      {"above", "mlp_act.0:above:0.2:all=clip:0.1"},
      {"tokens", "z.0:all:all=round:int8:token;final_norm:3-:all=scale:0.5"},
      {"nothing", "resid_post.0:100-200:all=zero"},
      {"hidden", "attn_scores.0:0:all=const:-1e9"},
      {"inside", "attn_probs.1:2,id:5:0=scale:0.25;attn_scores.1:5-:all=scale:2"},
  };
  const std::vector<TokenId> whole = {9, 3, 5, 31, 21, 5, 40, 21, 7, 5, 2};
  const BranchRun all = run_branches(model_, GetParam(), std::vector<std::vector<TokenId>>{whole},
                                     edits, {1000, 1000, 2});
  const auto width = static_cast<std::ptrdiff_t>(model_.spec.dims.width);
  const auto expected = [&](int first, int last) {
    std::vector<float> rows;
    for (const Captured& branch : all.sites) {
      const auto& values = branch.at(capture_key({kNoLayer, Site::final_norm}, 0));
      rows.insert(rows.end(), values.begin() + first * width, values.begin() + last * width);
    }
    return rows;
  };
  Decoding decoding(model_, GetParam());
  decoding.begin(std::vector<std::vector<TokenId>>{slice(whole, 0, 4)}, branches_of(edits));
  const auto continuations = [&](int first, int last) {
    std::vector<Continuation> out;
    for (int branch = 0; branch <= static_cast<int>(edits.size()); ++branch)
      out.push_back({branch, branch, slice(whole, first, last)});
    return out;
  };
  EXPECT_TRUE(decoding.go_on(continuations(4, 5)) == expected(4, 5));
  EXPECT_TRUE(decoding.go_on(continuations(5, 6)) == expected(5, 6));
  EXPECT_TRUE(decoding.go_on(continuations(6, 11)) == expected(6, 11));
}

// `largest` and patch belong to the beginning: what follows is computed from it without edits.
TEST_P(CachedRuns, RulesOfTheBeginningStayThere) {
  Decoding decoding(model_, GetParam());
  decoding.begin(std::vector<std::vector<TokenId>>{some_tokens(6, 2)},
                 branches_of({{"largest", "final_norm:largest:all=zero"},
                              {"patch", "final_norm:all:all=patch:unedited"},
                              {"all", "final_norm:all:all=zero"}}));
  const auto rows = decoding.go_on({{0, 0, {7}}, {1, 1, {7}}, {2, 2, {7}}, {3, 3, {7}}});
  const auto width = static_cast<std::size_t>(model_.spec.dims.width);
  ASSERT_EQ(rows.size(), 4 * width);
  for (std::size_t d = 0; d < width; ++d) {
    EXPECT_EQ(rows[width + d], rows[d]);
    EXPECT_EQ(rows[2 * width + d], rows[d]);
    EXPECT_EQ(rows[3 * width + d], 0);
  }
}

// A budget that holds one layer alone: every call packs the weights again.
TEST_P(CachedRuns, WeightsMayLeave) {
  const auto backend = shared_backend(GetParam(), {});
  ASSERT_TRUE(backend) << backend.error().message;
  ThreadPool pool(2);
  const auto metrics = prefix_metrics();
  std::vector<std::vector<float>> found;
  for (const std::uint64_t budget : {std::uint64_t{1} << 30, std::uint64_t{1}}) {
    ExecOptions options;
    options.weight_budget = budget;
    Executor executor(**backend, model_, pool, options, metrics);
    const std::vector<std::vector<TokenId>> start = {some_tokens(4, 2)};
    const auto prefixes = compute_prefixes(executor, **backend, model_, start, nullptr, nullptr);
    ASSERT_TRUE(prefixes) << prefixes.error().message;
    Decoder decoder(**backend, model_, executor.weights(), {}, {});
    const Prefix* const kept[] = {&(*prefixes)[0][0]};
    ASSERT_TRUE(decoder.keep(kept));
    const Continuation next[] = {{0, 0, {7, 8}}};
    const auto state = decoder.run(next);
    ASSERT_TRUE(state) << state.error().message;
    found.emplace_back(state->bytes / sizeof(float));
    ASSERT_TRUE((*backend)->wait(
        (*backend)->download(std::as_writable_bytes(std::span<float>(found.back())), *state, {})));
  }
  EXPECT_EQ(found[0], found[1]);
}

// All that a token asks of a device goes there together: the host waits for its row, and for the
// logits, however many tiles they come in.
TEST_P(CachedRuns, ATokenIsWaitedForOnce) {
  Decoding decoding(model_, GetParam());
  decoding.begin(std::vector<std::vector<TokenId>>{some_tokens(6, 2)});
  Backend& backend = *decoding.backend_;
  const auto head = Head::make(backend, model_, decoding.pool_, 16);
  ASSERT_TRUE(head) << head.error().message;
  decoding.go_on({{0, 0, {7}}});
  const BackendCounters start = backend.counters();
  const Continuation next[] = {{0, 0, {8}}};
  const auto state = decoding.decoder_->run(next);
  ASSERT_TRUE(state) << state.error().message;
  const BackendCounters ran = backend.counters();
  EXPECT_LE((ran - start).waits, 1U);
  const auto logits = (*head)->logits(*state, 1);
  ASSERT_TRUE(logits) << logits.error().message;
  const BackendCounters scored = backend.counters();
  EXPECT_LE((scored - ran).waits, 1U);
  const auto best = (*head)->arg_max(*state, 1);
  ASSERT_TRUE(best) << best.error().message;
  EXPECT_LE((backend.counters() - scored).waits, 3U);  // for what it starts from as well
  EXPECT_EQ((*best)[0], std::ranges::max_element(*logits) - logits->begin());
}

INSTANTIATE_TEST_SUITE_P(Backends, CachedRuns, testing::ValuesIn(decoder_backends()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tepui::test
