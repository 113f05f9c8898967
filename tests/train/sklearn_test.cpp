// SPDX-License-Identifier: MIT
// Probes against scikit-learn on planted data (tools/compare_probes.py).
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/draws.h"
#include "base/mapped_file.h"
#include "support/paths.h"
#include "support/planted_rows.h"
#include "train/channel_ranking.h"
#include "train/class_scores.h"
#include "train/closed_form.h"
#include "train/features.h"
#include "train/logistic.h"
#include "train/mean_objective.h"
#include "train/online_code.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::MemoryRows;
using test::PlantedRows;

constexpr int kWidth = PlantedRows::kWidth;
constexpr int kClasses = PlantedRows::kClasses;

class AgainstSklearn : public testing::Test {
 protected:
  AgainstSklearn()
      : expected_(json::parse(read_file(test::data_path("probes/sklearn.json")).value())),
        data_(test::planted_rows()),
        rows_(data_.rows()) {}

  // Row range of the data.
  MemoryRows part(std::size_t first, std::size_t last) const {
    return {kWidth,
            {data_.x.begin() + static_cast<std::ptrdiff_t>(first * kWidth),
             data_.x.begin() + static_cast<std::ptrdiff_t>(last * kWidth)}};
  }

  json expected_;
  PlantedRows data_;
  MemoryRows rows_;
  HostNetLossFactory losses_;
  ThreadPool pool_{2};
};

TEST_F(AgainstSklearn, SeesTheSameData) {
  std::vector<int> counts(kClasses);
  for (const int label : data_.labels) ++counts[static_cast<std::size_t>(label)];
  EXPECT_EQ(json(counts), expected_["counts"]);
}

// The figure: 1e-6 relative; and the weights, which the loss determines less sharply.
TEST_F(AgainstSklearn, LogisticRegressionHasTheSameMinimum) {
  for (const json& one : expected_["logistic"]) {
    const double lambda = one["lambda"].get<double>();
    std::vector<double> weights;
    if (one["balanced"].get<bool>()) {
      for (const json& count : expected_["counts"])
        weights.push_back(600.0 / (kClasses * count.get<double>()));
    }
    const Targets targets{data_.labels, weights, {}};
    HostNetLoss loss(NetShape{{kWidth, kClasses}});
    MeanObjective objective(loss, rows_, targets, lambda, &pool_);
    std::vector<double> parameters(objective.parameters());
    const auto found = minimise(objective, {}, parameters);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_TRUE(found->converged) << one;
    EXPECT_LE(found->gradient_norm, 1e-6);
    EXPECT_NEAR(found->loss, one["objective"].get<double>(), 1e-6 * found->loss);
    for (std::size_t k = 0; k < kClasses; ++k)
      for (std::size_t c = 0; c < kWidth; ++c)
        EXPECT_NEAR(parameters[k * kWidth + c], one["weights"][k][c].get<double>(), 0.02)
            << lambda << " " << k << " " << c;
  }
}

TEST_F(AgainstSklearn, RidgeRegressionIsTheSame) {
  const json& one = expected_["ridge"];
  const auto net =
      fit_ridge({&rows_, Targets{{}, {}, data_.values}}, one["lambda"].get<double>(), &pool_);
  ASSERT_TRUE(net) << net.error().message;
  for (std::size_t c = 0; c < kWidth; ++c)
    EXPECT_NEAR(net->layers[0].weight[c], one["weights"][c].get<double>(), 1e-6);
  EXPECT_NEAR(net->layers[0].bias[0], one["intercept"].get<double>(), 1e-6);
  const auto predicted = outputs_of(*net, rows_, &pool_);
  ASSERT_TRUE(predicted);
  EXPECT_NEAR(value_scores(data_.values, *predicted).r2, one["r2"].get<double>(), 1e-6);
}

TEST_F(AgainstSklearn, ScoresAreTheSame) {
  const MemoryRows train = part(0, 400);
  const MemoryRows test = part(400, 600);
  for (const int classes : {3, 2}) {
    std::vector<int> labels = data_.labels;
    if (classes == 2)
      for (int& label : labels) label = label == 2 ? 1 : 0;
    const auto fit = fit_logistic(losses_, {&train, Targets{std::span(labels).first(400), {}, {}}},
                                  classes, 1e-2, {}, &pool_);
    ASSERT_TRUE(fit) << fit.error().message;
    const auto log_p = log_probabilities(fit->net, test, &pool_);
    ASSERT_TRUE(log_p);
    const ClassScores found = class_scores(std::span(labels).subspan(400), *log_p, classes);
    const json& scores = expected_[classes == 3 ? "scores_three" : "scores_two"];
    EXPECT_NEAR(found.accuracy, scores["accuracy"].get<double>(), 1e-12);
    EXPECT_NEAR(found.balanced_accuracy, scores["balanced_accuracy"].get<double>(), 1e-12);
    EXPECT_NEAR(found.f1, scores["f1"].get<double>(), 1e-12);
    EXPECT_NEAR(found.mcc, scores["mcc"].get<double>(), 1e-12);
    EXPECT_NEAR(found.roc_auc, scores["roc_auc"].get<double>(), 2e-4);
  }
}

TEST_F(AgainstSklearn, RanksAsTheAnalysisOfVariance) {
  const auto found = rank_channels({&rows_, Targets{data_.labels, {}, {}}}, kClasses,
                                   Ranking::f_statistic, &pool_);
  ASSERT_TRUE(found);
  std::vector<int> order(kWidth);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](int a, int b) {
    return expected_["f"][static_cast<std::size_t>(a)].get<double>() >
           expected_["f"][static_cast<std::size_t>(b)].get<double>();
  });
  EXPECT_EQ(*found, order);
  for (const Ranking other : {Ranking::mean_difference, Ranking::l1}) {
    auto best = *rank_channels({&rows_, Targets{data_.labels, {}, {}}}, kClasses, other, &pool_);
    best.resize(3);
    std::ranges::sort(best);
    EXPECT_EQ(best, (std::vector<int>{0, 1, 2})) << ranking_name(other);
  }
}

// Other orders of the rows than scikit-learn's: means over seeds, within three standard errors.
TEST_F(AgainstSklearn, OnlineCodeIsAsLong) {
  const auto& theirs = expected_["code"]["bits"];
  const auto mean_and_error = [](const std::vector<double>& x) {
    const auto n = static_cast<double>(x.size());
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    double square = 0;
    for (const double one : x) square += (one - mean) * (one - mean);
    return std::pair(mean, std::sqrt(square / (n - 1) / n));
  };
  std::vector<double> ours;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<std::int64_t> order(data_.labels.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::mt19937_64 random = draws_of(seed, 7);
    shuffle(order, random);
    const FeatureMap as_is{kWidth, {}, 0, false, {}, {}};
    const auto fit = [&](std::span<const std::int64_t> known,
                         std::span<const std::int64_t> next) -> Result<std::vector<double>> {
      std::vector<int> labels;
      for (const auto row : known) labels.push_back(data_.labels[static_cast<std::size_t>(row)]);
      TEPUI_TRY(const auto x, mapped_rows(rows_, {known.begin(), known.end()}, as_is, 1 << 20));
      TEPUI_TRY(const auto y, mapped_rows(rows_, {next.begin(), next.end()}, as_is, 1 << 20));
      TEPUI_TRY(const auto probe, fit_logistic(losses_, {x.get(), Targets{labels, {}, {}}},
                                               kClasses, 1e-2, {}, nullptr));
      return log_probabilities(probe.net, *y, nullptr);
    };
    const auto code = online_code(order, data_.labels, kClasses, fit);
    ASSERT_TRUE(code) << code.error().message;
    EXPECT_NEAR(code->uniform_bits, 600 * std::log2(3.0), 1e-9);
    ours.push_back(code->bits);
  }
  const auto [our_mean, our_error] = mean_and_error(ours);
  const auto [their_mean, their_error] = mean_and_error(theirs.get<std::vector<double>>());
  EXPECT_NEAR(our_mean, their_mean, 3 * std::hypot(our_error, their_error));
}

}  // namespace
}  // namespace tepui
