// SPDX-License-Identifier: MIT
// What `tepui show` prints of a small store with known values, hostile tokens and a hostile model
// name: held fixed as text, within any width, in ASCII, with and without colours.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <regex>

#include "base/mapped_file.h"
#include "show/log_axis.h"
#include "show/show.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

using test::TemporaryFolder;

constexpr int kTokens = 8;
constexpr int kChannels = 6;
constexpr int kLayers = 4;

// Small ordinary values of both signs; a massive one at the first token in channel 4 of layers 1
// and 2, and one at the token of byte F0 (position 6) in channel 1 of layer 2.
std::vector<float> activations(int sequence, int layer) {
  std::vector<float> x(kTokens * kChannels);
  for (int t = 0; t < kTokens; ++t)
    for (int c = 0; c < kChannels; ++c) {
      const int mixed = (t * 7 + c * 5 + layer * 3 + sequence) % 11;
      x[static_cast<std::size_t>(t * kChannels + c)] =
          static_cast<float>(mixed - 5) * 0.25F + 0.125F;
    }
  const auto at = [&](int t, int c) -> float& {
    return x[static_cast<std::size_t>(t * kChannels + c)];
  };
  const float step = static_cast<float>(sequence);
  at(0, 4) = layer == 0 ? 20.0F : layer == 3 ? 90.0F : -2000.0F - 10.0F * step;
  if (layer == 2) at(6, 1) = 1500.0F + step;
  return x;
}

test::PlantedPlace place_of(int sequence, int layer, const std::vector<float>& x) {
  test::PlantedPlace place;
  place.sequence = sequence;
  place.point = {layer, Site::resid_post};
  std::vector<float> sizes;
  for (int i = 0; i < kTokens * kChannels; ++i) {
    const float value = x[static_cast<std::size_t>(i)];
    sizes.push_back(std::abs(value));
    place.values.push_back({i / kChannels, i % kChannels, value});
  }
  std::sort(sizes.begin(), sizes.end());
  place.median = sizes[(sizes.size() - 1) / 2];
  std::stable_sort(place.values.begin(), place.values.end(), [](const auto& a, const auto& b) {
    return std::abs(a.value) > std::abs(b.value);
  });
  place.values.resize(8);
  return place;
}

Status add_series(RowSink& sink, int sequence, int layer, const std::vector<float>& x) {
  std::vector<float> by_channel(kChannels, 0.0F), by_token(kTokens, 0.0F);
  std::vector<std::uint32_t> positions(kChannels), channels(kTokens);
  for (std::uint32_t t = 0; t < kTokens; ++t)
    for (std::uint32_t c = 0; c < kChannels; ++c) {
      const float value = x[t * kChannels + c];
      if (std::abs(value) > std::abs(by_channel[c])) by_channel[c] = value, positions[c] = t;
      if (std::abs(value) > std::abs(by_token[t])) by_token[t] = value, channels[t] = c;
    }
  const Point point{layer, Site::resid_post};
  TEPUI_TRY(sink.add(Series{sequence, point, "channel_max", by_channel, positions}));
  return sink.add(Series{sequence, point, "token_max", by_token, channels});
}

Status plant_scan(const std::filesystem::path& folder, int sequences, float scale = 1.0F) {
  RunInfo run = test::planted_run();
  run.model = "tiny\x1b[2J\u202e";
  run.options = R"({"command":"tepui scan 'my model' --text sample.txt --out runs/a"})";
  TEPUI_TRY(auto store, StoreWriter::open_or_create(folder, test::planted_identity(), run));
  const auto input = test::planted_input(sequences);
  TEPUI_TRY(store.write_input(input.sequences, input.vocabulary));
  for (int sequence = 0; sequence < sequences; ++sequence) {
    TEPUI_TRY(store.begin_unit(sequence, sequence + 1));
    for (int layer = 0; layer < kLayers; ++layer) {
      std::vector<float> x = activations(sequence, layer);
      for (float& value : x) value *= std::abs(value) > 10 ? scale : 1.0F;
      TEPUI_TRY(test::add_place(store, place_of(sequence, layer, x)));
      TEPUI_TRY(add_series(store, sequence, layer, x));
    }
    TEPUI_TRY(store.end_unit());
  }
  return store.finish();
}

class Show : public testing::Test {
 protected:
  Show() {
    EXPECT_TRUE(plant_scan(folder_.path() / "a", 3));
    EXPECT_TRUE(plant_scan(folder_.path() / "b", 2, 0.25F));
  }

  Result<std::string> shown(const std::vector<std::string>& names, const ShowOptions& options,
                            const Style& style) {
    std::vector<ShownStore> stores;
    for (const std::string& name : names) {
      TEPUI_TRY(StoreReader reader, StoreReader::open(folder_.path() / name));
      stores.push_back({name, std::move(reader)});
    }
    return show(stores, options, style);
  }
  std::string text(const std::vector<std::string>& names, const ShowOptions& options = {},
                   const Style& style = {}) {
    auto page = shown(names, options, style);
    EXPECT_TRUE(page) << page.error().message;
    return page.value_or("");
  }

  TemporaryFolder folder_;
};

// The times of the run are those of the test.
std::string without_times(const std::string& text) {
  return std::regex_replace(text, std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z"), "TIME");
}

// The text of tests/data/show/<name>. With TEPUI_UPDATE_GOLDEN set the file is written anew.
void expect_golden(const std::string& text, const std::string& name) {
  const auto file = test::data_path("show/" + name);
  if (std::getenv("TEPUI_UPDATE_GOLDEN") != nullptr) test::write_file(file, text);
  const auto golden = read_file(file);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(text, *golden);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

TEST_F(Show, AScanInEveryPart) {
  expect_golden(without_times(text({"a"})), "scan.txt");
  expect_golden(without_times(text({"a"}, {}, {48, Letters::ascii, false})), "scan_ascii_48.txt");
}

TEST_F(Show, ScansSideBySide) { expect_golden(without_times(text({"a", "b"})), "compare.txt"); }

TEST_F(Show, FitsEveryWidth) {
  ShowOptions all;
  all.sections = {std::begin(kShowSections), std::end(kShowSections)};
  all.sections.erase("branches");  // scans have none
  for (const Letters letters : {Letters::unicode, Letters::ascii})
    for (const int columns : {24, 30, 40, 60, 72, 80, 100, 132, 200})
      for (const std::string& line : lines_of(text({"a", "b"}, all, {columns, letters, false})))
        EXPECT_LE(display_width(line), columns) << line;
}

TEST_F(Show, NothingThatATerminalWouldObey) {
  for (const Letters letters : {Letters::unicode, Letters::ascii}) {
    const std::string page =
        text({"a", "b"}, {}, {80, letters, false}) + text({"a"}, {}, {80, letters, false});
    for (const char letter : page) {
      if (letter == '\n') continue;
      ASSERT_GE(static_cast<unsigned char>(letter), 0x20) << page;
      ASSERT_NE(letter, '\x7f');
      ASSERT_TRUE(letters == Letters::unicode || letter >= 0) << page;
    }
    EXPECT_EQ(page.find("\u202e"), std::string::npos);
    EXPECT_NE(page.find("tiny\\u{1B}[2J\\u{202E}"), std::string::npos) << page;
    EXPECT_NE(page.find("\"\\xF0\""), std::string::npos) << page;
  }
}

TEST_F(Show, ColoursOnlyRepeatTheLetters) {
  const std::string plain = text({"a"});
  const std::string colourful = text({"a"}, {}, {80, Letters::unicode, true});
  EXPECT_NE(plain, colourful);
  EXPECT_EQ(std::regex_replace(colourful, std::regex("\x1b\\[[0-9;]*m"), ""), plain);
}

TEST_F(Show, OnlyWhatWasAskedFor) {
  ShowOptions options;
  options.sections = {"layers"};
  options.layers = *parse_layers("1-2");
  options.parts = {true, false};
  const auto lines = lines_of(text({"a"}, options));
  ASSERT_EQ(lines.size(), 5U) << text({"a"}, options);
  EXPECT_EQ(lines[3].substr(0, 6), "    1 ");
  EXPECT_EQ(lines[4].substr(0, 6), "    2 ");
  options.parts = {false, true};
  EXPECT_EQ(text({"a"}, options).find("median  top-1"), std::string::npos);
  options.sections = {"tokens"};
  options.parts = {true, false};
  const std::string tokens = text({"a"}, options);
  EXPECT_NE(tokens.find("\"<s>\""), std::string::npos) << tokens;
  EXPECT_EQ(tokens.find("Largest values"), std::string::npos) << tokens;
}

TEST_F(Show, TheLifeOfTheChannelThatWasAskedFor) {
  ShowOptions options;
  options.sections = {"life"};
  const std::string own = text({"a"}, options);
  EXPECT_NE(own.find("Life of channel 4 of resid_post in sequence 2"), std::string::npos) << own;
  options.sequence = 1;
  options.channel = 1;
  const std::string asked = text({"a"}, options);
  EXPECT_NE(asked.find("Life of channel 1 of resid_post in sequence 1"), std::string::npos);
  EXPECT_NE(asked.find("largest at layer 2, position 6 (\"\\xF0\")"), std::string::npos) << asked;
  options.channel = 6;
  EXPECT_NE(shown({"a"}, options, {}).error().message.find("channels 0 to 5"), std::string::npos);
  options.sequence = 3;
  EXPECT_EQ(shown({"a"}, options, {}).error().kind, ErrorKind::usage);
}

TEST_F(Show, WhatIsNotThereIsAnError) {
  ShowOptions options;
  options.site = Site::mlp_out;
  EXPECT_NE(shown({"a"}, options, {}).error().message.find("expected one of resid_post"),
            std::string::npos);
  options.site = std::nullopt;
  options.layers = *parse_layers("1,2-9");  // not dropped beside those that are there
  EXPECT_EQ(shown({"a"}, options, {}).error().message,
            "--layers: expected those where resid_post was scanned, 0-3, found 4");
  options.layers.clear();
  options.sections = {"layers", "branches"};
  EXPECT_NE(shown({"a"}, options, {}).error().message.find("--only asks for as branches"),
            std::string::npos);
  options.sections = {"layers"};
  options.channel = 1;
  EXPECT_NE(shown({"a"}, options, {}).error().message.find("--only life"), std::string::npos);
  for (const char* wrong : {"", "x", "3-1", "1,", "-1", "1-", "1 2"})
    EXPECT_FALSE(parse_layers(wrong)) << wrong;
}

TEST_F(Show, WithoutSeriesTheOtherPartsRemain) {
  ASSERT_TRUE(test::plant(folder_.path() / "bare", test::planted_input(1),
                          {{0, {0, Site::resid_post}, 0.5F, {{5, 2, -6.5F}, {0, 1, 3.0F}}}}));
  const std::string page = text({"bare"});
  EXPECT_NE(page.find("Largest values of resid_post"), std::string::npos);
  EXPECT_EQ(page.find("Where the largest"), std::string::npos);
  EXPECT_EQ(page.find("Life of"), std::string::npos);
  EXPECT_NE(page.find("None is massive by this rule"), std::string::npos) << page;
}

TEST(LogAxisTest, PlacesValuesBetweenPowersOfTen) {
  LogAxis axis(31);
  EXPECT_TRUE(axis.empty());
  EXPECT_FALSE(axis.at(1));
  axis.include(1);
  axis.include(1000);
  axis.include(-5);
  axis.include(0);
  axis.include(std::nan(""));
  EXPECT_EQ(axis.at(1), 0);
  EXPECT_EQ(axis.at(10), 10);
  EXPECT_EQ(axis.at(1000), 30);
  EXPECT_FALSE(axis.at(0));
  EXPECT_FALSE(axis.at(HUGE_VAL));
  EXPECT_EQ(axis.ruler(), "1         10        100");
}

}  // namespace
}  // namespace tepui
