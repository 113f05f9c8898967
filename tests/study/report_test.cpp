// SPDX-License-Identifier: MIT
// What a user reads, held fixed: the finding, the table and the JSON document of planted scans.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "base/mapped_file.h"
#include "study/finding.h"
#include "study/scan_json.h"
#include "study/summary.h"
#include "study/table.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

using test::PlantedPlace;

ScanSummary planted_scan(int sequences, const std::vector<PlantedPlace>& places,
                         const SummaryOptions& options = {{}, 3}) {
  test::TemporaryFolder folder;
  const auto planted = test::plant(folder.path(), test::planted_input(sequences), places);
  EXPECT_TRUE(planted) << planted.error().message;
  auto store = StoreReader::open(folder.path());
  EXPECT_TRUE(store);
  auto scan = summarise(*store, options);
  EXPECT_TRUE(scan) << scan.error().message;
  return std::move(scan).value_or(ScanSummary{});
}

// Two massive channels at the first token in layers 1 and 2, one at the first delimiter in one
// sequence of three, and a channel that comes close.
std::vector<PlantedPlace> massive_model() {
  std::vector<PlantedPlace> places;
  for (int sequence = 0; sequence < 3; ++sequence) {
    const float step = static_cast<float>(sequence);
    places.push_back({sequence, {-1, Site::embeddings}, 0.02F, {{3, 1, 0.5F}, {2, 0, 0.25F}}});
    const auto add = [&](int layer, float median, std::vector<test::PlantedValue> values) {
      places.push_back({sequence, {layer, Site::resid_post}, median, std::move(values)});
    };
    for (const int layer : {0, 1})
      places.push_back({sequence, {layer, Site::attn_out}, 0.5F, {{5 + layer, 1, 2.0F + step}}});
    add(0, 1.25F, {{7, 2, -40.5F}, {5, 2, 30.0F}, {6, 1, 20.0F}});
    add(1, 1.5F, {{0, 5, -2800.25F}, {0, 9, 1400.0F + step}, {3, 9, 30.0F}});
    if (sequence == 1)
      add(2, 2.0F, {{0, 5, -3500.0F - step}, {2, 5, -2500.0F}, {0, 9, 1900.0F}});
    else
      add(2, 2.0F, {{0, 5, -3500.0F - step}, {0, 9, 1900.0F}, {3, 9, 30.0F}});
    add(3, 4.0F, {{0, 5, -1200.0F}, {0, 9, 300.0F}, {6, 1, 60.0F}});
    places.push_back({sequence, {-1, Site::final_norm}, 0.5F, {{5, 1, 12.0F}, {0, 5, 9.0F}}});
  }
  return places;
}

std::vector<PlantedPlace> quiet_model() {
  return {{0, {0, Site::resid_post}, 0.5F, {{5, 2, -6.5F}, {0, 1, 3.0F}}},
          {0, {1, Site::resid_post}, 0.75F, {{7, 4, 9.0F}, {0, 1, 3.0F}}}};
}

// The text of tests/data/study/<name>. With TEPUI_UPDATE_GOLDEN set the file is written anew.
void expect_golden(const std::string& text, const std::string& name) {
  const auto file = test::data_path("study/" + name);
  if (std::getenv("TEPUI_UPDATE_GOLDEN") != nullptr) test::write_file(file, text);
  const auto golden = read_file(file);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(text, *golden);
}

int widest_line(const std::string& text) {
  int widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    widest = std::max(widest, display_width(text.substr(at, end - at)));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return widest;
}

TEST(Finding, TellsWhereMassiveActivationsAreAndHowConstant) {
  const auto scan = planted_scan(3, massive_model());
  const auto text = finding(scan);
  expect_golden(text, "massive_finding.txt");
  EXPECT_NE(text.find("layers 1 and 2 (4 scanned), channel 5, "), std::string::npos);
  EXPECT_NE(text.find("the first delimiter (\".\")"), std::string::npos);
}

TEST(Finding, SaysHonestlyThatThereAreNone) {
  expect_golden(finding(planted_scan(1, quiet_model())), "quiet_finding.txt");
}

TEST(Finding, PointsSmallModelsToTheThresholds) {
  auto places = quiet_model();
  places[0].values[0].value = -62.0F;  // 124 times its median
  places[1].values[0].value = 70.0F;   // the largest, 93 times its own
  const auto text = finding(planted_scan(1, places));
  EXPECT_NE(text.find("The largest is 70.0, 93.3 times its sequence's median, at layer 1"),
            std::string::npos)
      << text;
  EXPECT_NE(
      text.find("By ratio alone the largest is -62.0, 124 times its sequence's median, at layer 0"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("both thresholds are options"), std::string::npos);
}

TEST(Finding, OneSequenceAndTheLastLayer) {
  const auto scan = planted_scan(1, {{0, {0, Site::mlp_out}, 0.5F, {{0, 1, 700.0F}}}});
  EXPECT_EQ(finding(scan),
            "Massive activations in mlp_out: layer 0 (1 scanned), channel 1, only at the first "
            "token (\"<s>\"), in the only sequence.\n"
            "They are largest in layer 0 (median 0.50): channel 1 is 700 at the first token (one "
            "value), 1400 times its sequence's median.\n"
            "They are there from the first layer scanned on, 0 (top-1 700), and stay to the last, "
            "0.\n");
}

TEST(Finding, TheLargestComeFirstAndLayersWithoutAreNamed) {
  const auto at = [](int layer, std::vector<test::PlantedValue> values) {
    return test::PlantedPlace{0, {layer, Site::mlp_out}, 0.01F, std::move(values)};
  };
  std::vector<test::PlantedValue> many;
  for (const auto& [channel, size] : {std::pair{7, 900.0F},
                                      {6, 800.0F},
                                      {5, 700.0F},
                                      {4, 600.0F},
                                      {3, 500.0F},
                                      {2, 400.0F},
                                      {1, 300.0F}})
    many.push_back({0, channel, size});
  const auto text = finding(planted_scan(
      1, {at(0, many), at(1, {{0, 1, 5.0F}}), at(2, {{0, 1, 5.0F}}), at(3, {{0, 1, 200.0F}})}));
  EXPECT_NE(text.find(": channel 7 is 900 at"), std::string::npos) << text;
  EXPECT_EQ(text.find("channel 1 is 300"), std::string::npos) << text;
  EXPECT_NE(text.find("and 1 more"), std::string::npos) << text;
  EXPECT_NE(text.find(", and are gone in layers 1 and 2, but back in the last, 3."),
            std::string::npos)
      << text;
}

TEST(Finding, SaysWhatIsMissing) {
  auto scan = planted_scan(3, massive_model());
  scan.finished = {0, 1};
  scan.massive.cuts.push_back({{2, Site::resid_post}, 1, 4, 9});
  scan.not_finite.push_back({{-1, Site::embeddings}, 0, "top_k", 3, 4, std::nanf("")});
  const auto text = finding(scan);
  EXPECT_NE(text.find("So far 2 of 3 sequences are scanned.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1 number is not finite and its place is not judged; the first is nan at "
                      "embeddings, sequence 0, position 3, channel 4.\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("cut short in 1 place (the first: 4 of 9 at resid_post of layer 2"),
            std::string::npos)
      << text;
}

TEST(Table, IsReadableWithAnyToken) {
  const auto scan = planted_scan(3, massive_model());
  expect_golden(table(scan), "massive_table.txt");
  expect_golden(table(scan, {80, Letters::ascii}), "massive_table_ascii.txt");
  for (const int columns : {72, 80, 100, 132}) {
    EXPECT_LE(widest_line(table(scan, {columns, Letters::unicode})), columns);
    EXPECT_LE(widest_line(table(scan, {columns, Letters::ascii})), columns);
  }
  for (const char letter : table(scan, {80, Letters::ascii})) ASSERT_GE(letter, 0);
}

TEST(Table, LongNumbersDoNotBreakTheWidth) {
  std::vector<PlantedPlace> places;
  for (int layer = 0; layer < 3; ++layer)
    places.push_back({0,
                      {layer, Site::resid_post},
                      1.234e-5F,
                      {{6, 123456, -7.81e5F}, {6, 123457, 7.8e5F}, {6, 123458, 7.7e5F}}});
  const auto scan = planted_scan(2, places);
  EXPECT_LE(widest_line(table(scan, {72, Letters::unicode})), 72) << table(scan, {72});
}

TEST(ScanJson, HasTheDocumentedShape) {
  const auto text = json_text(scan_json(planted_scan(3, massive_model())));
  expect_golden(text, "massive_scan.json");
  const auto document = nlohmann::json::parse(text);
  const auto& layer = document["layers"][4];
  EXPECT_EQ(layer["layer"], 1);
  EXPECT_EQ(layer["site"], "resid_post");
  EXPECT_EQ(layer["median"], 1.5);
  EXPECT_EQ(layer["top_mean"], nlohmann::json({2800.25, 1401.0, 30.0}));
  EXPECT_EQ(layer["top"][0]["value"], -2800.25);
  EXPECT_EQ(layer["top"][0]["sequence"], 0);  // ties go to the lowest sequence
  EXPECT_EQ(layer["top"][1]["sequence"], 1);
  EXPECT_TRUE(document["layers"][0]["layer"].is_null());
  EXPECT_EQ(document["layers"][0]["site"], "embeddings");
}

TEST(ScanJson, FloatsReadBackToTheSameFloat) {
  for (const float value : {0.1F, 1.0F / 3.0F, 123456.79F, 3.0e-40F, 1.0e30F, 16777217.0F}) {
    const auto scan = planted_scan(1, {{0, {0, Site::resid_post}, value, {{1, 1, -value}}, 0.5}},
                                   {{std::numeric_limits<double>::max(), 1}, 1});
    const auto text = json_text(scan_json(scan));
    const auto document = nlohmann::json::parse(text);
    EXPECT_EQ(document["layers"][0]["top"][0]["value"].get<float>(), -value);
    EXPECT_EQ(document["layers"][0]["median"].get<float>(), value);
  }
  const auto text = json_text(
      scan_json(planted_scan(1, {{0, {0, Site::resid_post}, 1.0F, {{1, 1, 0.1F}}, 0.05}})));
  EXPECT_NE(text.find("\"value\": 0.1,"), std::string::npos);
}

TEST(ScanJson, HoldsNoNanAndOnlyValidText) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto scan = planted_scan(1, {{0, {0, Site::resid_post}, 0.5F, {{6, 1, nan}, {7, 2, 3.0F}}}});
  scan.run.model = "bad \xff name";
  const auto text = json_text(scan_json(scan));
  const auto document = nlohmann::json::parse(text, nullptr, false);
  ASSERT_FALSE(document.is_discarded());
  const auto& top = document["layers"][0]["top"];
  EXPECT_TRUE(top[0]["value"].is_null());
  EXPECT_EQ(top[0]["token"], "\\xF0");
  EXPECT_EQ(top[0]["piece"], "<0xF0>");
  EXPECT_EQ(top[1]["token"], "\u202e\n\x01\U0001F600");
  ASSERT_EQ(document["errors"].size(), 1U);
  EXPECT_EQ(document["errors"][0]["value"], "nan");
  EXPECT_EQ(document["model"], "bad \\xFF name");
}

TEST(Table, ShowsAsManyTopValuesAsAskedWhereTheyFit) {
  const ScanSummary scan = planted_scan(3, massive_model(), {{}, 5});
  EXPECT_EQ(table(scan, {80, Letters::ascii}).find("top-4"), std::string::npos);
  ScanSummary many = scan;
  for (PointSummary& point : many.points)
    while (point.top_mean.size() < 8) point.top_mean.push_back(1);
  const std::string wide = table(many, {200, Letters::ascii});
  EXPECT_NE(wide.find("top-5"), std::string::npos) << wide;
  EXPECT_EQ(wide.find("top-6"), std::string::npos) << wide;
}

}  // namespace
}  // namespace tepui
