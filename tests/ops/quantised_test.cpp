// SPDX-License-Identifier: MIT
// Random blocks that the gguf package decoded (tools/make_quant_vectors.py): the definition and
// every backend give its bits.
#include <gtest/gtest.h>

#include <cstring>

#include "backend/registry.h"
#include "support/op_harness.h"
#include "support/paths.h"
#include "support/shared_backend.h"
#include "weights/source.h"

namespace tepui::test {
namespace {

TEST(Quantised, ElementsAreThoseOfTheGgufPackage) {
  const auto source = open_safetensors(data_path("gguf/quantised.safetensors"));
  ASSERT_TRUE(source) << source.error().message;
  for (const DType dtype : quantised_dtypes()) {
    const std::string name(dtype_name(dtype));
    SCOPED_TRACE(name);
    const TensorRef* blocks = (*source)->find(name + ".blocks");
    const TensorRef* values = (*source)->find(name + ".values");
    ASSERT_TRUE(blocks != nullptr && values != nullptr);
    const Shape shape = values->type.shape;
    ASSERT_EQ(shape.elements(), 2048);
    ASSERT_EQ(shape[1], dtype_block(dtype).elements);
    ASSERT_EQ(TensorType({dtype, shape}).bytes(), blocks->bytes.size());
    const OpData data{OpCode::cast,
                      ParamBytes(CastParams{2048}),
                      {{dtype, shape}},
                      {{{dtype, shape}, {blocks->bytes.begin(), blocks->bytes.end()}}},
                      {{}}};
    const Outputs expected = {{{DType::f32, shape}, {values->bytes.begin(), values->bytes.end()}}};
    EXPECT_EQ(compare_bits(expected, run_reference(data)), "");
    for (const std::string& backend_name : backends_under_test()) {
      auto backend = shared_backend(backend_name, {});
      ASSERT_TRUE(backend) << backend.error().message;
      EXPECT_EQ(compare_bits(expected, run_backend(**backend, data)), "") << backend_name;
    }
  }
}

}  // namespace
}  // namespace tepui::test
