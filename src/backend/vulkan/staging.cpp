// SPDX-License-Identifier: MIT
#include "backend/vulkan/staging.h"

#include <algorithm>
#include <cstring>

namespace tepui::vulkan {

Result<Range> Staging::take(std::size_t bytes) {
  while (!pieces_.empty() && under_way_ + bytes > kUnderWay) {
    const std::uint64_t oldest = pieces_.front().value;
    TEPUI_TRY(device_->wait(oldest));
    finish(oldest);
  }
  return pool_->take(bytes);
}

void Staging::finish(std::uint64_t value) {
  while (!pieces_.empty() && pieces_.front().value <= value) {
    const Piece& piece = pieces_.front();
    if (!piece.to.empty()) std::memcpy(piece.to.data(), piece.range.mapped(), piece.to.size());
    under_way_ -= piece.range.bytes;
    pool_->give_back(piece.range);
    pieces_.pop_front();
  }
}

Status Staging::upload(const Range& to, std::size_t offset, std::span<const std::byte> from) {
  for (std::size_t done = 0; done < from.size(); done += kPiece) {
    const auto piece = from.subspan(done, std::min(kPiece, from.size() - done));
    TEPUI_TRY(const Range staging, take(piece.size()));
    std::memcpy(staging.mapped(), piece.data(), piece.size());
    const std::uint64_t value = next_();
    pieces_.push_back({value, staging, {}});
    under_way_ += staging.bytes;
    const VkBufferCopy copy{staging.offset, to.offset + offset + done, piece.size()};
    TEPUI_TRY(device_->submit(value, [&](VkCommandBuffer commands) {
      device_->api().CmdCopyBuffer(commands, staging.block->buffer, to.block->buffer, 1, &copy);
    }));
  }
  return {};
}

Status Staging::download(std::span<std::byte> to, const Range& from, std::size_t offset) {
  for (std::size_t done = 0; done < to.size(); done += kPiece) {
    const auto piece = to.subspan(done, std::min(kPiece, to.size() - done));
    TEPUI_TRY(const Range staging, take(piece.size()));
    const std::uint64_t value = next_();
    const VkBufferCopy copy{from.offset + offset + done, staging.offset, piece.size()};
    const Status status = device_->submit(value, [&](VkCommandBuffer commands) {
      device_->api().CmdCopyBuffer(commands, from.block->buffer, staging.block->buffer, 1, &copy);
    });
    // A piece that was not submitted brings nothing.
    pieces_.push_back({value, staging, status ? piece : std::span<std::byte>()});
    under_way_ += staging.bytes;
    TEPUI_TRY(status);
  }
  return {};
}

}  // namespace tepui::vulkan
