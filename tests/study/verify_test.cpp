// SPDX-License-Identifier: MIT
// Verification of backends: those that are right agree, and a kernel that is wrong in one element
// is found at its step, by name.
#include "study/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "study/verify_report.h"
#include "support/corrupting_backend.h"
#include "support/run_model.h"
#include "support/verify_model.h"

namespace tepui::test {
namespace {

std::unique_ptr<Backend> wrong(const std::string& name, Corruption corruption) {
  return std::make_unique<CorruptingBackend>(open_backend(name), std::move(corruption));
}

std::set<std::string> ops_of(const Verification& verification) {
  std::set<std::string> names;
  for (const VerifiedOp& op : verification.ops) names.insert(op.op);
  return names;
}

class Verify : public testing::TestWithParam<std::string> {};

TEST_P(Verify, BackendsAgreeOnEveryOpOfAModel) {
  const std::string other = GetParam() == "cpu" ? "reference" : "cpu";
  const Verification found = verify_tiny(open_backend(GetParam()), open_backend(other), "all");
  EXPECT_TRUE(found.agrees()) << verification_text(found, Letters::ascii);
  EXPECT_FALSE(found.first_deviation);
  EXPECT_TRUE(verdict(found));
  EXPECT_GT(found.steps, 240);
  const std::set<std::string> expected = {
      "embed",   "rms_norm",      "linear",          "rope",          "attention",
      "act_mul", "add",           "top_k_abs",       "quantile_abs",  "above_abs",
      "l2_norm", "cast",          "channel_max_abs", "token_max_abs", "cross_entropy",
      "arg_max", "whole programs"};
  for (const std::string& op : expected) EXPECT_EQ(ops_of(found).count(op), 1U) << op;
  for (const VerifiedOp& op : found.ops) {
    EXPECT_GT(op.steps, 0) << op.op;
    EXPECT_GT(op.values, 0) << op.op;
    EXPECT_LE(op.first, 1) << op.op;
    EXPECT_LE(op.second, 1) << op.op;
    EXPECT_TRUE(!op.exact || op.first == 0) << op.op;
  }
  // Rounding shows somewhere, or nothing was compared.
  const auto linear = std::ranges::find(found.ops, "linear", &VerifiedOp::op);
  EXPECT_GT(linear->first, 0);
  EXPECT_EQ(linear->exact, false);
}

TEST_P(Verify, AWrongElementIsFoundAtItsStep) {
  struct Case {
    std::string value, op;
    int time, layer;
    std::int64_t element, sequence, position, channel;
  };
  // Sequences have 7 and 4 tokens; D = 32, F = 40.
  const Case cases[] = {
      {"mlp_pre", "linear", 1, 1, 8 * 40 + 5, 1, 1, 5},
      {"attn_in", "rms_norm", 0, 0, 3 * 32 + 31, 0, 3, 31},
      {"z", "attention", 1, 1, 6 * 32, 0, 6, 0},
      {"q", "rope", 0, 0, 10 * 32 + 1, 1, 3, 1},
      {"final_norm", "rms_norm", 0, kNoLayer, 2 * 32 + 2, 0, 2, 2},
      {"top_k.index", "top_k_abs", 1, 1, 33, 1, -1, 1},
      {"l2_norm", "l2_norm", 0, 0, 10, 1, 3, -1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value);
    const Corruption corruption{c.value, c.element, c.time};
    const Verification found = verify_tiny(open_backend("cpu"), wrong(GetParam(), corruption));
    EXPECT_EQ(found.deviating, 1);
    ASSERT_TRUE(found.first_deviation);
    const StepDeviation& d = *found.first_deviation;
    EXPECT_EQ(d.op, c.op);
    EXPECT_EQ(d.value, c.value);
    EXPECT_EQ(d.layer, c.layer);
    EXPECT_EQ(d.sequence, c.sequence);
    EXPECT_EQ(d.position, c.position);
    EXPECT_EQ(d.channel, c.channel);
    EXPECT_EQ(d.element, c.element);
    EXPECT_TRUE(d.second_left);
    EXPECT_FALSE(d.first_left);
    EXPECT_NE(d.second, d.reference);
    const Status status = verdict(found);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find(c.op), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().message.find(c.value), std::string::npos) << status.error().message;
  }
}

// The smallest difference that a selection can have.
TEST_P(Verify, OneBitOfASelectionIsEnough) {
  const Corruption corruption{"quantile", 3, 1, false, 1};
  const Verification found = verify_tiny(open_backend("cpu"), wrong(GetParam(), corruption));
  ASSERT_TRUE(found.first_deviation) << verification_text(found, Letters::ascii);
  EXPECT_EQ(found.first_deviation->op, "quantile_abs");
  EXPECT_EQ(found.first_deviation->bound, 0);
}

// The first backend may be the wrong one; what follows is still compared on its values.
TEST_P(Verify, TheFirstBackendIsHeldToItsBoundsAsWell) {
  const Corruption corruption{"mlp_in", 40, 0};
  const Verification found = verify_tiny(wrong(GetParam(), corruption), nullptr);
  ASSERT_TRUE(found.first_deviation);
  EXPECT_EQ(found.first_deviation->value, "mlp_in");
  EXPECT_EQ(found.first_deviation->layer, 0);
  EXPECT_TRUE(found.first_deviation->first_left);
  EXPECT_FALSE(found.first_deviation->whole);
}

// Steps are right one by one, their fused whole is not.
TEST_P(Verify, AWholeProgramThatDiffersFromItsStepsIsFound) {
  const Corruption corruption{"resid_post", 70, 1, true, 1};
  const Verification found = verify_tiny(wrong(GetParam(), corruption), open_backend("cpu"));
  ASSERT_TRUE(found.first_deviation);
  EXPECT_TRUE(found.first_deviation->whole);
  EXPECT_EQ(found.first_deviation->value, "resid_post");
  EXPECT_EQ(found.first_deviation->layer, 1);
  EXPECT_EQ(found.first_deviation->sequence, 0);
  EXPECT_EQ(found.first_deviation->position, 2);
  EXPECT_EQ(found.first_deviation->channel, 6);
}

std::vector<std::string> verified_backends() {
  auto names = model_backends();
  std::erase(names, "reference");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, Verify, testing::ValuesIn(verified_backends()),
                         [](const auto& info) { return info.param; });

TEST(VerifyReport, NamesStepPlaceValuesAndBound) {
  const Corruption corruption{"mlp_pre", 8 * 40 + 5, 1};
  const Verification found = verify_tiny(open_backend("cpu"), wrong("cpu", corruption));
  const std::string text = verification_text(found, Letters::ascii);
  const StepDeviation& d = *found.first_deviation;
  for (const std::string& part :
       {std::string("First deviation: layer 1, step "),
        std::string(": mlp_pre = linear(mlp_in, gate)\n"),
        std::string("sequence 1, token 1 \"<id 7>\", channel 5"), fmt::format("{:.9g}", d.second),
        fmt::format("{:.9g}", d.reference), std::string("off by"), std::string("bound"),
        std::string("do not agree: 1 step left its bound")})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in:\n" << text;
  const auto json = verification_json(found);
  EXPECT_EQ(json["agrees"], false);
  EXPECT_EQ(json["deviating"], 1);
  EXPECT_EQ(json["first_deviation"]["layer"], 1);
  EXPECT_EQ(json["first_deviation"]["op"], "linear");
  EXPECT_EQ(json["first_deviation"]["value"], "mlp_pre");
  EXPECT_EQ(json["first_deviation"]["channel"], 5);
  EXPECT_EQ(json["first_deviation"]["second"], d.second);
  EXPECT_EQ(json["first_deviation"]["second_left"], true);
}

TEST(VerifyPair, SaysWhichBackendsAuto) {
  const auto names = backend_names();
  const bool device = std::ranges::count(names, "vulkan") > 0;
  EXPECT_EQ(choose_pair("auto", "auto").first, device ? "vulkan" : "cpu");
  EXPECT_EQ(choose_pair("auto", "auto").second, device ? "cpu" : "reference");
  EXPECT_EQ(choose_pair("cpu", "auto").second, device ? "vulkan" : "reference");
  EXPECT_EQ(choose_pair("vulkan:1", "auto").second, "cpu");
  EXPECT_EQ(choose_pair("auto", "reference").first, "cpu");
  EXPECT_EQ(choose_pair("vulkan", "reference").second, "reference");
}

}  // namespace
}  // namespace tepui::test
