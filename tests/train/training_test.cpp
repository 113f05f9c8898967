// SPDX-License-Identifier: MIT
// Training by itself: gradients, rows on disk, controls, splits, significance.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>

#include "support/paths.h"
#include "support/planted_rows.h"
#include "train/class_scores.h"
#include "train/closed_form.h"
#include "train/control_labels.h"
#include "train/features.h"
#include "train/logistic.h"
#include "train/mean_objective.h"
#include "train/online_code.h"
#include "train/row_spill.h"
#include "train/significance.h"
#include "train/split.h"

namespace tepui {
namespace {

using test::MemoryRows;
using test::PlantedRows;
using test::TemporaryFolder;

constexpr int kColumns = PlantedRows::kWidth;
constexpr int kLabels = PlantedRows::kClasses;

// Central differences, of a net with hidden layers and class weights and of one that gives values.
TEST(Training, GradientsAreThoseOfTheLoss) {
  const PlantedRows data = test::planted_rows(40);
  const MemoryRows rows = data.rows();
  const std::vector<double> weights = {0.5, 2, 1};
  for (const bool real : {false, true}) {
    HostNetLoss loss(NetShape{{kColumns, 5, 4, real ? 1 : kLabels}});
    const Targets targets = real ? Targets{{}, {}, data.values} : Targets{data.labels, weights, {}};
    MeanObjective objective(loss, rows, targets, 0.1, nullptr);
    std::vector<double> at(objective.parameters());
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = test::planted_unit(i + 77) - 0.5;
    std::vector<double> gradient(at.size());
    std::vector<double> unused(at.size());
    ASSERT_TRUE(objective.evaluate(at, gradient));
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double was = at[i];
      at[i] = was + 1e-5;
      const double above = objective.evaluate(at, unused).value();
      at[i] = was - 1e-5;
      const double below = objective.evaluate(at, unused).value();
      at[i] = was;
      EXPECT_NEAR(gradient[i], (above - below) / 2e-5, 1e-8) << real << " " << i;
    }
  }
}

// A hundred times more rows than memory holds: the same bits, and no file is left.
TEST(Training, RowsOnDiskGiveTheSameBits) {
  const TemporaryFolder folder;
  const PlantedRows data = test::planted_rows(120'000);
  SpillBudget roomy{1 << 30, 0, folder.path(), 0, 0};
  SpillBudget tight{40'000, 1 << 30, folder.path(), 0, 0};
  RowSpill resident(kColumns, roomy);
  RowSpill spilled(kColumns, tight);
  std::span<const float> left = data.x;
  for (std::size_t rows = 1; !left.empty(); rows = rows % 7000 + 611) {
    const auto part = left.first(std::min(rows * kColumns, left.size()));
    ASSERT_TRUE(resident.append(part));
    ASSERT_TRUE(spilled.append(part));
    left = left.subspan(part.size());
  }
  EXPECT_EQ(resident.rows_in_memory(), 120'000);
  EXPECT_LE(spilled.rows_in_memory() * 100, 120'000);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  ThreadPool pool(2);
  std::vector<std::vector<double>> losses;
  for (const RowSource* rows : {&resident, &spilled}) {
    for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
      HostNetLoss loss(NetShape{{kColumns, kLabels}});
      MeanObjective objective(loss, *rows, Targets{data.labels, {}, {}}, 0.1, threads);
      std::vector<double> at(objective.parameters(), 0.25);
      std::vector<double> found(at.size());
      found.push_back(objective.evaluate(at, std::span(found).first(at.size())).value());
      const auto ridge = fit_ridge({rows, Targets{{}, {}, data.values}}, 0.1, threads);
      for (const float w : ridge->layers[0].weight) found.push_back(double{w});
      losses.push_back(found);
    }
  }
  for (const auto& other : losses) EXPECT_EQ(other, losses.front());
}

TEST(Training, MoreRowsThanTheDiskMayHoldAreAnError) {
  const TemporaryFolder folder;
  SpillBudget none{0, 1000, folder.path(), 0, 0};
  RowSpill rows(kColumns, none);
  ASSERT_TRUE(rows.append(std::vector<float>(10 * kColumns)));
  const auto failed = rows.append(std::vector<float>(100 * kColumns));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("--scratch"), std::string::npos);
  EXPECT_EQ(none.disk_taken, 320U);
}

TEST(Training, FeaturesAreLearntFromTheRowsGiven) {
  const MemoryRows rows(3, {1, 100, 5, 3, 100, -5, 99, 7, 7});
  const auto standardised = parse_features("standardised", "--features").value();
  const auto map = learn_features(standardised, {}, rows, {0, 1}, nullptr).value();
  EXPECT_EQ(map.mean, (std::vector<float>{2, 100, 0}));
  EXPECT_EQ(map.scale, (std::vector<float>{1, 0, 0.2F}));  // the middle one does not vary
  const auto mapped = mapped_rows(rows, {2}, map, 0).value();
  std::vector<float> out(3);
  ASSERT_TRUE(mapped->read(0, 1, out));
  EXPECT_EQ(out, (std::vector<float>{97, 0, 1.4F}));
  const std::vector<int> massive = {1};
  const auto clipped = parse_features("clipped:4+without-massive", "--features").value();
  EXPECT_EQ(clipped.name(), "clipped:4+without-massive");
  const auto channels = learn_features(clipped, massive, rows, {0}, nullptr).value();
  EXPECT_EQ(channels.channels, (std::vector<int>{0, 2}));
  const auto kept = mapped_rows(rows, {1}, channels, 1 << 10).value();
  ASSERT_TRUE(kept->read(0, 1, std::span(out).first(2)));
  EXPECT_EQ(out[0], 3);
  EXPECT_EQ(out[1], -4);
  EXPECT_FALSE(learn_features(clipped, {}, rows, {0}, nullptr));
  for (const char* wrong : {"", "raws", "clipped:", "clipped:-1", "raw+rms", "rms+"})
    EXPECT_FALSE(parse_features(wrong, "--features")) << wrong;
}

// What massive activations do to probes: a channel that is a thousand times larger and says nothing
// spoils the one that sees rows as they are. Given so many iterations, that one has not got there.
TEST(Training, AMassiveChannelSpoilsTheUnstandardisedProbe) {
  PlantedRows data = test::planted_rows(600);
  for (std::size_t r = 0; r < 600; ++r)
    data.x[r * kColumns + 7] = static_cast<float>(4000 * (test::planted_unit(9'000'000 + r) - 0.5));
  const MemoryRows rows = data.rows();
  std::vector<std::int64_t> train(400);
  std::iota(train.begin(), train.end(), std::int64_t{0});
  std::vector<std::int64_t> held(200);
  std::iota(held.begin(), held.end(), std::int64_t{400});
  HostNetLossFactory losses;
  std::vector<double> accuracy;
  for (const char* name : {"raw", "standardised", "without-massive"}) {
    const std::vector<int> massive = {7};
    const auto map =
        learn_features(parse_features(name, "--features").value(), massive, rows, train, nullptr)
            .value();
    const auto x = mapped_rows(rows, train, map, 1 << 20).value();
    const auto y = mapped_rows(rows, held, map, 1 << 20).value();
    SolverOptions options;
    options.most_iterations = 10;
    const auto fit =
        fit_logistic(losses, {x.get(), Targets{std::span(data.labels).first(400), {}, {}}}, kLabels,
                     1e-3, options, nullptr);
    ASSERT_TRUE(fit) << fit.error().message;
    const auto log_p = log_probabilities(fit->net, *y, nullptr).value();
    accuracy.push_back(class_scores(std::span(data.labels).subspan(400), log_p, kLabels).accuracy);
  }
  EXPECT_LT(accuracy[0], 0.5);
  EXPECT_GT(accuracy[1], 0.85);
  EXPECT_GT(accuracy[2], 0.85);
}

TEST(Training, PerceptronsLearnWhatNoLinearProbeCan) {
  PlantedRows data = test::planted_rows(3000);
  for (std::size_t r = 0; r < 3000; ++r)
    data.labels[r] = data.x[r * kColumns] * data.x[r * kColumns + 1] > 0 ? 1 : 0;
  const MemoryRows train(kColumns, {data.x.begin(), data.x.begin() + 2000 * kColumns});
  const MemoryRows dev(kColumns,
                       {data.x.begin() + 2000 * kColumns, data.x.begin() + 2500 * kColumns});
  const MemoryRows test(kColumns, {data.x.begin() + 2500 * kColumns, data.x.end()});
  const std::span<const int> labels = data.labels;
  HostNetLossFactory losses;
  const LabelledRows known{&train, Targets{labels.first(2000), {}, {}}};
  const LabelledRows held{&dev, Targets{labels.subspan(2000, 500), {}, {}}};
  for (const int hidden_layers : {1, 2}) {
    MlpOptions options;
    options.hidden_layers = hidden_layers;
    options.rate = 1e-2;
    const auto mlp = train_mlp(losses, known, held, 2, options, nullptr);
    ASSERT_TRUE(mlp) << mlp.error().message;
    EXPECT_EQ(mlp->net.layers.size(), static_cast<std::size_t>(hidden_layers) + 1);
    const auto of = [&](const DenseNet& net) {
      return class_scores(labels.subspan(2500), log_probabilities(net, test, nullptr).value(), 2)
          .accuracy;
    };
    EXPECT_GT(of(mlp->net), 0.9);
    EXPECT_LT(of(fit_logistic(losses, known, 2, 1e-3, {}, nullptr)->net), 0.65);
    EXPECT_EQ(train_mlp(losses, known, held, 2, options, nullptr)->net, mlp->net);
    options.seed = 1;
    EXPECT_NE(train_mlp(losses, known, held, 2, options, nullptr)->net, mlp->net);
  }
}

TEST(Training, ClosedFormProbesFindThePlantedClasses) {
  const PlantedRows data = test::planted_rows(600);
  const MemoryRows rows = data.rows();
  const LabelledRows known{&rows, Targets{data.labels, {}, {}}};
  for (const auto& net :
       {fit_lda(known, 4, 1e-3, nullptr).value(), fit_class_means(known, 4, nullptr).value()}) {
    const auto log_p = log_probabilities(net, rows, nullptr).value();
    EXPECT_GT(class_scores(data.labels, log_p, 4).accuracy, 0.85);
    for (const int guess : predictions_of(log_p, 4)) EXPECT_NE(guess, 3);  // has no row
  }
}

// A class that does not occur costs bits, not an endless run.
TEST(Training, AClassWithoutRowsIsNeverPredicted) {
  const PlantedRows data = test::planted_rows(100);
  const MemoryRows rows = data.rows();
  HostNetLossFactory losses;
  const std::vector<int> same(100, 2);
  const auto one = fit_logistic(losses, {&rows, Targets{same, {}, {}}}, 3, 0.1, {}, nullptr);
  for (const int guess : predictions_of(log_probabilities(one->net, rows, nullptr).value(), 3))
    EXPECT_EQ(guess, 2);
}

TEST(Training, ControlLabelsBelongToTypes) {
  std::vector<int> labels;
  std::vector<std::int32_t> types;
  for (int i = 0; i < 4000; ++i) {
    labels.push_back(i % 4 == 0 ? 1 : 0);
    types.push_back(i % 1000);
  }
  const std::vector<int> found = control_labels(labels, types, 3);
  for (std::size_t i = 1000; i < found.size(); ++i) EXPECT_EQ(found[i], found[i - 1000]);
  const double ones = std::accumulate(found.begin(), found.end(), 0.0) / 4000;
  EXPECT_NEAR(ones, 0.25, 0.05);
  EXPECT_NE(control_labels(labels, types, 4), found);
  std::vector<int> mixed = shuffled_labels(labels, 3);
  EXPECT_NE(mixed, labels);
  EXPECT_EQ(std::accumulate(mixed.begin(), mixed.end(), 0), 1000);
}

// Each sequence is scored once by the seeds of one round, and never by what learnt from it.
TEST(Training, SplitsAreCrossValidationBySequence) {
  std::vector<int> tested(23);
  for (int seed = 0; seed < 5; ++seed) {
    const auto parts = split_sequences(23, 5, seed).value();
    int train = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      tested[i] += parts[i] == SplitPart::test ? 1 : 0;
      train += parts[i] == SplitPart::train ? 1 : 0;
    }
    EXPECT_GE(train, 13);
  }
  EXPECT_EQ(tested, std::vector<int>(23, 1));
  EXPECT_NE(split_sequences(23, 5, 0).value(), split_sequences(23, 5, 5).value());
  EXPECT_FALSE(split_sequences(4, 5, 0));
}

TEST(Training, ChanceIsToldFromSkill) {
  // All 2^10 sign patterns: one is as large.
  EXPECT_NEAR(sign_flip_p(std::vector<double>(10, 1.0)), 1.0 / 1024, 1e-3);
  EXPECT_GT(sign_flip_p(std::vector<double>{1, -1, 1, -1}), 0.4);
  EXPECT_DOUBLE_EQ(sign_flip_p(std::vector<double>(5, 0.0)), 1);
  const std::vector<double> p = {0.01, 0.04, 0.03, std::nan(""), 0.5};
  const auto rates = false_discovery_rates(p);
  EXPECT_DOUBLE_EQ(rates[0], 0.04);
  EXPECT_DOUBLE_EQ(rates[1], 0.04 * 4 / 3);
  EXPECT_DOUBLE_EQ(rates[2], 0.04 * 4 / 3);
  EXPECT_TRUE(std::isnan(rates[3]));
  EXPECT_DOUBLE_EQ(rates[4], 0.5);
}

TEST(Training, PortionsGrowAsPublished) {
  EXPECT_EQ(portion_ends(1000),
            (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 63, 125, 250, 500, 1000}));
  EXPECT_EQ(portion_ends(10), (std::vector<std::int64_t>{1, 3, 5, 10}));
}

}  // namespace
}  // namespace tepui
