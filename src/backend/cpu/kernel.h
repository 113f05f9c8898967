// SPDX-License-Identifier: MIT
// What a CPU kernel is called with, and the table of them that each instruction set fills. A kernel
// is compiled with flags that other processors cannot run, so that nothing here may leave a copy of
// itself behind that the linker could pick for everyone: members are forced inline, operands are
// plain pointers, and what needs the standard library lies behind function pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "ops/op_list.h"
#include "ops/random_bits.h"
#include "tepui/tensor.h"

namespace tepui::cpu {

// A step's operand as a kernel sees it.
struct Operand {
  std::byte* data = nullptr;
  std::int64_t shape[4] = {};
  DType dtype = DType::f32;
  bool is_present = false;

  [[gnu::always_inline]] bool present() const { return is_present; }
};

// The thread pool without its std::function.
class KernelThreads {
 public:
  using Piece = void (*)(const void* body, std::int64_t piece, int thread);
  using Run = void (*)(void* pool, std::int64_t pieces, Piece call, const void* body);

  KernelThreads(void* pool, int size, Run run) : pool_(pool), run_(run), size_(size) {}

  [[gnu::always_inline]] int size() const { return size_; }

  // Calls body(piece, thread) for every piece in [0, pieces); returns when all are done.
  template <class Body>
  [[gnu::always_inline]] void for_each(std::int64_t pieces, const Body& body) const {
    run_(
        pool_, pieces,
        [](const void* of, std::int64_t piece, int thread) {
          (*static_cast<const Body*>(of))(piece, thread);
        },
        &body);
  }

 private:
  void* pool_;
  Run run_;
  int size_;
};

// Memory that lasts for one call, 64-byte aligned and uninitialised; kept between calls.
using TakeScratch = std::byte* (*)(void* arena, std::size_t bytes);

class KernelCall {
 public:
  KernelCall(const Operand* in, const Operand* out, const std::byte* params,
             const KernelThreads& pool, void* arena, TakeScratch take, bool asks)
      : in_(in), out_(out), params_(params), pool_(pool), arena_(arena), take_(take), asks_(asks) {}

  template <class Params>
  [[gnu::always_inline]] Params params() const {
    Params params;
    __builtin_memcpy(&params, params_, sizeof(Params));
    return params;
  }
  template <class T>
  [[gnu::always_inline]] const T* in(std::size_t slot) const {
    return reinterpret_cast<const T*>(in_[slot].data);
  }
  template <class T>
  [[gnu::always_inline]] T* out(std::size_t slot) const {
    return reinterpret_cast<T*>(out_[slot].data);
  }
  [[gnu::always_inline]] const Operand& in_type(std::size_t slot) const { return in_[slot]; }
  [[gnu::always_inline]] const Operand& out_type(std::size_t slot) const { return out_[slot]; }
  [[gnu::always_inline]] const KernelThreads& pool() const { return pool_; }

  // Whether a long stretch of memory is read faster where its lines are asked for (isa.h).
  [[gnu::always_inline]] bool asks_ahead() const { return asks_; }

  // Room for `count` T, apart from what this call took before; not to be called from a piece.
  template <class T>
  [[gnu::always_inline]] T* scratch(std::int64_t count) const {
    return reinterpret_cast<T*>(take_(arena_, static_cast<std::size_t>(count) * sizeof(T)));
  }

 private:
  const Operand* in_;
  const Operand* out_;
  const std::byte* params_;
  KernelThreads pool_;
  void* arena_;
  TakeScratch take_;
  bool asks_;
};

using KernelFn = void (*)(const KernelCall& call);

inline constexpr int kMostTogether = 4;  // steps that one call of single_rows runs

#define TEPUI_COUNT_OP(name, Params) +1
inline constexpr int kOpCount = 0 TEPUI_OP_LIST(TEPUI_COUNT_OP);
#undef TEPUI_COUNT_OP

struct KernelTable {
  const char* isa;
  std::int64_t panel;  // columns of a panel of a packed matrix (kernels/panel.inc)
  std::int64_t (*panel_bytes)(DType packed, std::int64_t depth);
  void (*single_rows)(const KernelCall* calls, int count);  // kernels/linear.inc
  KernelFn by_op[kOpCount];                                 // by OpCode
};

const KernelTable& portable_kernels();
#if defined(__x86_64__)
const KernelTable& avx2_kernels();
const KernelTable& avx512_kernels();
#endif

}  // namespace tepui::cpu
