// SPDX-License-Identifier: MIT
// The page around the data: nothing that data hold may become HTML, and it stays small for a large
// model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "report/assets.h"
#include "report/page.h"
#include "report/report_data.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

TEST(JsonForHtml, IsInertAndTheSameValue) {
  const std::string hostile =
      "</script><!--<script>&amp;\"'\\ \u2028\u2029\u202E\x01\n\U0001F600"
      "\xC3\xA9";
  const ChartJson data = {{"<b>", hostile}, {"n", 1.5}};
  const std::string text = json_for_html(data);
  for (const char c : text) EXPECT_TRUE(c >= 0x20 && c != '<' && c != '>' && c != '&') << text;
  EXPECT_EQ(ChartJson::parse(text), data);
}

TEST(ReportPage, IsOneFileThatAsksForNothing) {
  const ChartJson data = {{"runs", ChartJson::array()}, {"mark", "{{data}}</script>"}};
  const auto page = report_page(data);
  if (asset_plotly().empty()) {
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().kind, ErrorKind::unsupported);
    EXPECT_NE(page.error().message.find("plotly.js"), std::string::npos);
    return;
  }
  ASSERT_TRUE(page) << page.error().message;
  for (const char* mark : {"/*{{style}}*/", "/*{{plotly}}*/", "/*{{scripts}}*/"})
    EXPECT_EQ(page->find(mark), std::string::npos) << mark;
  EXPECT_NE(page->find("{{data}}\\u003c/script\\u003e"), std::string::npos);
  for (const char* outside : {"<link", "<img", "<iframe", " src=", "@import"})
    EXPECT_EQ(std::string(asset_template()).find(outside), std::string::npos) << outside;
  EXPECT_NE(page->find("default-src 'none'"), std::string::npos);
}

// 80 layers, 8192 channels, 100 sequences of 512 tokens, as a scan of a large model would leave
// them; the maxima by channel of the first two sequences alone, since the others are not read.
class LargeStore {
 public:
  explicit LargeStore(const std::filesystem::path& folder) : folder_(folder) {}

  Status write() {
    const auto identity = nlohmann::json{{"model", "large"}, {"surface", 1}, {"keep_floor", 100.0}};
    TEPUI_TRY(auto store, StoreWriter::open_or_create(folder_, identity, test::planted_run()));
    std::vector<SequenceRow> sequences;
    for (int s = 0; s < kSequences; ++s) {
      sequences.push_back({"book.txt", std::int64_t{s} * kTokens, true, {1}});
      while (std::ssize(sequences.back().tokens) < kTokens)
        sequences.back().tokens.push_back(static_cast<std::int32_t>(2 + random_() % 30000));
    }
    std::vector<VocabularyRow> vocabulary;
    for (std::int32_t id = 1; id < 30002; ++id)
      vocabulary.push_back({id, fmt::format("\u2581word{}", id), fmt::format(" word{}", id)});
    TEPUI_TRY(store.write_input(sequences, vocabulary));
    for (int s = 0; s < kSequences; s += 10) {
      TEPUI_TRY(store.begin_unit(s, s + 10));
      for (int in_unit = s; in_unit < s + 10; ++in_unit)
        for (int layer = 0; layer < kLayers; ++layer) TEPUI_TRY(add(store, in_unit, layer));
      TEPUI_TRY(store.end_unit());
    }
    return store.finish();
  }

 private:
  static constexpr int kLayers = 80;
  static constexpr int kSequences = 100;
  static constexpr std::int64_t kTokens = 512;
  static constexpr std::int64_t kChannels = 8192;

  static constexpr std::uint32_t kMassive = 1415;  // a channel, at the first token
  static bool is_massive(int layer) { return layer > 2 && layer < 78; }

  float noise() { return std::uniform_real_distribution<float>(-20, 20)(random_); }
  std::uint32_t below(std::int64_t limit) {
    return static_cast<std::uint32_t>(random_() % static_cast<std::uint64_t>(limit));
  }

  Status add(StoreWriter& store, int sequence, int layer) {
    const Point point{layer, Site::resid_post};
    Observation row{sequence, point, "top_k", 0, 0, 0, 0, 0};
    for (int rank = 0; rank < 32; ++rank) {
      row.rank = rank;
      row.position = rank < 3 ? 0 : below(kTokens);
      row.channel = rank < 3 ? std::int64_t{kMassive} + rank : below(kChannels);
      const auto step = static_cast<float>(rank);
      row.value =
          rank < 3 && is_massive(layer) ? 2500.0F - 500 * step : 100.0F - step + noise() / 20;
      TEPUI_TRY(store.add(row));
    }
    row.metric = "quantile";
    row.position = row.channel = -1;
    for (int q = 0; q < 9; ++q) {
      row.rank = q;
      row.parameter = q == 8 ? 0.999 : q / 8.0;
      row.value = 0.1F + static_cast<float>(q) * 0.1F;
      TEPUI_TRY(store.add(row));
    }
    row.metric = "above_count";
    row.rank = -1;
    row.parameter = 100;
    row.value = 0;
    TEPUI_TRY(store.add(row));
    TEPUI_TRY(add_series(store, sequence, point, "token_max", kTokens, kChannels));
    if (sequence < 2)
      TEPUI_TRY(add_series(store, sequence, point, "channel_max", kChannels, kTokens));
    return sequence == 0 ? add_surface(store, point) : Status{};
  }

  Status add_series(StoreWriter& store, int sequence, Point point, std::string_view metric,
                    std::int64_t count, std::int64_t limit) {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::vector<std::uint32_t> indices(values.size());
    for (float& value : values) value = noise();
    for (std::uint32_t& index : indices) index = below(limit);
    if (metric == "token_max" && is_massive(point.layer)) values[0] = 2500, indices[0] = kMassive;
    if (metric == "channel_max" && is_massive(point.layer))
      values[kMassive] = 2500, indices[kMassive] = 0;
    return store.add(Series{sequence, point, metric, values, indices});
  }

  // 256 x 256 cells of 2 tokens x 32 channels.
  Status add_surface(StoreWriter& store, Point point) {
    std::vector<float> values;
    std::vector<std::uint32_t> indices;
    for (std::uint32_t token = 0; token < kTokens; token += 2)
      for (std::uint32_t channel = 0; channel < kChannels; channel += 32) {
        values.push_back(noise());
        indices.push_back((token + below(2)) * static_cast<std::uint32_t>(kChannels) + channel +
                          below(32));
      }
    const std::size_t cell = kMassive / 32;
    if (is_massive(point.layer)) values[cell] = 2500, indices[cell] = kMassive;
    return store.add(Series{0, point, "surface", values, indices});
  }

  std::filesystem::path folder_;
  std::mt19937 random_{5};
};

// TEPUI_LARGE_PAGE=FILE keeps the page, to open it in a browser.
TEST(ReportPage, OfALargeModelStaysBelow15Megabytes) {
  test::TemporaryFolder folder;
  const Status written = LargeStore(folder.path()).write();
  ASSERT_TRUE(written) << written.error().message;
  std::vector<ReportSource> sources;
  auto source = open_report_source(folder.path().string(), {});
  ASSERT_TRUE(source) << source.error().message;
  sources.push_back(*std::move(source));
  const auto data = report_data(sources);
  ASSERT_TRUE(data) << data.error().message;
  const ChartJson& site = (*data)["runs"][0]["sites"][0];
  EXPECT_EQ(site["surfaces"]["all"].size(), 80U);
  EXPECT_GE(site["surfaces"]["all"][0]["values"].size(), 4096U);
  EXPECT_EQ(site["surfaces"]["left_out"], 0);
  const auto values = site["surfaces"]["all"][5]["values"].get<std::vector<double>>();
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), 2500);
  EXPECT_GT(site["places"]["by_channel"]["left_out"].get<int>(), 0);
  constexpr std::size_t kLibrary = 5'000'000;
  EXPECT_LT(json_for_html(*data).size(), 15'000'000 - kLibrary);
  if (asset_plotly().empty()) return;
  const auto page = report_page(*data);
  ASSERT_TRUE(page);
  EXPECT_LT(page->size(), 15'000'000U);
  if (const char* keep = std::getenv("TEPUI_LARGE_PAGE")) test::write_file(keep, *page);
}

}  // namespace
}  // namespace tepui
