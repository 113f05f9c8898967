// SPDX-License-Identifier: MIT
#include "ir/validate.h"

namespace tepui {
namespace {

std::string label(const Program& program, Value value) {
  return fmt::format("%{} \"{}\"", value.id, program.info(value).name);
}

}  // namespace

Status validate(const Program& program) {
  std::vector<bool> defined(program.values.size());
  for (std::size_t id = 0; id < program.values.size(); ++id) {
    const Role role = program.values[id].role;
    defined[id] = role == Role::input || role == Role::weight;
  }
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    for (const Value value : program.steps[i].in) {
      if (!value.present()) continue;
      if (value.id >= program.values.size()) {
        return fail(ErrorKind::data, "program: step {}: expected a value below %{}, found %{}", i,
                    program.values.size(), value.id);
      }
      if (!defined[value.id]) {
        return fail(ErrorKind::data, "program: step {}: reads {} before a step produces it", i,
                    label(program, value));
      }
    }
    for (const Value value : program.steps[i].out) {
      if (value.id >= program.values.size()) {
        return fail(ErrorKind::data, "program: step {}: produces no value of the program", i);
      }
      if (defined[value.id]) {
        return fail(ErrorKind::data, "program: step {}: produces {}, which is already there", i,
                    label(program, value));
      }
      defined[value.id] = true;
    }
  }
  for (std::uint32_t id = 0; id < program.values.size(); ++id) {
    if (program.values[id].role == Role::output && !defined[id]) {
      return fail(ErrorKind::data, "program: output {} is produced by no step",
                  label(program, Value{id}));
    }
  }
  return {};
}

}  // namespace tepui
