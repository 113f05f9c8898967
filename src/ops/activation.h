// SPDX-License-Identifier: MIT
// The activation functions' definitions, shared by act, act_mul and linear's epilogue.
#pragma once

#include <cstdint>

namespace tepui {

bool known_activation(std::uint32_t act);
double activate(std::uint32_t act, double x);

// How far act(x + e) may be from the exact act(x): |e| times the steepest slope, and the error of
// evaluating act itself, a few units in the last place of the result and of the parts that it is
// made of (which are at most |x|).
double activation_bound(std::uint32_t act, double x, double error_of_x);

}  // namespace tepui
