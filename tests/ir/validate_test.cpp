// SPDX-License-Identifier: MIT
#include "ir/validate.h"

#include <gtest/gtest.h>

#include "tepui/op.h"

namespace tepui {
namespace {

Program two_steps() {
  Program program;
  const TensorType type{DType::f32, {2}};
  program.values = {{type, Role::input, "x"}, {type, Role::temp, "a"}, {type, Role::output, "b"}};
  program.steps = {{OpCode::act, {Value{0}}, {Value{1}}, {}},
                   {OpCode::add, {Value{1}, kNone}, {Value{2}}, {}}};
  return program;
}

std::string error(const Program& program) {
  const Status status = validate(program);
  return status ? "" : status.error().message;
}

TEST(Validate, AcceptsAGoodProgram) {
  Program program = two_steps();
  EXPECT_EQ(error(program), "");
  program.values.push_back({{DType::f32, {2}}, Role::temp, "fused away"});
  EXPECT_EQ(error(program), "");
}

TEST(Validate, RefusesWhatBreaksTheInvariant) {
  Program program = two_steps();
  std::swap(program.steps[0], program.steps[1]);
  EXPECT_EQ(error(program), "program: step 0: reads %1 \"a\" before a step produces it");

  program = two_steps();
  program.steps[1].out = {Value{1}};
  EXPECT_EQ(error(program), "program: step 1: produces %1 \"a\", which is already there");

  program = two_steps();
  program.steps[0].out = {Value{0}};
  EXPECT_EQ(error(program), "program: step 0: produces %0 \"x\", which is already there");

  program = two_steps();
  program.steps.pop_back();
  EXPECT_EQ(error(program), "program: output %2 \"b\" is produced by no step");

  program = two_steps();
  program.steps[0].in = {Value{9}};
  EXPECT_EQ(error(program), "program: step 0: expected a value below %3, found %9");

  program = two_steps();
  program.steps[1].out = {kNone};
  EXPECT_EQ(error(program), "program: step 1: produces no value of the program");
}

}  // namespace
}  // namespace tepui
