// SPDX-License-Identifier: MIT
#include "backend/vulkan/staging.h"

#include <algorithm>
#include <cstring>

namespace tepui::vulkan {

Result<Range> Staging::take(std::size_t bytes) {
  while (!pieces_.empty() && under_way_ + bytes > kPiecesUnderWay * piece_) {
    const std::uint64_t oldest = pieces_.front().value;
    (void)queue_.wait(oldest);
    finish(oldest);
  }
  return pool_->take(bytes);
}

void Staging::finish(std::uint64_t value) {
  while (!pieces_.empty() && pieces_.front().value <= value) {
    const Piece& piece = pieces_.front();
    const bool arrived = !piece.to.empty() && queue_.state(piece.value);
    if (arrived) std::memcpy(piece.to.data(), piece.range.mapped(), piece.to.size());
    under_way_ -= piece.range.bytes;
    pool_->give_back(piece.range);
    pieces_.pop_front();
  }
}

Status Staging::upload(const Range& to, std::size_t offset, const Range& staging) {
  const VkBufferCopy copy{staging.offset, to.offset + offset, staging.bytes};
  return queue_.submit(next_(), Queue::Work::copies, [&](VkCommandBuffer commands) {
    device_->api().CmdCopyBuffer(commands, staging.block->buffer, to.block->buffer, 1, &copy);
  });
}

Status Staging::upload(const Range& to, std::size_t offset, std::span<const std::byte> from) {
  for (std::size_t done = 0; done < from.size(); done += piece_) {
    const auto piece = from.subspan(done, std::min(piece_, from.size() - done));
    TEPUI_TRY(upload_piece(to, offset + done, piece));
  }
  return {};
}

Status Staging::upload_piece(const Range& to, std::size_t offset, std::span<const std::byte> from) {
  TEPUI_TRY(const Range staging, take(from.size()));
  std::memcpy(staging.mapped(), from.data(), from.size());
  const std::uint64_t value = next_();
  const VkBufferCopy copy{staging.offset, to.offset + offset, from.size()};
  const auto record = [&](VkCommandBuffer commands) {
    device_->api().CmdCopyBuffer(commands, staging.block->buffer, to.block->buffer, 1, &copy);
  };
  return keep({value, staging, {}}, queue_.submit(value, Queue::Work::copies, record));
}

// A piece that is not on its way is given up.
Status Staging::keep(const Piece& piece, Status issued) {
  if (!issued) {
    pool_->give_back(piece.range);
    return issued;
  }
  pieces_.push_back(piece);
  under_way_ += piece.range.bytes;
  return {};
}

Status Staging::download(std::span<std::byte> to, const Range& from, std::size_t offset) {
  std::size_t pieces = 0;
  Status status;
  for (std::size_t done = 0; done < to.size() && status; done += piece_) {
    const auto piece = to.subspan(done, std::min(piece_, to.size() - done));
    status = download_piece(piece, from, offset + done);
    if (status) ++pieces;
  }
  if (!status) {  // its reader will not wait for the others
    for (std::size_t i = 0; i < std::min(pieces, pieces_.size()); ++i)
      pieces_[pieces_.size() - 1 - i].to = {};
  }
  return status;
}

Status Staging::download_piece(std::span<std::byte> to, const Range& from, std::size_t offset) {
  TEPUI_TRY(const Range staging, take(to.size()));
  const std::uint64_t value = next_();
  const VkBufferCopy copy{from.offset + offset, staging.offset, to.size()};
  const auto record = [&](VkCommandBuffer commands) {
    device_->api().CmdCopyBuffer(commands, from.block->buffer, staging.block->buffer, 1, &copy);
  };
  return keep({value, staging, to}, queue_.record(value, Queue::Work::copies, record));
}

}  // namespace tepui::vulkan
