// SPDX-License-Identifier: MIT
#include "ir/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "ir/validate.h"
#include "tepui/op.h"

namespace tepui {
namespace {

std::size_t bytes_of(const Program& program, Value value) {
  return program.info(value).type.bytes();
}

MemoryPlan plan(const Program& program) {
  return plan_memory(program, [&](Value value) { return bytes_of(program, value); });
}

Value add_value(Program& program, Role role, std::int64_t bytes) {
  program.values.push_back({{DType::u8, {1, bytes}}, role, "v"});
  return Value{static_cast<std::uint32_t>(program.values.size() - 1)};
}

// A chain input -> a -> b -> ... of temporaries, the last one an output.
Program chain(int length, std::int64_t bytes) {
  Program program;
  Value last = add_value(program, Role::input, bytes);
  for (int i = 0; i < length; ++i) {
    const Value next = add_value(program, i + 1 < length ? Role::temp : Role::output, bytes);
    program.steps.push_back({OpCode::act, {last}, {next}, {}});
    last = next;
  }
  return program;
}

TEST(MemoryPlan, AChainNeedsTwoBuffers) {
  const MemoryPlan p = plan(chain(20, 100));
  EXPECT_EQ(p.bytes, 2U * 128);
  EXPECT_EQ(p.offset.front(), MemoryPlan::kNone);  // the input
  EXPECT_EQ(p.offset.back(), MemoryPlan::kNone);   // the output
}

TEST(MemoryPlan, AValueThatIsReadLateKeepsItsPlace) {
  Program program = chain(6, 64);
  program.steps.back().in.push_back(Value{1});
  const MemoryPlan p = plan(program);
  EXPECT_EQ(p.bytes, 3U * 64);
  for (std::uint32_t id = 2; id < 6; ++id) EXPECT_NE(p.offset[id], p.offset[1]);
}

// Steps with up to three operands and outputs of random sizes.
Program random_program(std::mt19937& random) {
  Program program;
  add_value(program, Role::input, 64);
  const auto up_to = [&](std::size_t n) { return random() % (n + 1); };
  const std::size_t steps = up_to(30);
  for (std::size_t i = 0; i < steps; ++i) {
    Step step{OpCode::add, {}, {}, {}};
    for (std::size_t k = up_to(3); k > 0; --k) {
      const bool absent = random() % 8 == 0;
      step.in.push_back(
          absent ? kNone : Value{static_cast<std::uint32_t>(up_to(program.values.size() - 1))});
    }
    for (std::size_t k = up_to(2) + 1; k > 0; --k) {
      const Role role = random() % 5 == 0 ? Role::output : Role::temp;
      step.out.push_back(add_value(program, role, static_cast<std::int64_t>(up_to(500))));
    }
    program.steps.push_back(step);
  }
  return program;
}

// Plays the steps on an arena where each byte knows its value: a step must find its operands whole,
// and its outputs must not touch them.
void check_by_playing(const Program& program, const MemoryPlan& p) {
  std::vector<std::uint32_t> owner(p.bytes, UINT32_MAX);
  const auto is_planned = [&](Value value) {
    return value.present() && p.offset[value.id] != MemoryPlan::kNone;
  };
  for (const Step& step : program.steps) {
    for (const Value value : step.out) {
      ASSERT_EQ(is_planned(value), program.info(value).role == Role::temp);
      if (!is_planned(value)) continue;
      ASSERT_EQ(p.offset[value.id] % MemoryPlan::kAlignment, 0U);
      ASSERT_LE(p.offset[value.id] + bytes_of(program, value), p.bytes);
      for (std::size_t i = 0; i < bytes_of(program, value); ++i) {
        owner[p.offset[value.id] + i] = value.id;
      }
    }
    for (const std::vector<Value>* operands : {&step.in, &step.out}) {
      for (const Value value : *operands) {
        if (!is_planned(value)) continue;
        for (std::size_t i = 0; i < bytes_of(program, value); ++i) {
          ASSERT_EQ(owner[p.offset[value.id] + i], value.id);
        }
      }
    }
  }
}

TEST(MemoryPlan, RandomProgramsNeverOverlap) {
  std::mt19937 random(7);
  std::size_t planned = 0;
  std::size_t total = 0;
  for (int i = 0; i < 2000; ++i) {
    const Program program = random_program(random);
    ASSERT_TRUE(validate(program));
    const MemoryPlan p = plan(program);
    check_by_playing(program, p);
    planned += p.bytes;
    for (std::uint32_t id = 0; id < program.values.size(); ++id) {
      if (p.offset[id] != MemoryPlan::kNone) total += bytes_of(program, Value{id});
    }
  }
  EXPECT_LT(planned, total);  // it does reuse memory
}

}  // namespace
}  // namespace tepui
