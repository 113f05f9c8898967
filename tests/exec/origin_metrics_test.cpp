// SPDX-License-Identifier: MIT
// What writes an element of the residual stream, against sums in double precision over the same z
// and mlp_act and the weights as they are stored.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "models/site_width.h"
#include "models/weight_rows.h"
#include "support/capture.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

// Grouped heads; norms behind; transposed matrices with biases; a parallel block; experts.
constexpr std::string_view kFollowedModels[] = {"llama-gqa-tied-bf16", "gemma2", "gpt2-new", "phi2",
                                                "mixtral"};

struct Kept : public RowSink {
  std::map<std::string, float> numbers;  // sequence.layer.site.rank
  std::map<std::string, std::pair<std::vector<float>, std::vector<std::uint32_t>>> series;
  TextSink text;

  static std::string key(int sequence, Point point, std::string_view more) {
    return fmt::format("{}.{}.{}.{}", sequence, point.layer, site_name(point.site), more);
  }
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Observation& row) override {
    if (row.metric == "origin")
      numbers[key(row.sequence, row.point, std::to_string(row.rank))] = row.value;
    return text.add(row);
  }
  Status add(const Series& row) override {
    auto& [values, indices] = series[key(row.sequence, row.point, row.metric)];
    values.assign(row.values.begin(), row.values.end());
    indices.assign(row.indices.begin(), row.indices.end());
    return text.add(row);
  }
};

const std::vector<int> kFollowedLengths{7, 1, 5};
const OriginPlaces kPlaces{{{0, 3}, {0, 9}, {4, 3}}, {}, {{2, 11}}};

Model followed_model(std::string_view name) {
  auto model = open_model(data_path("golden") / name);
  EXPECT_TRUE(model) << model.error().message;
  return *std::move(model);
}

std::vector<std::vector<TokenId>> some_sequences(const Model& model) {
  std::mt19937 random(5);
  std::vector<std::vector<TokenId>> out;
  for (const int length : kFollowedLengths) {
    std::vector<TokenId>& ids = out.emplace_back();
    for (int i = 0; i < length; ++i)
      ids.push_back(
          static_cast<TokenId>(random() % static_cast<unsigned>(model.spec.dims.vocabulary)));
  }
  return out;
}

class OriginMetrics : public testing::TestWithParam<std::tuple<std::string, std::string_view>> {
 protected:
  void SetUp() override { model_ = followed_model(std::get<1>(GetParam())); }

  Kept run(const ExecOptions& options, int neurons, Captured* sites) {
    ThreadPool pool(2);
    BackendOptions on;
    on.threads = 2;
    auto backend = shared_backend(std::get<0>(GetParam()), on);
    EXPECT_TRUE(backend) << backend.error().message;
    auto metrics = origin_metrics(model_, kPlaces, neurons);
    if (sites != nullptr) metrics.push_back(std::make_unique<Capture>(*sites));
    Kept kept;
    const auto sequences = some_sequences(model_);
    const auto all = SiteSelection::parse("all", model_.spec);
    Executor executor(**backend, model_, pool, options, metrics);
    const SequenceRange range[] = {{0, static_cast<int>(sequences.size())}};
    const Status status = executor.run(sequences, range, *all, kept, nullptr);
    EXPECT_TRUE(status) << status.error().message;
    return kept;
  }

  const std::vector<float>& vector_of(int layer, WeightRole role) {
    static std::vector<float> values;
    const BoundWeight* const weight = find_weight(model_, layer, role);
    values = weight != nullptr
                 ? vector_values(*weight)
                 : std::vector<float>(static_cast<std::size_t>(model_.spec.dims.width));
    return values;
  }

  Model model_;
};

// Every place, in the order of its rank.
struct Place {
  int sequence;
  int rank;
  OriginPlace at;
};
std::vector<Place> all_places() {
  std::vector<Place> out;
  for (std::size_t s = 0; s < kPlaces.size(); ++s) {
    for (std::size_t i = 0; i < kPlaces[s].size(); ++i)
      out.push_back({static_cast<int>(s), static_cast<int>(i), kPlaces[s][i]});
  }
  return out;
}

// The stream is what is added, bit for bit, at each place.
TEST_P(OriginMetrics, ContributionsAddUpBitForBit) {
  Captured sites;
  const Kept kept = run({}, 4, &sites);
  for (const Place& place : all_places()) {
    const auto at = [&](int layer, Site site) {
      return kept.numbers.at(Kept::key(place.sequence, {layer, site}, std::to_string(place.rank)));
    };
    float sum = at(kNoLayer, Site::embeddings);
    for (int layer = 0; layer < model_.spec.dims.layers; ++layer) {
      sum += at(layer, Site::attn_out_post);
      sum += at(layer, Site::mlp_out_post);
      EXPECT_EQ(sum, at(layer, Site::resid_post)) << "layer " << layer;
      const auto& row = sites.at(capture_key({layer, Site::resid_post}, place.sequence));
      const auto width = static_cast<std::size_t>(model_.spec.dims.width);
      EXPECT_EQ(sum, row[static_cast<std::size_t>(place.at.position) * width +
                         static_cast<std::size_t>(place.at.channel)]);
    }
  }
}

// Heads against double sums, and their sum with the bias against the output.
TEST_P(OriginMetrics, HeadsAddUpToTheOutput) {
  Captured sites;
  const Kept kept = run({}, 4, &sites);
  const auto heads = static_cast<std::size_t>(model_.spec.dims.heads);
  const auto size = static_cast<std::size_t>(model_.spec.dims.head_dim);
  for (const Place& place : all_places()) {
    for (int layer = 0; layer < model_.spec.dims.layers; ++layer) {
      const auto& z = sites.at(capture_key({layer, Site::z}, place.sequence));
      const auto channel = static_cast<std::uint32_t>(place.at.channel);
      const auto weights = matrix_rows(*find_weight(model_, layer, WeightRole::o), channel, 1);
      const auto& found =
          kept.series.at(Kept::key(place.sequence, {layer, Site::z}, "by_head")).first;
      ASSERT_EQ(found.size(), kPlaces[static_cast<std::size_t>(place.sequence)].size() * heads);
      double all = double{vector_of(layer, WeightRole::o_bias)[channel]};
      double magnitude = std::abs(all);
      for (std::size_t h = 0; h < heads; ++h) {
        double sum = 0;
        double own = 0;
        for (std::size_t d = h * size; d < (h + 1) * size; ++d) {
          const double product =
              double{z[static_cast<std::size_t>(place.at.position) * heads * size + d]} *
              double{weights[d]};
          sum += product;
          own += std::abs(product);
        }
        EXPECT_NEAR(double{found[static_cast<std::size_t>(place.rank) * heads + h]}, sum,
                    0x1p-23 * own);
        all += sum;
        magnitude += own;
      }
      const auto output = double{kept.numbers.at(
          Kept::key(place.sequence, {layer, Site::attn_out}, std::to_string(place.rank)))};
      EXPECT_NEAR(output, all, (static_cast<double>(z.size()) + 4) * 0x1p-24 * magnitude);
    }
  }
}

// All neurons, then the strongest alone.
TEST_P(OriginMetrics, NeuronsAddUpToTheOutput) {
  const int width = *site_width(model_.spec, Site::mlp_act);
  Captured sites;
  const Kept whole = run({}, width, &sites);
  const Kept few = run({}, 3, nullptr);
  const bool experts = model_.spec.form.mlp == MlpKind::experts;
  const auto hidden = static_cast<std::uint32_t>(model_.spec.dims.hidden);
  for (const Place& place : all_places()) {
    for (int layer = 0; layer < model_.spec.dims.layers; ++layer) {
      const Point point{layer, Site::mlp_act};
      const auto values = [&](const Kept& kept, const char* metric) {
        return kept.series.at(Kept::key(place.sequence, point, metric)).first;
      };
      const auto units = whole.series.at(Kept::key(place.sequence, point, "by_neuron")).second;
      const auto gives = values(whole, "by_neuron");
      const auto acts = values(whole, "by_neuron.act");
      const auto weights = values(whole, "by_neuron.weight");
      const auto n = static_cast<std::size_t>(width);
      ASSERT_EQ(gives.size(), kPlaces[static_cast<std::size_t>(place.sequence)].size() * n);
      const std::size_t begin = static_cast<std::size_t>(place.rank) * n;
      const auto channel = static_cast<std::uint32_t>(place.at.channel);
      double sum = experts ? 0 : double{vector_of(layer, WeightRole::down_bias)[channel]};
      double magnitude = std::abs(sum);
      for (std::size_t i = begin; i < begin + n; ++i) {
        const WeightRole role = experts ? WeightRole::expert_down : WeightRole::down;
        const auto row = matrix_rows(*find_weight(model_, layer, role), channel, 1,
                                     experts ? units[i] / hidden : 0);
        EXPECT_EQ(weights[i], row[units[i] % hidden]);
        if (!experts) {
          const auto& act = sites.at(capture_key(point, place.sequence));
          EXPECT_EQ(acts[i], act[static_cast<std::size_t>(place.at.position) * n + units[i]]);
          EXPECT_EQ(gives[i], static_cast<float>(double{acts[i]} * double{weights[i]}));
        }
        if (i > begin) {
          EXPECT_LE(std::abs(gives[i]), std::abs(gives[i - 1]));
        }
        sum += double{gives[i]};
        magnitude += std::abs(double{gives[i]});
      }
      const auto output = double{whole.numbers.at(
          Kept::key(place.sequence, {layer, Site::mlp_out}, std::to_string(place.rank)))};
      EXPECT_NEAR(output, sum, (width + 8) * 0x1p-24 * magnitude) << "layer " << layer;
      const auto first = values(few, "by_neuron");
      for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(first[static_cast<std::size_t>(place.rank) * 3 + i], gives[begin + i]);
    }
  }
}

// Law 2: chunks, waves and what else is measured change nothing.
TEST_P(OriginMetrics, DoNotDependOnChunks) {
  ExecOptions options;
  options.chunk_tokens = 1;
  options.wave_tokens = 1;
  EXPECT_TRUE(run(options, 3, nullptr).text.sorted_lines() ==
              run({}, 3, nullptr).text.sorted_lines());
}

std::vector<std::string> followed_backends() {
  auto names = model_backends();
  std::erase(names, "reference");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, OriginMetrics,
                         testing::Combine(testing::ValuesIn(followed_backends()),
                                          testing::ValuesIn(kFollowedModels)),
                         [](const auto& info) {
                           std::string name =
                               std::get<0>(info.param) + "_" + std::string(std::get<1>(info.param));
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace tepui::test
