// SPDX-License-Identifier: MIT
// Puts the steps of one Program behind those of another.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "ops/builder.h"

namespace tepui {

// `known`: what stands for the part's inputs and weights, by id; all that its steps read must be
// there. `changed` gives what takes the place of a step's first output: (the part's value, the new
// one). The result has the new value of each of the part's, by id.
std::vector<Value> append_steps(Builder& builder, const Program& part,
                                const std::map<std::uint32_t, Value>& known,
                                const std::function<Value(Value, Value)>& changed);

}  // namespace tepui
