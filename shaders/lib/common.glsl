// SPDX-License-Identifier: MIT
// What every shader shares: buffers by address, the push constant block's places, and the index of
// a workgroup in a grid that the recorder may have folded into two dimensions. Nothing here knows
// the size of a subgroup.
//
// glslc's optimiser unrolls loops marked [[unroll]] and leaves `precise` on the first round alone. So
// they hold products that are exact, or added to by fma; a driver may contract any other.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : enable

#include "ops/op_list.h"

layout(local_size_x_id = 0) in;  // a power of two
#define LANES gl_WorkGroupSize.x

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Uints { uint v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Ints { int v[]; };
// What workgroups of one dispatch tell each other.
layout(buffer_reference, scalar, buffer_reference_align = 4) coherent buffer Scratch { uint v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Halves { uint16_t v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Vectors { vec4 v[]; };

// The block: up to six addresses (the inputs by slot, then the outputs; 0 where one is absent), the
// op's parameters, and the address of the step's scratch memory.
#define SLOT(i) layout(offset = 8 * i)
#define PARAMS layout(offset = 48)
#define STATISTICS layout(offset = 64)  // of an op whose parameters leave room, where it is tapped
#define SCRATCH layout(offset = 120)

#define NO_INDEX 0xffffffffu

uint lane() { return gl_LocalInvocationID.x; }
uint group() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
bool present(Floats buffer_) { return uvec2(buffer_) != uvec2(0); }

// |x| by its bits, from x by its bits: NaN is above infinity.
uint magnitude(uint bits) { return bits & 0x7fffffffu; }
