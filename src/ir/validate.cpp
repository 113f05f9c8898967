// SPDX-License-Identifier: MIT
#include "ir/validate.h"

namespace tepui {

namespace {

Status fault(const Program& program, std::size_t step, Value value, const char* what) {
  const bool known = value.id < program.values.size();
  return fail(ErrorKind::data, "program: step {}: value {} ({}) {}", step, value.id,
              known ? program.info(value).name : "unknown", what);
}

}  // namespace

Status validate(const Program& program) {
  std::vector<bool> defined(program.values.size(), false);
  for (std::size_t id = 0; id < program.values.size(); ++id) {
    const Role role = program.values[id].role;
    defined[id] = role == Role::input || role == Role::weight;
  }
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    for (const Value value : program.steps[i].in) {
      if (!value.present()) continue;
      if (value.id >= defined.size() || !defined[value.id])
        return fault(program, i, value, "is read before it is computed");
    }
    for (const Value value : program.steps[i].out) {
      if (value.id >= defined.size()) return fault(program, i, value, "does not exist");
      if (defined[value.id]) return fault(program, i, value, "has two producers");
      defined[value.id] = true;
    }
  }
  return {};
}

}  // namespace tepui
