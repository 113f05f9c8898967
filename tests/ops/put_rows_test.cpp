// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <stdexcept>

#include "backend/registry.h"
#include "ops/builder.h"
#include "support/select_cases.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

OpCase put_case(uint rows, uint dim, const std::vector<double>& at, uint tables = 1) {
  const auto fresh = static_cast<std::int64_t>(at.size());
  return {.op = OpCode::put_rows,
          .in = {f32({tables * rows, dim}, Fill::special), i32(at),
                 f32({fresh, tables * dim}, Fill::massive)},
          .params = ParamBytes(PutRowsParams{rows, dim, static_cast<uint>(fresh), 0, tables})};
}

TEST(PutRows, Agrees) {
  for (const uint dim : {1U, 7U, 64U}) {
    check_op(put_case(9, dim, {}));
    check_op(put_case(1, dim, {0}));
    check_op(put_case(70, dim, {0, 3, 4, 69}));
    check_op(put_case(9, dim, {0, 5, 8}, 3));
  }
}

TEST(PutRows, Definition) {
  OpCase op_case = put_case(3, 2, {0, 2});
  op_case.in[0] = exact(DType::f32, {3, 2}, {1, 2, 3, 4, 5, 6});
  op_case.in[2] = exact(DType::f32, {2, 2}, {10, 20, 30, 40});
  EXPECT_EQ(output<float>(run_reference(make_data(op_case)), 0),
            (std::vector<float>{10, 20, 3, 4, 30, 40}));
  op_case = put_case(2, 1, {1}, 3);
  op_case.in[0] = exact(DType::f32, {6, 1}, {1, 2, 3, 4, 5, 6});
  op_case.in[2] = exact(DType::f32, {1, 3}, {10, 20, 30});
  EXPECT_EQ(output<float>(run_reference(make_data(op_case)), 0),
            (std::vector<float>{1, 10, 3, 20, 5, 30}));
}

// The rows that stay are not touched: the memory holds them already.
TEST(PutRows, InPlace) {
  for (const std::string& name : backends_under_test()) {
    auto backend = shared_backend(name, {.threads = 2, .isa = {}});
    ASSERT_TRUE(backend) << backend.error().message;
    Builder builder;
    const Value x = builder.input({DType::f32, {8, 1}}, "x");  // two tables of four rows
    const Value at = builder.input({DType::i32, {2}}, "at");
    const Value fresh = builder.input({DType::f32, {2, 2}}, "fresh");
    const Value out = builder.put_rows(x, at, fresh, true, "out");
    builder.mark_output(out);
    auto program = builder.finish();
    ASSERT_TRUE(program) << program.error().message;
    auto prepared = (*backend)->prepare(*program);
    ASSERT_TRUE(prepared) << prepared.error().message;
    const auto uploaded = [&](const auto& values) -> Buffer {
      const auto bytes = std::as_bytes(std::span(values));
      auto buffer = (*backend)->allocate(bytes.size(), Memory::device);
      if (!buffer) throw std::runtime_error(buffer.error().message);
      EXPECT_TRUE((*backend)->wait((*backend)->upload(BufferSlice::whole(*buffer), bytes, {})));
      return *std::move(buffer);
    };
    const Buffer memory = uploaded(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
    const Buffer rows = uploaded(std::vector<std::int32_t>{1, 3});
    const Buffer values = uploaded(std::vector<float>{-1, -2, -3, -4});
    Bindings bindings(program->values.size());
    bindings[x.id] = bindings[out.id] = BufferSlice::whole(memory);
    bindings[at.id] = BufferSlice::whole(rows);
    bindings[fresh.id] = BufferSlice::whole(values);
    ASSERT_TRUE((*backend)->wait((*backend)->run(**prepared, bindings, {})));
    std::vector<float> result(8);
    ASSERT_TRUE((*backend)->wait((*backend)->download(std::as_writable_bytes(std::span(result)),
                                                      BufferSlice::whole(memory), {})));
    EXPECT_EQ(result, (std::vector<float>{1, -1, 3, -3, 5, -2, 7, -4})) << name;
  }
}

}  // namespace
}  // namespace tepui::test
