// SPDX-License-Identifier: MIT
// The kernels for processors with AVX2, FMA and F16C; compiled with flags of tools/cmake/isa.cmake.
#include "backend/cpu/kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace tepui::cpu {
namespace {
#define TEPUI_ISA_NAME "avx2"
#include "backend/cpu/kernels/table.inc"
}  // namespace

const KernelTable& avx2_kernels() { return kTable; }

}  // namespace tepui::cpu
#endif
