// SPDX-License-Identifier: MIT
// The data that a report draws, held fixed as text for a planted scan, and checked number by number
// where a figure could mislead.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/mapped_file.h"
#include "report/report_data.h"
#include "support/matrix_store.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

constexpr int kTokens = 8;
constexpr int kChannels = 6;

// Small values that differ everywhere, and the planted ones.
std::vector<float> activations(int sequence, int layer, float massive) {
  std::vector<float> x(std::size_t{kTokens} * kChannels);
  for (std::size_t at = 0; at < x.size(); ++at)
    x[at] = (at % 2 == 0 ? 0.5F : -0.5F) +
            0.01F * static_cast<float>(at) * static_cast<float>(layer + 1);
  x[5] = -massive;                                             // first token, channel 5
  if (massive > 100) x[2 * kChannels + 5] = -2 * massive / 3;  // the first delimiter
  x[3 * kChannels + 1] = 9.5F + static_cast<float>(sequence);
  return x;
}

nlohmann::json identity() {
  auto identity = test::planted_identity();
  identity["surface"] = 1;
  identity["isa"] = "avx2";
  return identity;
}

// Layers 0 to 2 of resid_post, massive in 1 and 2, and embeddings; the first of two sequences with
// surfaces.
void plant(const std::filesystem::path& folder, const RunInfo& run = test::planted_run(),
           bool has_bos = true) {
  auto store = StoreWriter::open_or_create(folder, identity(), run);
  ASSERT_TRUE(store) << store.error().message;
  auto input = test::planted_input(2);
  for (SequenceRow& row : input.sequences) row.has_bos = has_bos;
  ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
  ASSERT_TRUE(store->begin_unit(0, 2));
  for (int sequence = 0; sequence < 2; ++sequence) {
    const test::MatrixOptions options{4, 10, sequence == 0};
    const float step = static_cast<float>(sequence);
    const auto add = [&](Point point, float massive) {
      const auto x = activations(sequence, std::max(point.layer, 0), massive);
      EXPECT_TRUE(test::add_matrix(*store, sequence, point, x, kChannels, options));
    };
    add({kNoLayer, Site::embeddings}, 1.5F);
    add({0, Site::resid_post}, 3.0F);
    add({1, Site::resid_post}, 2800.25F + step);
    add({2, Site::resid_post}, 3500.0F + step);
  }
  ASSERT_TRUE(store->end_unit());
  ASSERT_TRUE(store->finish());
}

ReportSource opened(const std::filesystem::path& folder, const MassiveRule& rule = {}) {
  auto source = open_report_source(folder.string(), rule);
  EXPECT_TRUE(source) << source.error().message;
  return *std::move(source);
}

ChartJson data_of(const std::filesystem::path& folder, const ReportBudget& budget = {},
                  const MassiveRule& rule = {}) {
  std::vector<ReportSource> sources;
  sources.push_back(opened(folder, rule));
  for (RunRecord& run : sources[0].runs)
    run.started = "2026-01-02T03:04:05Z", run.finished = "2026-01-02T03:04:06Z";
  sources[0].folder = "scan";
  auto data = report_data(sources, budget);
  EXPECT_TRUE(data) << data.error().message;
  return *std::move(data);
}

class ReportData : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
};

// One line a member, arrays of numbers on one line.
std::string readable(const ChartJson& value, int depth = 0) {
  const bool is_flat =
      !value.is_structured() ||
      (value.is_array() && std::none_of(value.begin(), value.end(), [](const ChartJson& element) {
         return element.is_structured();
       }));
  if (is_flat) return value.dump(-1, ' ', false, ChartJson::error_handler_t::strict);
  const std::string indent(static_cast<std::size_t>(depth) + 1, ' ');
  std::string text = value.is_array() ? "[\n" : "{\n";
  std::size_t left = value.size();
  for (const auto& item : value.items()) {
    text += indent;
    if (value.is_object()) text += ChartJson(item.key()).dump() + ": ";
    text += readable(item.value(), depth + 1) + (--left > 0 ? ",\n" : "\n");
  }
  return text + indent.substr(1) + (value.is_array() ? "]" : "}");
}

// The text of tests/data/report/<name>. With TEPUI_UPDATE_GOLDEN set the file is written anew.
void expect_golden(const std::string& text, const std::string& name) {
  const auto file = test::data_path("report/" + name);
  if (std::getenv("TEPUI_UPDATE_GOLDEN") != nullptr) test::write_file(file, text);
  const auto golden = read_file(file);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(text, *golden);
}

TEST_F(ReportData, IsAPureFunctionOfTheStore) {
  plant(folder_.path());
  const ChartJson data = data_of(folder_.path());
  expect_golden(readable(data) + "\n", "planted_report.json");
  EXPECT_EQ(data, data_of(folder_.path()));
}

TEST_F(ReportData, TokensAreSpelledSoThatNothingHides) {
  plant(folder_.path());
  const ChartJson tokens = data_of(folder_.path())["runs"][0]["tokens"];
  EXPECT_EQ(tokens["13"]["text"], "\"<script>\\\"'&\\\\\"");
  EXPECT_EQ(tokens["14"]["text"], "\"\\xF0\"");
  EXPECT_EQ(tokens["15"]["text"], "\"\\u{202E}\\n\\u{1}\U0001F600\"");
}

TEST_F(ReportData, TokenStatisticsCountEveryOccurrence) {
  plant(folder_.path());
  const ChartJson site = data_of(folder_.path())["runs"][0]["sites"][1];
  ASSERT_EQ(site["site"], "resid_post");
  const ChartJson& layer = site["tokens"]["layers"][2];
  const ChartJson& first = layer["rows"][0];
  EXPECT_EQ(layer["distinct"], 7);
  EXPECT_EQ(first["token"], 1);
  EXPECT_EQ(first["occurrences"], 2);
  EXPECT_EQ(first["mean"], 3500.5);
  EXPECT_NEAR(first["deviation"].get<double>(), std::sqrt(0.5), 1e-6);
  EXPECT_EQ(first["value"], -3501);
  EXPECT_EQ(first["massive"], 2);
  EXPECT_EQ(first["massive_mean"], -3500.5);
  // "." stands at two positions, and only the first holds a massive value.
  const ChartJson& dot = layer["rows"][1];
  EXPECT_EQ(dot["token"], 11);
  EXPECT_EQ(dot["occurrences"], 4);
  EXPECT_EQ(dot["massive"], 2);
}

TEST_F(ReportData, ALifeIsTheActivationItselfOrABound) {
  plant(folder_.path());
  const ChartJson lives = data_of(folder_.path())["runs"][0]["sites"][1]["life"]["lives"];
  const ChartJson& life = lives[0];
  EXPECT_EQ(life["channel"], 5);
  EXPECT_EQ(life["position"], 0);
  EXPECT_EQ(life["sequence"], 1);
  EXPECT_EQ(life["values"], ChartJson({-3, -2801.25, -3501}));
  EXPECT_EQ(life["bounds"], ChartJson({nullptr, nullptr, nullptr}));
  for (const ChartJson& other : lives)
    for (std::size_t layer = 0; layer < 3; ++layer)
      EXPECT_NE(other["values"][layer].is_null(), other["bounds"][layer].is_null());
}

// The activation at a place that is neither its channel's nor its token's largest is not known, and
// must not be drawn as if it were.
TEST_F(ReportData, WhatTheStoreDoesNotTellIsABound) {
  auto store = StoreWriter::open_or_create(folder_.path(), identity(), test::planted_run());
  ASSERT_TRUE(store);
  const auto input = test::planted_input(1);
  ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
  ASSERT_TRUE(store->begin_unit(0, 1));
  for (int layer = 0; layer < 2; ++layer) {
    std::vector<float> x(std::size_t{kTokens} * kChannels, 0.25F);
    x[5] = layer == 0 ? 0.75F : 900.0F;
    if (layer == 0) x[0] = 8.0F, x[2 * kChannels + 5] = 7.0F;
    ASSERT_TRUE(test::add_matrix(*store, 0, {layer, Site::resid_post}, x, kChannels, {2, 100}));
  }
  ASSERT_TRUE(store->end_unit());
  ASSERT_TRUE(store->finish());
  const ChartJson life = data_of(folder_.path())["runs"][0]["sites"][0]["life"]["lives"][0];
  EXPECT_EQ(life["channel"], 5);
  EXPECT_EQ(life["values"], ChartJson({nullptr, 900}));
  EXPECT_EQ(life["bounds"], ChartJson({7, nullptr}));
}

TEST_F(ReportData, ThinningKeepsPeaksAndSaysWhatIsLeftOut) {
  plant(folder_.path());
  ReportBudget budget;
  budget.places = 1;
  budget.token_rows = 1;
  budget.surfaces = 1;
  const ChartJson data = data_of(folder_.path(), budget);
  const ChartJson& site = data["runs"][0]["sites"][1];
  EXPECT_EQ(site["surfaces"]["all"].size(), 1U);
  EXPECT_EQ(site["surfaces"]["left_out"], 2);
  EXPECT_EQ(site["tokens"]["layers"][0]["rows"].size(), 3U);
  EXPECT_EQ(site["tokens"]["layers"][0]["distinct"], 7);
  const ChartJson& channels = site["places"]["by_channel"];
  const ChartJson whole = data_of(folder_.path())["runs"][0]["sites"][1]["places"]["by_channel"];
  EXPECT_EQ(whole["left_out"], 0);
  EXPECT_EQ(channels["value"].size() + channels["left_out"].get<std::size_t>(),
            whole["value"].size());
}

TEST_F(ReportData, AnotherRuleMarksOtherValues) {
  plant(folder_.path());
  const ChartJson strict = data_of(folder_.path(), {}, {3400, 1000});
  EXPECT_EQ(strict["runs"][0]["sites"][1]["curves"]["massive_sequences"], ChartJson({0, 0, 2}));
  EXPECT_EQ(strict["runs"][0]["rule"]["min_abs"], 3400);
}

TEST_F(ReportData, RunsAreNamedByWhatTellsThemApart) {
  plant(folder_.path() / "a");
  plant(folder_.path() / "b", test::planted_run(), false);
  RunInfo other = test::planted_run();
  other.model = "large";
  other.text = "texts/book.txt, x/y.txt";
  plant(folder_.path() / "c", other);
  const auto labels = [&](std::vector<std::string> names) {
    std::vector<ReportSource> sources;
    for (const auto& name : names) sources.push_back(opened(folder_.path() / name));
    return source_labels(sources);
  };
  using Labels = std::vector<std::string>;
  EXPECT_EQ(labels({"a"}), Labels{"tiny"});
  EXPECT_EQ(labels({"a", "b"}), (Labels{"tiny, with BOS", "tiny, without BOS"}));
  EXPECT_EQ(labels({"a", "c"}), (Labels{"tiny, sample.txt", "large, book.txt, y.txt"}));
  const auto twice = labels({"a", "a"});
  EXPECT_NE(twice[0], twice[1]);
}

TEST_F(ReportData, MalformedSeriesAreNamed) {
  auto store = StoreWriter::open_or_create(folder_.path(), identity(), test::planted_run());
  ASSERT_TRUE(store);
  const auto input = test::planted_input(1);
  ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
  ASSERT_TRUE(store->begin_unit(0, 1));
  const Point point{0, Site::resid_post};
  ASSERT_TRUE(test::add_matrix(*store, 0, point, activations(0, 0, 3), kChannels, {4, 10, false}));
  const std::vector<float> short_surface(5, 1.0F);
  ASSERT_TRUE(store->add(Series{0, point, "surface", short_surface, {}}));
  ASSERT_TRUE(store->end_unit());
  ASSERT_TRUE(store->finish());
  std::vector<ReportSource> sources;
  sources.push_back(opened(folder_.path()));
  const auto data = report_data(sources);
  ASSERT_FALSE(data);
  EXPECT_NE(data.error().message.find("surface of resid_post, layer 0, sequence 0: expected 48 "
                                      "cells, found 5"),
            std::string::npos)
      << data.error().message;
}

}  // namespace
}  // namespace tepui
