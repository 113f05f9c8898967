// SPDX-License-Identifier: MIT
// The constants that the ops' error bounds are made of. Every bound is a forward error bound of f32
// arithmetic, from the operands that really meet in the element; never from a row's norm.
#pragma once

namespace tepui {

// Half the distance from 1 to the next f32: the relative error of one rounding.
inline constexpr double kUnit = 0x1p-24;
// The smallest normal f32: a product or an exponential below it may be flushed to zero.
inline constexpr double kTiny = 0x1p-126;

// The relative error of exp(x) on a backend: its own error and that of an argument that was
// rounded; proportional to |x| because that is what Vulkan grants (3 + 2|x| ulp).
inline double exp_error(double magnitude) { return (8 + 4 * magnitude) * kUnit; }

// The relative error of tanh on a backend, in units.
inline constexpr double kTanhError = 8;

}  // namespace tepui
