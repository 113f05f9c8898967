// SPDX-License-Identifier: MIT
// What attention's metrics give, against the formulas in double precision on the same q, k and v;
// and the residual stream as the sum of what the sub-layers add.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "models/site_width.h"
#include "support/attention_run.h"
#include "support/paths.h"

namespace tepui::test {
namespace {

// Grouped heads; softcaps and windows; a window; a bias of the projection; a parallel block with
// biases; norms of heads.
constexpr std::string_view kModels[] = {
    "llama-gqa-tied-bf16", "gemma2", "mistral-window", "gpt2-new", "phi2", "qwen3"};

std::vector<std::vector<TokenId>> random_sequences(const Model& model,
                                                   const std::vector<int>& lengths) {
  std::mt19937 random(11);
  std::vector<std::vector<TokenId>> out;
  for (const int length : lengths) {
    std::vector<TokenId>& ids = out.emplace_back();
    for (int i = 0; i < length; ++i)
      ids.push_back(
          static_cast<TokenId>(random() % static_cast<unsigned>(model.spec.dims.vocabulary)));
  }
  return out;
}

Model tiny(std::string_view name) {
  auto model = open_model(data_path("golden") / name);
  EXPECT_TRUE(model) << model.error().message;
  return *std::move(model);
}

AttentionMetricOptions options() {
  AttentionMetricOptions options;
  options.early = 6;
  options.maps = {{0, 1}, {1, AttentionMetricOptions::kAllHeads}};
  options.map_tokens = 9;
  options.map_sequences = 2;
  return options;
}

void near(double found, double expected, double relative, double absolute) {
  EXPECT_NEAR(found, expected, relative * std::abs(expected) + absolute);
}

const std::vector<float>& series(const AttentionRun& run, int sequence, int layer,
                                 const std::string& what) {
  static const std::vector<float> kNothing;
  const auto found = run.series.find(fmt::format("{}.{}.{}", sequence, layer, what));
  EXPECT_NE(found, run.series.end()) << what;
  return found == run.series.end() ? kNothing : found->second;
}

class AttentionMetrics : public testing::TestWithParam<std::tuple<std::string, std::string_view>> {
 protected:
  RunSettings settings() const {
    RunSettings out;
    out.backend = std::get<0>(GetParam());
    return out;
  }
  std::string_view model_name() const { return std::get<1>(GetParam()); }
};

const std::vector<int> kLengths{13, 1, 8};
const TokenMarks kMarks{{0}, {0}, {2, 4}};

TEST_P(AttentionMetrics, AgreeWithTheFormulasInDouble) {
  const Model model = tiny(model_name());
  const auto sequences = random_sequences(model, kLengths);
  const AttentionRun run = run_attention_metrics(model, sequences, settings(), options(), kMarks);
  const auto heads = static_cast<std::size_t>(model.spec.dims.heads);
  for (int s = 0; s < static_cast<int>(sequences.size()); ++s) {
    for (int layer = 0; layer < model.spec.dims.layers; ++layer) {
      SCOPED_TRACE(fmt::format("sequence {}, layer {}", s, layer));
      const LayerAttention own(model, run, layer, s);
      const std::size_t tokens = own.tokens();
      const std::size_t early = std::min<std::size_t>(tokens, 6);
      const auto& received = series(run, s, layer, "attn_probs.received");
      const auto& first = series(run, s, layer, "attn_probs.received_early");
      const auto& entropy = series(run, s, layer, "attn_probs.entropy");
      ASSERT_EQ(received.size(), heads * tokens);
      ASSERT_EQ(first.size(), heads * early);
      for (std::size_t h = 0; h < heads; ++h) {
        const Rows& p = own.probabilities(h);
        double all = 0;
        for (std::size_t i = 0; i < tokens; ++i) {
          double sum = 0;
          double of_early = 0;
          for (std::size_t j = 0; j <= i; ++j) all -= p[i][j] > 0 ? p[i][j] * std::log(p[i][j]) : 0;
          for (std::size_t t = i; t < tokens; ++t) {
            sum += p[t][i];
            if (t < early) of_early += p[t][i];
          }
          near(double{received[h * tokens + i]}, sum / static_cast<double>(tokens - i), 1e-5, 1e-7);
          if (i < early)
            near(double{first[h * early + i]}, of_early / static_cast<double>(early - i), 1e-5,
                 1e-7);
        }
        near(double{entropy[h]}, all / static_cast<double>(tokens), 1e-5, 1e-6);
      }
    }
  }
}

// What a difference may lose: a part is as exact as the whole output that it is taken from, so that
// of a row where little is left the direction is as good as lost. A mean over rows of at most 1.
double lost_of(const Rows& y, const Rows& other, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    double own = 0;
    double all = 0;
    for (std::size_t c = begin; c < end; ++c) {
      own += y[i][c] * y[i][c];
      all += y[i][c] * y[i][c] + other[i][c] * other[i][c];
    }
    if (own > 0) sum += std::min(1.0, 0x1p-18 * std::sqrt(all / own));
  }
  return sum / static_cast<double>(y.size());
}

TEST_P(AttentionMetrics, TellThePartOfTheTokensFromTheRest) {
  const Model model = tiny(model_name());
  const auto sequences = random_sequences(model, kLengths);
  const AttentionRun run = run_attention_metrics(model, sequences, settings(), options(), kMarks);
  EXPECT_FALSE(run.series.contains("1.0.attn_probs.marked_share"));  // no query behind its token
  const auto heads = static_cast<std::size_t>(model.spec.dims.heads);
  const auto width = static_cast<std::size_t>(model.spec.dims.head_dim);
  for (const int s : {0, 2}) {
    for (int layer = 0; layer < model.spec.dims.layers; ++layer) {
      SCOPED_TRACE(fmt::format("sequence {}, layer {}", s, layer));
      const LayerAttention own(model, run, layer, s);
      const std::vector<int>& marked = kMarks[static_cast<std::size_t>(s)];
      const Rows part = own.part(marked);
      const Rows rest = own.rest(marked);
      const auto check = [&](const std::string& name, std::size_t h, const Rows& y,
                             const Rows& other, std::size_t begin, std::size_t end) {
        const auto& found = series(run, s, layer, "attn_probs." + name);
        ASSERT_GE(found.size(), h * 4 + 4);
        const Vector expected = constancy_of(y, marked, begin, end);
        const double absolute = 1e-5 + lost_of(y, other, begin, end);
        for (std::size_t i = 0; i < 4; ++i)
          near(double{found[h * 4 + i]}, expected[i], 1e-4, absolute * (i == 3 ? 1 : expected[0]));
      };
      const auto& share = series(run, s, layer, "attn_probs.marked_share");
      for (std::size_t h = 0; h < heads; ++h) {
        double sum = 0;
        int queries = 0;
        for (int i = marked.front() + 1; i < static_cast<int>(own.tokens()); ++i) {
          if (std::ranges::find(marked, i) != marked.end()) continue;
          ++queries;
          for (const int j : marked)
            sum += own.probabilities(h)[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
        }
        near(double{share[h]}, sum / queries, 1e-5, 1e-7);
        check("z_part", h, part, rest, h * width, (h + 1) * width);
        check("z_rest", h, rest, part, h * width, (h + 1) * width);
      }
      const auto all = static_cast<std::size_t>(model.spec.dims.width);
      check("out_part", 0, own.projected(part), own.projected(rest), 0, all);
      check("out_rest", 0, own.projected(rest), own.projected(part), 0, all);
    }
  }
}

TEST_P(AttentionMetrics, BringBackTheMapsThatWereAskedFor) {
  const Model model = tiny(model_name());
  const auto sequences = random_sequences(model, kLengths);
  const AttentionRun run = run_attention_metrics(model, sequences, settings(), options(), kMarks);
  EXPECT_FALSE(run.series.contains("0.1.attn_scores.map.1"));
  EXPECT_FALSE(run.series.contains("0.0.attn_scores.map.mean"));
  EXPECT_FALSE(run.series.contains("2.0.attn_scores.map.1"));  // of the first two sequences
  const auto heads = static_cast<std::size_t>(model.spec.dims.heads);
  for (int layer = 0; layer < 2; ++layer) {
    const LayerAttention own(model, run, layer, 0);
    const std::string name = layer == 0 ? "map.1" : "map.mean";
    const auto& score = series(run, 0, layer, "attn_scores." + name);
    const auto& probability = series(run, 0, layer, "attn_probs." + name);
    ASSERT_EQ(score.size(), 81U);
    for (std::size_t i = 0; i < 9; ++i) {
      for (std::size_t j = 0; j < 9; ++j) {
        double p = 0;
        double x = 0;
        for (std::size_t h = 0; h < heads; ++h) {
          if (layer == 0 && h != 1) continue;
          p += own.probabilities(h)[i][j] / (layer == 0 ? 1.0 : static_cast<double>(heads));
          x += own.score(h, i, j) / (layer == 0 ? 1.0 : static_cast<double>(heads));
        }
        near(double{probability[i * 9 + j]}, p, 1e-5, 1e-7);
        if (p > 0)
          near(double{score[i * 9 + j]}, x, 1e-5, 1e-5);
        else
          EXPECT_EQ(score[i * 9 + j], -INFINITY);
      }
    }
  }
}

TEST_P(AttentionMetrics, NormsOfClassesOfTokens) {
  const Model model = tiny(model_name());
  const auto sequences = random_sequences(model, kLengths);
  const AttentionRun run = run_attention_metrics(model, sequences, settings(), options(), kMarks);
  const auto width = static_cast<std::size_t>(model.spec.dims.head_dim);
  for (const Site site : {Site::q, Site::k, Site::resid_pre}) {
    const LayerAttention own(model, run, 1, 2);
    const Rows rows = own.site(site);
    const std::size_t groups = site == Site::resid_pre ? 1 : rows.front().size() / width;
    const auto norm = [&](std::size_t row, std::size_t group) {
      const std::size_t size = rows[row].size() / groups;
      double squares = 0;
      for (std::size_t c = group * size; c < (group + 1) * size; ++c)
        squares += rows[row][c] * rows[row][c];
      return std::sqrt(squares);
    };
    const std::string name(site_name(site));
    for (std::size_t g = 0; g < groups; ++g) {
      near(double{series(run, 2, 1, name + ".norm_first")[g]}, norm(0, g), 1e-5, 0);
      near(double{series(run, 2, 1, name + ".norm_marked")[g]}, (norm(2, g) + norm(4, g)) / 2, 1e-5,
           0);
      double others = 0;
      for (const std::size_t row : {1U, 3U, 5U, 6U, 7U}) others += norm(row, g) / 5;
      near(double{series(run, 2, 1, name + ".norm_others")[g]}, others, 1e-5, 0);
    }
  }
}

// Law 2, and what the marked tokens of one sequence are to another: nothing.
TEST_P(AttentionMetrics, DoNotDependOnChunksAndThreads) {
  const Model model = tiny(model_name());
  const auto sequences = random_sequences(model, {13, 1, 8, 16});
  const TokenMarks marks{{0}, {0}, {2, 4}, {1, 7, 12}};
  RunSettings one = settings();
  one.threads = 1;
  const auto expected = run_attention_metrics(model, sequences, one, options(), marks).lines;
  EXPECT_GT(expected.size(), 40U);
  RunSettings other = settings();
  other.threads = 3;
  other.exec.chunk_tokens = 1;
  other.exec.wave_tokens = 20;
  EXPECT_TRUE(run_attention_metrics(model, sequences, other, options(), marks).lines == expected);
}

// What each head adds to the output: together, with the bias, the output itself.
TEST_P(AttentionMetrics, PartsByHeadAddUpToTheOutput) {
  const Model model = tiny(model_name());
  const auto sequences = random_sequences(model, {13});
  const AttentionRun run = run_attention_metrics(model, sequences, settings(), options(), {});
  for (int layer = 0; layer < model.spec.dims.layers; ++layer) {
    const LayerAttention own(model, run, layer, 0);
    Rows sum(own.tokens(), own.bias());
    for (std::size_t h = 0; h < static_cast<std::size_t>(model.spec.dims.heads); ++h) {
      const Rows part = own.projected(own.value_of_head(h));
      for (std::size_t i = 0; i < part.size(); ++i) {
        for (std::size_t c = 0; c < part[i].size(); ++c) sum[i][c] += part[i][c];
      }
    }
    const Rows found = own.site(Site::attn_out);
    for (std::size_t i = 0; i < found.size(); ++i) {
      for (std::size_t c = 0; c < found[i].size(); ++c)
        ASSERT_NEAR(found[i][c], sum[i][c], own.output_bound(i, c)) << "layer " << layer;
    }
  }
}

std::vector<std::string> computing_backends() {
  auto names = model_backends();
  std::erase(names, "reference");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, AttentionMetrics,
                         testing::Combine(testing::ValuesIn(computing_backends()),
                                          testing::ValuesIn(kModels)),
                         [](const auto& info) {
                           std::string name =
                               std::get<0>(info.param) + "_" + std::string(std::get<1>(info.param));
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

// embeddings, then attn_out_post and mlp_out_post in order of the layers: every residual stream on
// the way, bit for bit.
TEST(ResidualStream, IsTheSumOfWhatIsAdded) {
  for (const std::string_view name : {"llama-gqa-tied-bf16", "gemma2", "gpt2-new", "phi2",
                                      "neox-parallel", "mixtral", "opt", "falcon-40b", "bloom"}) {
    SCOPED_TRACE(name);
    const Model model = tiny(name);
    const auto sequences = random_sequences(model, {11, 3});
    for (const std::string& backend : computing_backends()) {
      RunSettings settings;
      settings.backend = backend;
      const FullRun run = full_run(model, sequences, settings);
      for (int s = 0; s < 2; ++s) {
        const auto at = [&](int layer, Site site) -> const std::vector<float>& {
          return run.sites.at(capture_key({layer, site}, s));
        };
        std::vector<float> sum = at(kNoLayer, Site::embeddings);
        for (int layer = 0; layer < model.spec.dims.layers; ++layer) {
          for (const Site site : {Site::attn_out_post, Site::mlp_out_post}) {
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += at(layer, site)[i];
            if (site == Site::attn_out_post && site_width(model.spec, Site::resid_mid)) {
              EXPECT_TRUE(sum == at(layer, Site::resid_mid)) << backend << ", layer " << layer;
            }
          }
          EXPECT_TRUE(sum == at(layer, Site::resid_post)) << backend << ", layer " << layer;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tepui::test
