// SPDX-License-Identifier: MIT
// The legacy checkpoint of llama2.c: seven int32, then arrays of f32, each over all layers.
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "weights/mapped_source.h"

namespace tepui {
namespace {

constexpr std::size_t kHeaderBytes = 7 * sizeof(std::int32_t);
constexpr std::int32_t kVersionedMagic = 0x616b3432;  // "ak42" opens the newer, other layouts

Result<Llama2cHeader> read_header(const std::string& file, std::span<const std::byte> bytes) {
  if (bytes.size() < kHeaderBytes) {
    return fail(ErrorKind::data,
                "{}: expected {} bytes of llama2.c header at byte offset 0, found {}", file,
                kHeaderBytes, bytes.size());
  }
  std::array<std::int32_t, 7> fields{};
  std::memcpy(fields.data(), bytes.data(), kHeaderBytes);
  if (fields[0] == kVersionedMagic) {
    return fail(ErrorKind::unsupported,
                "{}: expected a llama2.c checkpoint of the legacy version 0, found the mark of a "
                "later version at byte offset 0",
                file);
  }
  const bool tied = fields[5] > 0;  // a negative vocabulary says that a head of its own follows
  constexpr std::array<const char*, 7> kNames = {"dim",        "hidden_dim", "n_layers", "n_heads",
                                                 "n_kv_heads", "vocab_size", "seq_len"};
  for (std::size_t field = 0; field < fields.size(); ++field) {
    const bool sound =
        fields[field] > 0 || (field == 5 && fields[field] < 0 &&
                              fields[field] > std::numeric_limits<std::int32_t>::min());
    if (sound) continue;
    return fail(ErrorKind::data, "{}: header: expected {} above 0 at byte offset {}, found {}",
                file, kNames[field], 4 * field, fields[field]);
  }
  Llama2cHeader header{fields[0], fields[1], fields[2],
                       fields[3], fields[4], tied ? fields[5] : -fields[5],
                       fields[6], tied};
  if (header.dim % header.heads != 0 || (header.dim / header.heads) % 2 != 0) {
    return fail(
        ErrorKind::data,
        "{}: header: expected n_heads that divides dim {} into heads of even size, found {} "
        "at byte offset 12",
        file, header.dim, header.heads);
  }
  if (header.heads % header.kv_heads != 0) {
    return fail(
        ErrorKind::data,
        "{}: header: expected n_kv_heads that divides n_heads {}, found {} at byte offset 16", file,
        header.heads, header.kv_heads);
  }
  return header;
}

// One array of the file: a tensor for each layer, or one outside the layers.
struct Array {
  std::string_view name;  // for layers, what follows model.layers.{i}.; empty: skipped
  bool per_layer = false;
  Shape shape;  // of one tensor
};

std::vector<Array> arrays_of(const Llama2cHeader& header) {
  const std::int64_t dim = header.dim;
  const std::int64_t hidden = header.hidden_dim;
  const std::int64_t head_size = dim / header.heads;
  const std::int64_t kv_dim = head_size * header.kv_heads;
  const Shape embedding{header.vocabulary, dim};
  std::vector<Array> arrays = {
      {"model.embed_tokens.weight", false, embedding},
      {"input_layernorm.weight", true, Shape{dim}},
      {"self_attn.q_proj.weight", true, Shape{dim, dim}},
      {"self_attn.k_proj.weight", true, Shape{kv_dim, dim}},
      {"self_attn.v_proj.weight", true, Shape{kv_dim, dim}},
      {"self_attn.o_proj.weight", true, Shape{dim, dim}},
      {"post_attention_layernorm.weight", true, Shape{dim}},
      {"mlp.gate_proj.weight", true, Shape{hidden, dim}},
      {"mlp.down_proj.weight", true, Shape{dim, hidden}},
      {"mlp.up_proj.weight", true, Shape{hidden, dim}},
      {"model.norm.weight", false, Shape{dim}},
      {"", false,
       Shape{header.context, head_size}},  // cosines and sines, which follow from the rest
  };
  if (!header.tied) arrays.push_back({"lm_head.weight", false, embedding});
  return arrays;
}

// Bytes of the whole file, or nothing where they do not fit 63 bits. Two int32 always multiply.
std::optional<std::int64_t> file_bytes(const Llama2cHeader& header,
                                       const std::vector<Array>& arrays) {
  std::int64_t total = kHeaderBytes;
  for (const Array& array : arrays) {
    std::int64_t bytes = 0;
    const std::int64_t times = (array.per_layer ? header.layers : 1) * std::int64_t{4};
    if (__builtin_mul_overflow(array.shape.elements(), times, &bytes)) return std::nullopt;
    if (__builtin_add_overflow(total, bytes, &total)) return std::nullopt;
  }
  return total;
}

}  // namespace

Result<Llama2cModel> open_llama2c(const std::filesystem::path& path) {
  TEPUI_TRY(MappedFile file, open_weight_file(path));
  const auto bytes = file.bytes();
  TEPUI_TRY(const Llama2cHeader header, read_header(path.string(), bytes));
  const std::vector<Array> arrays = arrays_of(header);
  const auto expected = file_bytes(header, arrays);
  if (!expected || static_cast<std::uint64_t>(*expected) != bytes.size()) {
    return fail(
        ErrorKind::data,
        "{}: expected {} bytes for the header's dim {}, hidden_dim {}, n_layers {}, n_heads "
        "{}, n_kv_heads {}, vocab_size {}{}, seq_len {}, found {}",
        path.string(), expected ? std::to_string(*expected) : "more than 2^63", header.dim,
        header.hidden_dim, header.layers, header.heads, header.kv_heads, header.vocabulary,
        header.tied ? "" : " (untied)", header.context, bytes.size());
  }
  std::vector<TensorRef> tensors;
  std::size_t offset = kHeaderBytes;
  for (const Array& array : arrays) {
    const TensorType type{DType::f32, array.shape};
    for (int layer = 0; layer < (array.per_layer ? header.layers : 1); ++layer) {
      std::string name = array.per_layer ? fmt::format("model.layers.{}.{}", layer, array.name)
                                         : std::string(array.name);
      if (!name.empty())
        tensors.push_back(
            {std::move(name), type, bytes.subspan(offset, type.bytes()), path.string(), offset});
      offset += type.bytes();
    }
  }
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  return Llama2cModel{header, std::make_unique<MappedSource>(std::move(files), std::move(tensors))};
}

}  // namespace tepui
