// SPDX-License-Identifier: MIT
#include "models/random_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/paths.h"

namespace tepui {
namespace {

using test::data_path;
using test::TemporaryFolder;

TEST(RandomModel, HasTheShapeAndNothingElse) {
  const TemporaryFolder folder;
  for (const char* name : {"demo-model", "golden/llama-gqa-tied-bf16"}) {
    const auto like = open_model(data_path(name));
    ASSERT_TRUE(like) << like.error().message;
    const auto made = random_model(*like, 0, folder.path(), 1 << 30);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    EXPECT_EQ(made->globals.size(), like->globals.size());
    ASSERT_EQ(made->layers.size(), like->layers.size());
    double square = 0;
    double count = 0;
    for (std::size_t i = 0; i < like->layers[0].size(); ++i) {
      const BoundWeight& weight = made->layers[0][i];
      const BoundWeight& was = like->layers[0][i];
      EXPECT_EQ(weight.role, was.role);
      EXPECT_EQ(weight.tensor->type, was.tensor->type);
      EXPECT_NE(weight.tensor->bytes.data(), was.tensor->bytes.data());
      if (kind_of(weight.role) == WeightKind::vector) {
        for (const float value : vector_values(weight)) EXPECT_EQ(value, 1);
        continue;
      }
      const HostView view{weight.tensor->type, weight.tensor->bytes};
      for (std::int64_t at = 0; at < weight.tensor->type.shape.elements(); ++at) {
        const double value = view.at(at);
        square += value * value;
        count += 1;
      }
    }
    EXPECT_NEAR(std::sqrt(square / count), 0.02, 5e-4);
    const auto again = random_model(*like, 0, folder.path(), 1 << 30);
    const auto other = random_model(*like, 1, folder.path(), 1 << 30);
    const auto bytes = [](const Model& model) { return model.layers[0].back().tensor->bytes; };
    EXPECT_TRUE(std::ranges::equal(bytes(*made), bytes(*again)));
    EXPECT_FALSE(std::ranges::equal(bytes(*made), bytes(*other)) &&
                 kind_of(made->layers[0].back().role) != WeightKind::vector);
  }
  const auto like = open_model(data_path("demo-model"));
  const auto refused = random_model(*like, 0, folder.path(), 1000);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--scratch"), std::string::npos);
}

}  // namespace
}  // namespace tepui
