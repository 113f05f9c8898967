// SPDX-License-Identifier: MIT
// Takes weights out of their files onto a backend: in pieces of bounded size, each checked for NaN
// and infinity and packed, so that a matrix of any size passes through a few megabytes. A device
// copies and packs one piece while the next is read into memory that it copies from.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
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

  WeightLoader(Backend& backend, ThreadPool& pool);
  ~WeightLoader() { (void)finish(); }
  WeightLoader(const WeightLoader&) = delete;
  WeightLoader& operator=(const WeightLoader&) = delete;

  // A vector, a matrix, or one for each expert, each into its part of `to`, which must live until
  // finish(). It is written behind `after`.
  Status issue(const BoundWeight& weight, bool check, const Buffer& to, Tickets after);
  // Waits for all that was issued; the first error.
  Status finish();
  // Issues and waits. Rows [first, first + count) of the matrix that stands in `tensor`; `first`
  // must begin a run and a pair of rows, if the weight has such.
  Status pack_rows(const TensorRef& tensor, const BoundWeight& weight, std::int64_t first,
                   std::int64_t count, bool check, BufferSlice to);

  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  // A piece that is under way, and the memory that it passes through.
  struct Slot {
    Buffer staging;               // of a device
    std::vector<std::byte> host;  // of a backend without staging memory
    std::vector<std::byte> ordered;
    std::vector<float> values;  // of a vector
    Buffer source;
    std::unique_ptr<Prepared> prepared;
    Ticket ticket;
    bool under_way = false;
  };

  Slot& next_slot() { return slots_[stages_ ? turns_++ % slots_.size() : 0]; }
  Status settle(Slot& slot);
  Result<std::span<std::byte>> room(Slot& slot, std::size_t bytes);
  Status issue_vector(const BoundWeight& weight, bool check, const Buffer& to, Tickets after);
  Status issue_rows(const TensorRef& tensor, const BoundWeight& weight, std::int64_t first,
                    std::int64_t count, bool check, BufferSlice to, Tickets after);
  std::int64_t piece_bytes() const;
  std::int64_t rows_at_once(const BoundWeight& weight, DType dtype) const;
  // [first, first + count) of the tensor's bytes in the slot's memory, or where they stand in
  // memory.
  Result<std::span<const std::byte>> read(const TensorRef& tensor, std::size_t first,
                                          std::size_t count, bool check, Slot& slot);

  Backend& backend_;
  ThreadPool& pool_;
  bool stages_;                // whether the backend has memory to read into
  std::array<Slot, 2> slots_;  // used in turn; one is enough where the host computes
  std::size_t turns_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tepui
