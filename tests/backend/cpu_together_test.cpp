// SPDX-License-Identifier: MIT
// Linear layers of one row that run as one loop: which do, and that nobody could tell.
#include "backend/cpu/together.h"

#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/isa.h"
#include "ops/builder.h"
#include "run_step.h"

namespace tepui::test {
namespace {

struct Layers {
  Builder builder;
  Value x;

  explicit Layers(std::int64_t rows, std::int64_t k = 8)
      : x(builder.input({DType::f32, {rows, k}}, "x")) {}

  Value add(std::int64_t n, Value of, Value residual = kNone) {
    const std::int64_t k = builder.type(of).shape[1];
    const Value weight = builder.weight({DType::packed, {n, k}}, "weight");
    return builder.linear(of, weight, kNone, residual, TEPUI_ACT_NONE, "y");
  }
  void show(Value value) { builder.mark_output(builder.scale(value, 1.0F, "shown")); }
  std::vector<int> together() { return cpu::steps_together(builder.finish().value()); }
};

TEST(CpuTogether, OfOneRowAndWithoutWhatAnotherWrites) {
  Layers all(1);
  const Value q = all.add(8, all.x);
  const Value k = all.add(4, all.x);
  const Value v = all.add(4, all.x);
  const Value out = all.add(8, q);              // reads what the first one writes
  const Value with = all.add(8, all.x, all.x);  // its residual may be gone by then
  for (const Value value : {k, v, out, with}) all.show(value);
  EXPECT_EQ(all.together(), (std::vector<int>{3, 1, 1, 1, 1, 1, 1, 1, 1}));

  Layers rows(2);
  const Value first = rows.add(8, rows.x);
  const Value second = rows.add(8, rows.x);
  for (const Value value : {first, second}) rows.show(value);
  EXPECT_EQ(rows.together(), (std::vector<int>{1, 1, 1, 1}));

  Layers many(1);
  std::vector<Value> values;
  for (int i = 0; i < 6; ++i) values.push_back(many.add(8, many.x));
  for (const Value value : values) many.show(value);
  EXPECT_EQ(many.together(), (std::vector<int>{4, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(CpuTogether, MemoryOfWhatNobodyReadsIsNotCountedOn) {
  Layers all(1);
  const Value read = all.add(8, all.x);
  all.add(8, all.x);
  all.show(read);
  EXPECT_EQ(all.together(), (std::vector<int>{1, 1, 1}));
}

// Fewer panels than threads, many, and columns that fill no panel; each beside itself alone.
TEST(CpuTogether, TheBitsAreThoseOfEachAlone) {
  constexpr std::int64_t kDepth = 300;
  const std::vector<std::int64_t> sizes = {5, 700, 96, 33};
  for (const cpu::KernelTable* table : cpu::usable_kernels()) {
    for (const int threads : {1, 2, 5}) {
      SCOPED_TRACE(std::string(table->isa) + ", " + std::to_string(threads));
      BackendOptions options;
      options.isa = table->isa;
      options.threads = threads;
      const auto backend = make_cpu_backend(options).value();
      Layers all(1, kDepth);
      std::vector<Value> values;
      for (const std::int64_t n : sizes) values.push_back(all.add(n, all.x));
      for (const Value value : values) all.show(value);
      const Program program = all.builder.finish().value();
      ASSERT_EQ(cpu::steps_together(program)[0], 4);
      const Operand x = random_operand({1, kDepth}, 3);
      std::vector<Operand> weights;
      std::vector<Buffer> buffers;
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        weights.push_back(random_operand({sizes[i], kDepth}, static_cast<unsigned>(i) + 10));
        weights[i].type.dtype = DType::packed;
        buffers.push_back(packed_buffer(*backend, weights[i].bytes, weights[i].type));
      }
      for (const std::int64_t n : sizes)
        buffers.push_back(
            backend->allocate(static_cast<std::size_t>(n) * 4, Memory::device).value());
      const Buffer row = backend->adopt(x.bytes).value();
      Bindings bindings(program.values.size());
      std::size_t next = 0;
      for (std::size_t i = 0; i < program.values.size(); ++i)
        if (program.values[i].role == Role::weight)
          bindings[i] = BufferSlice::whole(buffers[next++]);
      for (std::size_t i = 0; i < program.values.size(); ++i)
        if (program.values[i].role == Role::output)
          bindings[i] = BufferSlice::whole(buffers[next++]);
      bindings[all.x.id] = BufferSlice::whole(row);
      auto prepared = backend->prepare(program).value();
      ASSERT_TRUE(backend->wait(backend->run(*prepared, bindings, {})));
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        Floats found(static_cast<std::size_t>(sizes[i]));
        backend->download(std::as_writable_bytes(std::span(found)),
                          BufferSlice::whole(buffers[sizes.size() + i]), {});
        const LinearParams params{1, static_cast<std::uint32_t>(sizes[i]), kDepth, TEPUI_ACT_NONE};
        const Floats alone = run_step(*backend, OpCode::linear, {x, weights[i]}, params);
        ASSERT_EQ(alone.size(), found.size());
        EXPECT_EQ(std::memcmp(alone.data(), found.data(), 4 * found.size()), 0) << sizes[i];
      }
    }
  }
}

}  // namespace
}  // namespace tepui::test
