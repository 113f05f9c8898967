// SPDX-License-Identifier: MIT
// Transfers between host and device through staging memory, in pieces, with a bound on what is
// under way: a transfer beyond it waits for the oldest, nothing is dropped.
#pragma once

#include <deque>
#include <functional>
#include <span>

#include "backend/vulkan/memory.h"

namespace tepui::vulkan {

class Staging {
 public:
  static constexpr std::size_t kPiece = std::size_t{8} << 20;  // where memory is ample
  static constexpr std::size_t kPiecesUnderWay = 8;

  // `next` gives the timeline's next value.
  Staging(std::shared_ptr<Device> device, Queue& queue, std::function<std::uint64_t()> next)
      : device_(std::move(device)),
        queue_(queue),
        pool_(std::make_shared<MemoryPool>(device_, Memory::staging)),
        piece_(piece_bytes(device_->physical(), kPiece)),
        next_(std::move(next)) {}

  // The bytes of `from` have been read when this returns; not so those that lie in `staging`
  // already.
  Status upload(const Range& to, std::size_t offset, const Range& staging);
  Status upload(const Range& to, std::size_t offset, std::span<const std::byte> from);
  // Behind all that is recorded, and submitted with it. `to` is written by the finish() of its last
  // piece.
  Status download(std::span<std::byte> to, const Range& from, std::size_t offset);
  // Completes all transfers up to this value of the timeline, which has been waited for; what has
  // failed brings nothing.
  void finish(std::uint64_t value);

 private:
  struct Piece {
    std::uint64_t value = 0;
    Range range;
    std::span<std::byte> to;  // empty: an upload
  };
  Result<Range> take(std::size_t bytes);
  Status keep(const Piece& piece, Status issued);
  Status upload_piece(const Range& to, std::size_t offset, std::span<const std::byte> from);
  Status download_piece(std::span<std::byte> to, const Range& from, std::size_t offset);

  std::shared_ptr<Device> device_;
  Queue& queue_;
  std::shared_ptr<MemoryPool> pool_;
  std::size_t piece_;
  std::function<std::uint64_t()> next_;
  std::deque<Piece> pieces_;
  std::size_t under_way_ = 0;
};

}  // namespace tepui::vulkan
