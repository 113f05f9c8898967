// SPDX-License-Identifier: MIT
// Every site of tiny random models against float64 runs of transformers
// (tests/data/golden/README.md). The yardstick is the error of transformers' own float32 run of the
// same model: ours may be 8 times that, per site.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/rope_table.h"
#include "support/paths.h"
#include "support/run_model.h"

namespace tepui::test {
namespace {

constexpr double kTimesFloat32 = 8.0;

struct GoldenFile {
  std::unique_ptr<WeightSource> source;
  std::vector<std::vector<TokenId>> sequences;

  const TensorRef* find(const std::string& name) const { return source->find(name); }
  // Element i of a tensor.
  static double at(const TensorRef& tensor, std::size_t i) {
    return HostView{tensor.type, tensor.bytes}.at(static_cast<std::int64_t>(i));
  }
};

GoldenFile open_golden(const std::filesystem::path& file) {
  GoldenFile golden;
  auto source = open_safetensors(file);
  EXPECT_TRUE(source) << source.error().message;
  golden.source = *std::move(source);
  const TensorRef& ids = *golden.find("ids");
  const auto count = static_cast<std::size_t>(ids.type.shape[0]);
  const auto length = static_cast<std::size_t>(ids.type.shape[1]);
  golden.sequences.assign(count, std::vector<TokenId>(length));
  for (std::size_t i = 0; i < count * length; ++i)
    golden.sequences[i / length][i % length] = static_cast<TokenId>(GoldenFile::at(ids, i));
  return golden;
}

// The golden name of a point. Ours counts positions, scales and norms into `embeddings`; the files
// keep the token's row alone.
std::string golden_name(Point point) {
  if (point.site == Site::embeddings) return "resid_pre.0";
  const std::string name(site_name(point.site));
  return point.layer == kNoLayer ? name : fmt::format("{}.{}", name, point.layer);
}

void expect_close(const GoldenFile& golden, const std::string& name, std::size_t sequence,
                  std::span<const float> ours) {
  const TensorRef* tensor = golden.find(name);
  const TensorRef* yardstick = golden.find(name + ".err32");
  ASSERT_NE(tensor, nullptr) << name;
  ASSERT_NE(yardstick, nullptr) << name;
  const std::size_t per_sequence =
      static_cast<std::size_t>(tensor->type.shape.elements()) / golden.sequences.size();
  ASSERT_EQ(ours.size(), per_sequence) << name;
  const double bound = kTimesFloat32 * GoldenFile::at(*yardstick, 0);
  double worst = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double error = std::abs(static_cast<double>(ours[i]) -
                                  GoldenFile::at(*tensor, sequence * per_sequence + i));
    if (!(error <= worst)) std::tie(worst, where) = std::pair(error, i);
  }
  EXPECT_LE(worst, bound) << name << ", sequence " << sequence << ", element " << where << ": ours "
                          << ours[where] << ", golden "
                          << GoldenFile::at(*tensor, sequence * per_sequence + where);
}

void check_case(const std::filesystem::path& path, const std::filesystem::path& file,
                const std::string& backend) {
  const auto model = open_model(path);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->unused.empty()) << model->unused.front();
  const GoldenFile golden = open_golden(file);
  RunSettings settings;
  settings.backend = backend;
  const FullRun run = full_run(*model, golden.sequences, settings);
  const auto sites = SiteSelection::parse("all", model->spec);
  ASSERT_TRUE(sites);
  int compared = 0;
  for (const Point& point : sites->points()) {
    const std::string name = golden_name(point);
    if (golden.find(name) == nullptr) continue;
    for (std::size_t s = 0; s < golden.sequences.size(); ++s) {
      const auto found = run.sites.find(capture_key(point, static_cast<int>(s)));
      ASSERT_NE(found, run.sites.end()) << name;
      expect_close(golden, name, s, found->second);
      ++compared;
    }
  }
  // 9 sites a layer at the least, for two layers and two sequences.
  EXPECT_GE(compared, 9 * 2 * 2) << "the golden file names too few of our sites";
  for (std::size_t s = 0; s < golden.sequences.size(); ++s)
    expect_close(golden, "logits", s, run.logits[s]);
}

class Golden : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(Golden, EverySiteAgrees) {
  const auto& [name, backend] = GetParam();
  const auto folder = data_path("golden/" + name);
  check_case(folder, folder / "golden.safetensors", backend);
}

// `dynamic` and `longrope` change the frequencies of sequences beyond the context.
TEST(GoldenLong, SequencesBeyondTheContextAgree) {
  for (const std::string& backend : model_backends()) {
    for (const char* name : {"llama-rope-dynamic", "phi4-longrope"}) {
      const auto folder = data_path(std::string("golden/") + name);
      check_case(folder, folder / "golden_long.safetensors", backend);
    }
  }
}

// A GGUF file holds llama3's scaling as divisors in f32.
TEST(GoldenGguf, ScalingInATensorAgrees) {
  for (const std::string& backend : model_backends())
    check_case(data_path("gguf/llama3-rope.gguf"),
               data_path("golden/llama3-rope/golden.safetensors"), backend);
}

std::vector<std::string> golden_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(data_path("golden"))) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string golden_case_name(
    const testing::TestParamInfo<std::tuple<std::string, std::string>>& info) {
  std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, Golden,
                         testing::Combine(testing::ValuesIn(golden_cases()),
                                          testing::ValuesIn(model_backends())),
                         golden_case_name);

TEST(GoldenCases, AreThere) { EXPECT_GE(golden_cases().size(), 49U); }

}  // namespace
}  // namespace tepui::test
