// SPDX-License-Identifier: MIT
#include "exec/device_sizes.h"

namespace tepui {
namespace {

// The processor's caches are small, and Mesa's software device computes there.
bool is_processor(const DeviceInfo& device) { return device.threads > 0 || device.software; }

}  // namespace

// A GPU needs many rows to be busy: 2048 of width 768 took an H200 64 us in a linear layer where
// 512 took 35, and 172 us for their statistics instead of 155 (bench/results/h200.txt).
int usual_chunk_tokens(const DeviceInfo& device) { return is_processor(device) ? 512 : 2048; }

// Each tile is a submission and a handful of dispatches behind each other, for one token as well,
// whose logits a vocabulary of 128,256 would make in 63 of the processor's.
int usual_head_tile(const DeviceInfo& device) { return is_processor(device) ? 2048 : 8192; }

}  // namespace tepui
