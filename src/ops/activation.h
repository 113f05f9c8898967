// SPDX-License-Identifier: MIT
// The activation functions that `linear`, `act` and `act_mul` share: their definition in double and
// the error that a backend may make in f32.
#pragma once

#include "ops/op_list.h"

namespace tepui {

inline bool known_activation(uint act) { return act <= TEPUI_ACT_SIGMOID; }

double activate(uint act, double x);

// The largest factor by which the function stretches an error of its argument.
double activation_slope(uint act);

// What evaluating the function of an exact f32 argument may add.
double activation_error(uint act, double x);

// The derivative, and the absolute error that a backend may make in it (act_grad.cpp).
double activation_gradient(uint act, double x);
double activation_gradient_error(uint act, double x);

}  // namespace tepui
