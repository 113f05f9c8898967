// SPDX-License-Identifier: MIT
// The kernels for processors with AVX-512 F, BW, VL and DQ; compiled with flags of
// tools/cmake/isa.cmake.
#include "backend/cpu/kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace tepui::cpu {
namespace {
#define TEPUI_ISA_NAME "avx512"
#include "backend/cpu/kernels/table.inc"
}  // namespace

const KernelTable& avx512_kernels() { return kTable; }

}  // namespace tepui::cpu
#endif
