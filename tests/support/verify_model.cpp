// SPDX-License-Identifier: MIT
#include "support/verify_model.h"

#include <gtest/gtest.h>

#include "support/paths.h"

namespace tepui::test {

std::unique_ptr<Backend> open_backend(const std::string& name) {
  auto made = make_backend(name, {.threads = 2, .isa = {}});
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

Verification verify_tiny(std::unique_ptr<Backend> first, std::unique_ptr<Backend> second,
                         const std::string& sites) {
  const auto model = open_model(data_path("golden/llama-gqa-tied-bf16"));
  EXPECT_TRUE(model) << model.error().message;
  const auto selection = SiteSelection::parse(sites, model->spec);
  EXPECT_TRUE(selection) << selection.error().message;
  const std::vector<std::vector<TokenId>> sequences = {{1, 17, 5, 33, 2, 8, 40}, {7, 7, 9, 21}};
  ThreadPool pool(2);
  const VerifyInput input{*model, nullptr, sequences, *selection, {}};
  auto out = verify_backends(std::move(first), std::move(second), input, pool, {});
  EXPECT_TRUE(out) << out.error().message;
  out->sites = sites;
  return *std::move(out);
}

}  // namespace tepui::test
