// SPDX-License-Identifier: MIT
// Takes weights out of their files onto a backend: in pieces of bounded size, each checked for NaN
// and infinity and packed while the next is not yet read, so that a matrix of any size passes
// through a few megabytes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "models/model.h"
#include "tepui/backend.h"

namespace tepui {

// The Program that packs a stored matrix: one step, from source to result.
struct Packing {
  Program program;
  Value source;
  Value result;
};
Result<Packing> packing_of(const BoundWeight& weight);

// Bytes of so many elements, which are whole blocks.
std::size_t stored_bytes(DType dtype, std::uint64_t elements);

class WeightLoader {
 public:
  static constexpr std::size_t kPieceBytes = std::size_t{16} << 20;

  WeightLoader(Backend& backend, ThreadPool& pool) : backend_(backend), pool_(pool) {}

  // A matrix, or one for each expert, each into its part of `to`.
  Status pack(const BoundWeight& weight, bool check, const Buffer& to);
  // Rows [first, first + count) of the matrix that stands in `tensor`; `first` must begin a run and
  // a pair of rows, if the weight has such.
  Status pack_rows(const TensorRef& tensor, const BoundWeight& weight, std::int64_t first,
                   std::int64_t count, bool check, BufferSlice to);

  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::int64_t rows_at_once(const BoundWeight& weight, DType dtype) const;
  // [first, first + count) of the tensor's bytes in piece_, or where they stand in memory.
  Result<std::span<const std::byte>> read(const TensorRef& tensor, std::size_t first,
                                          std::size_t count, bool check);

  Backend& backend_;
  ThreadPool& pool_;
  std::vector<std::byte> piece_;
  std::vector<std::byte> ordered_;  // the same in another order of rows
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tepui
