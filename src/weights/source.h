// SPDX-License-Identifier: MIT
// Where a model's named tensors are: mapped bytes with their dtype and shape, never copied, and the
// file that they can be read from in pieces (read_bytes.h). A
// source checks at opening that every tensor lies within its file and has the size that its type
// says; it does not read the data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/thread_pool.h"
#include "tepui/result.h"
#include "tepui/tensor.h"

namespace tepui {

struct TensorRef {
  std::string name;
  TensorType type;                   // any dtype that files have
  std::span<const std::byte> bytes;  // inside the source's mapping; may be unaligned
  std::string file;                  // for messages
  std::uint64_t offset = 0;          // of the first byte within the file
  int descriptor = -1;               // of the open file; -1: the bytes are in memory alone
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual std::span<const TensorRef> tensors() const = 0;  // sorted by name
  // Null if there is none of that name.
  const TensorRef* find(std::string_view name) const;
};

// `model.safetensors`, or the shards that `model.safetensors.index.json` names (every shard must be
// there, and every tensor stand in the shard that the index says), or a single .safetensors file.
Result<std::unique_ptr<WeightSource>> open_safetensors(const std::filesystem::path& folder_or_file);

// A llama2.c checkpoint (legacy version 0: 28 bytes of header). Tensors get the names and the
// row-major [out, in] shapes of the HF LLaMA layout (per-layer slices of the file's arrays),
// without lm_head.weight where it is tied. The rows of q_proj and k_proj stay in the file's order:
// rotary pairs are neighbours (2i, 2i + 1), not halves of the head as in HF files.
struct Llama2cHeader {
  int dim = 0;
  int hidden_dim = 0;
  int layers = 0;
  int heads = 0;
  int kv_heads = 0;
  int vocabulary = 0;
  int context = 0;
  bool tied = true;
};
struct Llama2cModel {
  Llama2cHeader header;
  std::unique_ptr<WeightSource> source;
};
Result<Llama2cModel> open_llama2c(const std::filesystem::path& file);

// An error that names file, tensor, element and byte offset of the first NaN or infinity, if there
// is one. Reads in pieces, without touching the mapping.
Status check_finite(const TensorRef& tensor, ThreadPool& pool);
// The same of bytes of the tensor that were read, from `first` on: whole elements or blocks.
Status check_finite(const TensorRef& tensor, std::span<const std::byte> part, std::size_t first);

// A hash (hex) over the names, types and bytes of all tensors; identifies a model in the store.
// Reads everything once, in pieces.
Result<std::string> fingerprint(const WeightSource& source, ThreadPool& pool);
// The same, remembered between runs where the model is large (cache_folder()) for as long as no
// file's device, inode, size or times of change differ. `before_reading` is called with the number
// of bytes if they must be read.
Result<std::string> remembered_fingerprint(
    const WeightSource& source, ThreadPool& pool,
    const std::function<void(std::uint64_t)>& before_reading = nullptr);

}  // namespace tepui
