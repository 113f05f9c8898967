// SPDX-License-Identifier: MIT
// The kernels for any processor.
#include "backend/cpu/kernel.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace tepui::cpu {
namespace {
#define TEPUI_ISA_NAME "portable"
#include "backend/cpu/kernels/table.inc"
}  // namespace

const KernelTable& portable_kernels() { return kTable; }

}  // namespace tepui::cpu
