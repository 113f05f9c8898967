// SPDX-License-Identifier: MIT
// Blocks of fixed size are hashed in parallel; their hashes, in order and among the tensors' names
// and types, are hashed once more. Thus neither thread count nor sharding changes the result.
#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "weights/read_bytes.h"
#include "weights/source.h"

namespace tepui {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;

std::size_t blocks_of(const TensorRef& tensor) {
  return (tensor.bytes.size() + kBlock - 1) / kBlock;
}

struct Block {
  const TensorRef* tensor;
  std::size_t first;
  std::size_t count;
};

}  // namespace

Result<std::string> fingerprint(const WeightSource& source, ThreadPool& pool) {
  std::vector<Block> blocks;
  for (const TensorRef& tensor : source.tensors()) {
    for (std::size_t at = 0; at < tensor.bytes.size(); at += kBlock)
      blocks.push_back({&tensor, at, std::min(kBlock, tensor.bytes.size() - at)});
  }
  std::vector<Hash128> hashes(blocks.size());
  std::vector<std::vector<std::byte>> buffers(static_cast<std::size_t>(pool.size()));
  std::mutex mutex;
  std::optional<Error> error;
  pool.for_each(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t index, int thread) {
    const Block& block = blocks[static_cast<std::size_t>(index)];
    const auto bytes = piece_of(*block.tensor, block.first, block.count,
                                buffers[static_cast<std::size_t>(thread)]);
    if (bytes) {
      hashes[static_cast<std::size_t>(index)] = hash_bytes(*bytes);
      return;
    }
    const std::lock_guard lock(mutex);
    if (!error) error = bytes.error();
  });
  if (error) return tl::unexpected<Error>(*error);
  std::string summary;
  std::size_t next = 0;
  for (const TensorRef& tensor : source.tensors()) {
    // The name's length keeps a name that looks like what follows from being taken for it.
    summary += fmt::format("{} {} {}", tensor.name.size(), tensor.name, tensor.type.to_string());
    for (std::size_t block = 0; block < blocks_of(tensor); ++block) summary += hashes[next++].hex();
    summary += '\n';
  }
  return hash_hex(summary);
}

}  // namespace tepui
