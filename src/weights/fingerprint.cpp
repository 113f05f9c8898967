// SPDX-License-Identifier: MIT
// Blocks of fixed size are hashed in parallel; their hashes, in order and among the tensors' names
// and types, are hashed once more. Thus neither thread count nor sharding changes the result.
#include <algorithm>
#include <vector>

#include "base/hash.h"
#include "weights/source.h"

namespace tepui {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;

std::size_t blocks_of(const TensorRef& tensor) {
  return (tensor.bytes.size() + kBlock - 1) / kBlock;
}

}  // namespace

std::string fingerprint(const WeightSource& source, ThreadPool& pool) {
  std::vector<std::span<const std::byte>> blocks;
  for (const TensorRef& tensor : source.tensors()) {
    for (std::size_t at = 0; at < tensor.bytes.size(); at += kBlock)
      blocks.push_back(tensor.bytes.subspan(at, std::min(kBlock, tensor.bytes.size() - at)));
  }
  std::vector<Hash128> hashes(blocks.size());
  pool.for_each(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t block, int) {
    const auto at = static_cast<std::size_t>(block);
    hashes[at] = hash_bytes(blocks[at]);
  });
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
