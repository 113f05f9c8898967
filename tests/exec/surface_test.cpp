// SPDX-License-Identifier: MIT
// The surface of a sequence holds what the model computed: each cell its largest element, however
// the work was divided, and only for the sequences that were asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "metrics/list.h"
#include "metrics/surface.h"
#include "support/paths.h"
#include "support/run_model.h"

namespace tepui::test {
namespace {

// Keeps the series alone.
class SeriesSink : public RowSink {
 public:
  struct Kept {
    std::vector<float> values;
    std::vector<std::uint32_t> indices;
  };
  Status begin_unit(int, int) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Observation&) override { return {}; }
  Status add(const Series& row) override {
    kept[row.sequence] = {{row.values.begin(), row.values.end()},
                          {row.indices.begin(), row.indices.end()}};
    return {};
  }
  std::map<int, Kept> kept;
};

// The rows that the metric makes of values as the device would give them.
SeriesSink surfaces_of(const std::vector<float>& x, const std::vector<int>& lengths, int width,
                       int sequences) {
  std::vector<std::byte> bytes(x.size() * sizeof(float));
  std::copy_n(reinterpret_cast<const std::byte*>(x.data()), bytes.size(), bytes.data());
  const HostView view{{DType::f32, Shape{static_cast<std::int64_t>(x.size()) / width, width}},
                      bytes};
  const TapContext context{{3, Site::resid_post}, 0, width, lengths};
  SeriesSink sink;
  const Status status = make_surface(sequences)->rows({&view, 1}, context, sink);
  EXPECT_TRUE(status) << status.error().message;
  return sink;
}

TEST(Surface, SmallSequencesAreKeptWhole) {
  std::vector<float> x(5 * 4);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) - 9.5F;
  const auto sink = surfaces_of(x, {2, 3}, 4, 2);
  ASSERT_EQ(sink.kept.size(), 2U);
  EXPECT_EQ(sink.kept.at(0).values, std::vector<float>(x.begin(), x.begin() + 8));
  EXPECT_EQ(sink.kept.at(1).values, std::vector<float>(x.begin() + 8, x.end()));
  EXPECT_TRUE(sink.kept.at(0).indices.empty());
}

TEST(Surface, OnlyTheFirstSequencesHaveOne) {
  const auto sink = surfaces_of(std::vector<float>(20, 1.0F), {2, 3}, 4, 1);
  EXPECT_EQ(sink.kept.size(), 1U);
  EXPECT_TRUE(make_surface(2)->measures(1, 9));
  EXPECT_FALSE(make_surface(2)->measures(2, 9));
}

TEST(Surface, EveryCellKeepsItsLargestElementAndItsPlace) {
  constexpr int kTokens = 600;  // cells of 3 tokens, with none left over
  constexpr int kWidth = 515;   // and of 3 channels, the last of 2
  std::vector<float> x(std::size_t{kTokens} * kWidth);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>((i * 2654435761U) % 1000U) - 499.5F;
  x[std::size_t{301} * kWidth + 514] = -3.0e6F;
  const auto sink = surfaces_of(x, {kTokens}, kWidth, 1);
  const auto& kept = sink.kept.at(0);
  const SurfaceGrid grid = surface_grid(kTokens, kWidth);
  EXPECT_EQ(grid, (SurfaceGrid{kTokens, kWidth, 3, 3}));
  ASSERT_EQ(kept.values.size(), 200U * 172U);
  ASSERT_EQ(kept.indices.size(), kept.values.size());
  EXPECT_EQ(kept.values[100U * 172U + 171U], -3.0e6F);
  EXPECT_EQ(kept.indices[100U * 172U + 171U], 301U * kWidth + 514U);
  for (std::size_t cell = 0; cell < kept.values.size(); ++cell) {
    float largest = 0;
    for (std::size_t t = cell / 172 * 3; t < cell / 172 * 3 + 3; ++t)
      for (std::size_t c = cell % 172 * 3; c < std::min<std::size_t>(cell % 172 * 3 + 3, kWidth);
           ++c)
        largest = std::max(largest, std::abs(x[t * kWidth + c]));
    ASSERT_EQ(std::abs(kept.values[cell]), largest) << cell;
    ASSERT_EQ(kept.values[cell], x[kept.indices[cell]]) << cell;
  }
}

// Of equal elements the first in the order of the values, and NaN before infinity.
TEST(Surface, TiesGoToTheFirstAndNanIsTheLargest) {
  constexpr int kTokens = 257;  // cells of 2 tokens
  constexpr int kWidth = 513;   // and of 3 channels
  std::vector<float> x(std::size_t{kTokens} * kWidth, 1.0F);
  const auto at = [&](int token, int channel) -> float& {
    return x[static_cast<std::size_t>(token) * kWidth + static_cast<std::size_t>(channel)];
  };
  at(0, 2) = -4.0F;
  at(1, 0) = 4.0F;
  at(2, 1) = std::numeric_limits<float>::infinity();
  at(3, 0) = -std::numeric_limits<float>::quiet_NaN();
  at(3, 2) = std::bit_cast<float>(0x7fffffffU);  // a NaN too, with more bits
  const auto sink = surfaces_of(x, {kTokens}, kWidth, 1);
  const auto& kept = sink.kept.at(0);
  ASSERT_EQ(kept.indices.size(), 129U * 171U);
  EXPECT_EQ(kept.indices[0], 2U);
  EXPECT_EQ(kept.values[0], -4.0F);
  EXPECT_EQ(kept.indices[171], 3U * kWidth);
  EXPECT_TRUE(std::isnan(kept.values[171]));
  EXPECT_EQ(kept.indices[1], 3U);  // nothing but ones
  EXPECT_EQ(kept.indices[128 * 171 + 170], 256U * kWidth + 510U);
}

class SurfaceOfAModel : public testing::TestWithParam<std::string> {};

TEST_P(SurfaceOfAModel, DoesNotDependOnChunksAndIsWhatTheModelComputed) {
  const auto model = open_model(data_path("demo-model"));
  ASSERT_TRUE(model);
  const std::vector<std::vector<TokenId>> sequences = {{1, 40, 7, 300}, {1, 2, 3}, {5, 6}};
  RunSettings settings;
  settings.backend = GetParam();
  settings.sites = "embeddings,mlp_act.1,resid_post.7";
  settings.surface = 2;
  settings.exec.chunk_tokens = 100;
  const auto together = scan_lines(data_path("demo-model"), sequences, settings);
  settings.exec.chunk_tokens = 1;
  EXPECT_TRUE(together == scan_lines(data_path("demo-model"), sequences, settings));
  const auto count = std::count_if(together.begin(), together.end(), [](const std::string& line) {
    return line.find("surface") != std::string::npos;
  });
  EXPECT_GT(count, 0);
  settings.surface = 0;
  auto without = scan_lines(data_path("demo-model"), sequences, settings);
  EXPECT_EQ(without.size() + static_cast<std::size_t>(count), together.size());
}

INSTANTIATE_TEST_SUITE_P(Backends, SurfaceOfAModel, testing::ValuesIn(model_backends()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tepui::test
