// SPDX-License-Identifier: MIT
// Training steps as Programs on every backend, against the definition in double.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/registry.h"
#include "support/op_harness.h"
#include "support/planted_rows.h"
#include "support/shared_backend.h"
#include "train/backend_loss.h"
#include "train/logistic.h"
#include "train/mean_objective.h"

namespace tepui {
namespace {

using test::MemoryRows;
using test::PlantedRows;

// Of 300 rows: a whole block and part of one. Every element is bounded by the sum of the sizes of
// what it adds up, which a gradient's elements cancel to.
TEST(BackendLoss, SumsAgreeWithTheDefinition) {
  const PlantedRows data = test::planted_rows(300);
  const MemoryRows rows = data.rows();
  const std::vector<double> weights = {0.5, 2, 1};
  for (const std::string& name : test::backends_under_test()) {
    const auto backend = test::shared_backend(name, {.threads = 2, .isa = {}}).value();
    BackendNetLossFactory losses(*backend);
    for (const bool real : {false, true}) {
      for (const std::vector<int>& hidden : {std::vector<int>{}, {16}, {8, 8}}) {
        NetShape shape{{PlantedRows::kWidth}};
        shape.widths.insert(shape.widths.end(), hidden.begin(), hidden.end());
        shape.widths.push_back(real ? 1 : PlantedRows::kClasses);
        const Targets targets =
            real ? Targets{{}, {}, data.values} : Targets{data.labels, weights, {}};
        HostNetLoss host(shape);
        const auto device = losses.make(shape, real);
        ASSERT_TRUE(device) << device.error().message;
        MeanObjective expected(host, rows, targets, 1e-3, nullptr);
        MeanObjective found(**device, rows, targets, 1e-3, nullptr);
        std::vector<double> at(shape.parameters());
        for (std::size_t i = 0; i < at.size(); ++i) at[i] = test::planted_unit(i + 3) - 0.5;
        for (double& x : at) x = static_cast<float>(x);
        std::vector<double> exact(at.size());
        std::vector<double> gradient(at.size());
        const double loss = expected.evaluate(at, exact).value();
        const auto own = found.evaluate(at, gradient);
        ASSERT_TRUE(own) << own.error().message;
        EXPECT_NEAR(*own, loss, 1e-6 * loss) << name << " " << hidden.size();
        for (std::size_t i = 0; i < at.size(); ++i)
          EXPECT_NEAR(gradient[i], exact[i], 2e-6) << name << " " << hidden.size() << " " << i;
      }
    }
  }
}

TEST(BackendLoss, TheMinimumIsTheSame) {
  const PlantedRows data = test::planted_rows(400);
  const MemoryRows rows = data.rows();
  const LabelledRows known{&rows, Targets{data.labels, {}, {}}};
  HostNetLossFactory host;
  const auto expected = fit_logistic(host, known, PlantedRows::kClasses, 1e-2, {}, nullptr);
  for (const std::string& name : test::backends_under_test()) {
    const auto backend = test::shared_backend(name, {.threads = 2, .isa = {}}).value();
    BackendNetLossFactory losses(*backend);
    const auto found = fit_logistic(losses, known, PlantedRows::kClasses, 1e-2, {}, nullptr);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_TRUE(found->minimum.converged) << name << " " << found->minimum.gradient_norm;
    EXPECT_NEAR(found->minimum.loss, expected->minimum.loss, 1e-6 * expected->minimum.loss) << name;
  }
}

}  // namespace
}  // namespace tepui
