// SPDX-License-Identifier: MIT
// Ten steps of AdamW on tiny models against torch (tools/make_train_golden.py): losses, gradients,
// and the weights after one step and after ten, each within 8 times what a float32 run of torch is
// off its float64 run in that tensor.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/registry.h"
#include "support/op_harness.h"
#include "support/paths.h"
#include "support/shared_backend.h"
#include "train/train_engine.h"

namespace tepui::test {
namespace {

constexpr int kSteps = 10;

class TorchSteps {
 public:
  TorchSteps(const std::string& name, const std::string& backend)
      : folder_(std::filesystem::path(TEPUI_TEST_DATA) / "train" / name),
        backend_(shared_backend(backend, {.threads = 2, .isa = {}}).value()),
        model_(open_model(folder_).value()),
        golden_(open_safetensors(folder_ / "golden.safetensors").value()) {}

  void check() {
    const auto* batches = golden_->find("batches");
    ASSERT_NE(batches, nullptr);
    const Shape shape = batches->type.shape;
    const auto sequences = static_cast<int>(shape[1]);
    const int length = static_cast<int>(shape[2]) - 1;
    TrainEngine::Settings settings;
    settings.shape.sequences = sequences;
    settings.shape.length = length;
    settings.shape.prefix = model_.spec.dims.prefix;
    auto made = TrainEngine::make(*backend_, model_, settings);
    ASSERT_TRUE(made) << made.error().message;
    engine_ = *std::move(made);
    TrainState state;
    for (const Parameter& parameter : engine_->parameters())
      state.values.push_back(parameter_values(parameter));
    ASSERT_TRUE(engine_->load(state));
    for (int step = 0; step < kSteps; ++step) {
      const auto loss = engine_->accumulate(batch(step, sequences, length), 0, {});
      ASSERT_TRUE(loss) << loss.error().message;
      near("losses", {*loss}, step);
      if (step == 0) check_gradients();
      ASSERT_TRUE(engine_->gradient_norm());
      ASSERT_TRUE(engine_->update(step, 3e-3));
      if (step == 0) check_tensors("step1.", engine_->save().value().values);
    }
    check_tensors("step10.", engine_->save().value().values);
  }

 private:
  TokenBatch batch(int step, int sequences, int length) const {
    const auto* tensor = golden_->find("batches");
    const HostView view{tensor->type, tensor->bytes};
    TokenBatch out;
    for (int s = 0; s < sequences; ++s) {
      const std::int64_t first = (std::int64_t{step} * sequences + s) * (length + 1);
      for (int t = 0; t < length; ++t) {
        out.ids.push_back(static_cast<std::int32_t>(view.at(first + t)));
        const bool shown = t + 1 < model_.spec.dims.prefix;
        out.targets.push_back(shown ? -1 : static_cast<std::int32_t>(view.at(first + t + 1)));
      }
    }
    return out;
  }

  void check_gradients() {
    ParameterValues gradients;
    for (std::size_t i = 0; i < engine_->parameters().size(); ++i)
      gradients.push_back(engine_->gradient(i).value());
    check_tensors("gradient.", gradients);
  }

  void check_tensors(const std::string& prefix, const ParameterValues& values) {
    for (const TensorValues& tensor : file_tensors(engine_->parameters(), values))
      near(prefix + tensor.name, {tensor.values.begin(), tensor.values.end()}, 0);
  }

  // Against the golden tensor's elements from `first` on.
  void near(const std::string& name, const std::vector<double>& values, std::int64_t first) const {
    const TensorRef* expected = golden_->find(name);
    const TensorRef* error = golden_->find("error." + name);
    ASSERT_TRUE(expected != nullptr && error != nullptr) << name;
    const HostView view{expected->type, expected->bytes};
    const double allowed = 8 * HostView{error->type, error->bytes}.at(0) + 1e-7;
    double worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double off = std::abs(values[i] - view.at(first + static_cast<std::int64_t>(i)));
      ASSERT_TRUE(std::isfinite(off)) << name;
      worst = std::max(worst, off);
    }
    EXPECT_LE(worst, allowed) << name << " on " << backend_->device().backend;
  }

  std::filesystem::path folder_;
  std::shared_ptr<Backend> backend_;
  Model model_;
  std::unique_ptr<WeightSource> golden_;
  std::unique_ptr<TrainEngine> engine_;
};

TEST(TorchSteps, Gpt2Tanh) {
  for (const std::string& name : backends_under_test()) TorchSteps("gpt2-tanh", name).check();
}

TEST(TorchSteps, Gpt2Exact) {
  for (const std::string& name : backends_under_test()) TorchSteps("gpt2-exact", name).check();
}

// tools/golden_variants.py: what is changed is written down anew there.
TEST(TorchSteps, Variants) {
  for (const char* folder : {"variant-kv-bias", "variant-dyt", "variant-clipped", "variant-sigmoid",
                             "variant-off-by-one", "variant-k-bias"}) {
    SCOPED_TRACE(folder);
    for (const std::string& name : backends_under_test()) TorchSteps(folder, name).check();
  }
}

TEST(TorchSteps, LlamaWithGroupedQueries) {
  for (const std::string& name : backends_under_test()) TorchSteps("llama-gqa", name).check();
}

}  // namespace
}  // namespace tepui::test
