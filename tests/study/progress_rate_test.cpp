// SPDX-License-Identifier: MIT
// What a run says of how far it is: tokens, in every pass, whatever the executor counts by.
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "study/attention.h"
#include "study/generate.h"
#include "study/intervene.h"
#include "study/origin.h"
#include "support/cli_inputs.h"
#include "support/paths.h"

namespace tepui::test {
namespace {

constexpr std::int64_t kTokens = 9;  // of all sequences

// The last that each pass told: tokens done, and in all.
class PassEnds {
 public:
  RunProgress callbacks() {
    RunProgress progress;
    progress.stage = [this](const std::string& name) { pass_ = name; };
    progress.advance = [this](std::int64_t done, std::int64_t total) {
      ends_[pass_] = {done, total};
    };
    return progress;
  }
  std::pair<std::int64_t, std::int64_t> of(const std::string& pass) const {
    const auto found = ends_.find(pass);
    return found == ends_.end() ? std::pair<std::int64_t, std::int64_t>{-1, -1} : found->second;
  }

 private:
  std::string pass_;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> ends_;
};

class ProgressRate : public testing::Test {
 protected:
  template <class Request>
  Request request() {
    write_file(folder_.path() / "ids.json", "[[1, 2, 3, 4], [5, 6, 7, 8, 9]]");
    Request request;
    request.model = kTiny;
    request.corpus.ids = folder_.path() / "ids.json";
    request.backend = "cpu";
    request.threads = 1;
    request.rule = {0.1, 1.1};
    return request;
  }
  void expect_whole(const PassEnds& ends, const std::string& pass) {
    EXPECT_EQ(ends.of(pass), (std::pair{kTokens, kTokens})) << pass;
  }
  TemporaryFolder folder_;
};

TEST_F(ProgressRate, OfACalibration) {
  auto own = request<InterveneRequest>();
  own.out = folder_.path() / "out";
  own.branches = {{"", "resid_post.massive:massive:massive=zero"}};
  PassEnds ends;
  const auto outcome = run_intervene(own, ends.callbacks());
  ASSERT_TRUE(outcome) << outcome.error().message;
  expect_whole(ends, "calibration");
  expect_whole(ends, "intervene");
}

TEST_F(ProgressRate, OfTheLookForMassiveTokens) {
  auto attention = request<AttentionRequest>();
  attention.out = folder_.path() / "attention";
  PassEnds ends;
  const auto outcome = run_attention(attention, ends.callbacks());
  ASSERT_TRUE(outcome) << outcome.error().message;
  expect_whole(ends, "massive tokens");
  auto origin = request<OriginRequest>();
  origin.out = folder_.path() / "origin";
  const auto found = run_origin(origin, ends.callbacks());
  ASSERT_TRUE(found) << found.error().message;
  expect_whole(ends, "massive activations");
}

// Two prompts of other lengths, in two branches.
TEST_F(ProgressRate, OfWrittenTexts) {
  auto own = request<GenerateRequest>();
  own.options.max_tokens = 3;
  own.ignore_stops = true;
  own.branches = {{"", "resid_post.0:0:0=zero"}};
  PassEnds ends;
  const auto result = run_generate(own, ends.callbacks());
  ASSERT_TRUE(result) << result.error().message;
  std::int64_t written = 0;
  for (const ContinuedPrompt& prompt : result->prompts)
    for (const ContinuedText& text : prompt.branches)
      written += static_cast<std::int64_t>(text.generated.ids.size());
  EXPECT_EQ(written, 12);
  EXPECT_EQ(ends.of("generate"), (std::pair{written, written}));
}

}  // namespace
}  // namespace tepui::test
