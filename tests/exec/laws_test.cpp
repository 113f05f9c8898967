// SPDX-License-Identifier: MIT
// Laws 1 and 2 on whole models: what a scan measures is bit-equal however the work is divided,
// ordered or threaded, and whatever else is looked at.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "support/paths.h"
#include "support/run_model.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

const std::filesystem::path& demo() {
  static const std::filesystem::path path = data_path("demo-model");
  return path;
}

// Lines of one sequence, with its number taken off.
std::vector<std::string> lines_of(const std::vector<std::string>& all, int sequence) {
  std::vector<std::string> out;
  const std::string prefix = std::to_string(sequence) + " ";
  for (const std::string& line : all) {
    if (line.starts_with(prefix)) out.push_back(line.substr(prefix.size()));
  }
  return out;
}

// Every backend but the reference, whose plain loops have but one order.
std::vector<std::string> scanned_backends() {
  auto names = model_backends();
  std::erase(names, "reference");
  return names;
}

class Laws : public testing::TestWithParam<std::string> {
 protected:
  RunSettings on_backend() const {
    RunSettings out;
    out.backend = GetParam();
    return out;
  }
  bool software() const;  // a driver only plays a GPU
  RunSettings settings(int chunk_tokens, int wave_tokens, int threads) const;
  std::vector<std::vector<TokenId>> sequences() const;
  const std::vector<std::string>& in_one_piece() const;
};

bool Laws::software() const {
  const auto backend = shared_backend(GetParam(), {});
  EXPECT_TRUE(backend) << backend.error().message;
  return backend && (*backend)->device().software;
}

// Sequences of unequal lengths, with lengths 1 and the model's whole context among them; shorter
// ones on a software device.
std::vector<std::vector<TokenId>> Laws::sequences() const {
  std::vector<int> lengths{37, 1, 256, 5, 90, 64, 2, 131};
  if (software()) lengths = {9, 1, 40, 5, 2, 13, 3, 17};
  std::mt19937 random(7);
  std::vector<std::vector<TokenId>> out;
  for (const int length : lengths) {
    std::vector<TokenId> ids;
    for (int i = 0; i < length; ++i) ids.push_back(static_cast<TokenId>(random() % 2048));
    out.push_back(ids);
  }
  return out;
}

RunSettings Laws::settings(int chunk_tokens, int wave_tokens, int threads) const {
  RunSettings out = on_backend();
  out.exec.chunk_tokens = chunk_tokens;
  out.exec.wave_tokens = wave_tokens;
  out.threads = threads;
  // Every site takes a software device minutes; DecoderLaws has them on tiny models.
  if (software()) out.sites = "embeddings,resid_post,q.1,z.2,mlp_act.3,final_norm";
  return out;
}

// What all sequences give at once; kept for the next test of this process.
const std::vector<std::string>& Laws::in_one_piece() const {
  static std::map<std::string, std::vector<std::string>> of;
  std::vector<std::string>& lines = of[GetParam()];
  if (lines.empty()) lines = scan_lines(demo(), sequences(), settings(100000, 100000, 1));
  return lines;
}

TEST_P(Laws, ResultsDoNotDependOnChunksWavesAndThreads) {
  const auto all = sequences();
  const auto& expected = in_one_piece();
  EXPECT_GT(expected.size(), 8U * 8U * (software() ? 4U : 40U));
  std::vector<RunSettings> divisions{settings(1, 100000, 2), settings(24, 40, 2),
                                     settings(300, 1, 1)};
  if (!software()) {
    divisions.push_back(settings(30, 100000, 3));
    divisions.push_back(settings(64, 150, 2));
  }
  for (const RunSettings& other : divisions) {
    EXPECT_TRUE(scan_lines(demo(), all, other) == expected)
        << "chunk " << other.exec.chunk_tokens << ", wave " << other.exec.wave_tokens
        << ", threads " << other.threads;
  }
}

TEST_P(Laws, ResultsDoNotDependOnTheOrderOfSequences) {
  const auto all = sequences();
  const auto& forward = in_one_piece();
  auto reversed = all;
  std::reverse(reversed.begin(), reversed.end());
  const auto backward = scan_lines(demo(), reversed, settings(200, 100000, 2));
  const int count = static_cast<int>(all.size());
  for (int i = 0; i < count; ++i)
    EXPECT_TRUE(lines_of(forward, i) == lines_of(backward, count - 1 - i)) << "sequence " << i;
}

TEST_P(Laws, ASequenceAloneIsASequenceAmongMany) {
  const auto all = sequences();
  const auto& together = in_one_piece();
  for (const int i : {0, 1, 2, 7}) {
    const std::vector<std::vector<TokenId>> alone = {all[static_cast<std::size_t>(i)]};
    EXPECT_TRUE(lines_of(scan_lines(demo(), alone, settings(512, 512, 2)), 0) ==
                lines_of(together, i))
        << "sequence " << i;
  }
}

// A prefix sees nothing of what follows it: the logits of its positions are those of the whole, bit
// for bit.
TEST_P(Laws, APrefixIsThePrefixOfTheWhole) {
  const auto model = open_model(demo());
  ASSERT_TRUE(model);
  const auto whole = sequences()[2];
  RunSettings plain = on_backend();
  plain.sites = "final_norm";
  const std::vector<std::vector<TokenId>> both = {
      whole, {whole.begin(), whole.end() - 13}, {whole.front()}};
  const FullRun run = full_run(*model, both, plain);
  for (std::size_t i = 1; i < both.size(); ++i)
    EXPECT_TRUE(std::equal(run.logits[i].begin(), run.logits[i].end(), run.logits[0].begin()))
        << "prefix " << i;
}

TEST_P(Laws, TapsDoNotChangeResults) {
  const auto model = open_model(demo());
  ASSERT_TRUE(model);
  const auto all = sequences();
  RunSettings tapped = on_backend();
  tapped.sites = "all";
  RunSettings plain = on_backend();
  plain.sites = "final_norm";
  EXPECT_TRUE(full_run(*model, all, tapped).logits == full_run(*model, all, plain).logits);
}

TEST_P(Laws, RowsOfASiteDoNotDependOnWhatElseIsTapped) {
  RunSettings one = on_backend();
  one.sites = "mlp_act.3";
  const auto& wide = in_one_piece();
  for (const std::string& line : scan_lines(demo(), sequences(), one))
    ASSERT_TRUE(std::binary_search(wide.begin(), wide.end(), line)) << line.substr(0, 80);
}

INSTANTIATE_TEST_SUITE_P(Backends, Laws, testing::ValuesIn(scanned_backends()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tepui::test
