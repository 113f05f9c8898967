// SPDX-License-Identifier: MIT
// Read by C++ and by GLSL (attention_plan.cpp, shaders/lib/stretches.glsl).
#ifndef TEPUI_ATTENTION_STRETCH_H
#define TEPUI_ATTENTION_STRETCH_H

// Keys of a sequence that attention sums up on their own before it adds them to those before: whole
// tiles of 64. Long enough that adding costs little beside them, short enough that a token alone
// gives many workgroups work. Another length changes bits.
#define TEPUI_ATTENTION_STRETCH 256u

#endif
