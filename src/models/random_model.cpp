// SPDX-License-Identifier: MIT
#include "models/random_model.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>
#include <utility>

#include "base/draws.h"
#include "base/half.h"
#include "base/hash.h"
#include "weights/mapped_source.h"

namespace tepui {

namespace {

bool is_norm_weight(WeightRole role) {
  switch (role) {
    case WeightRole::embedding_factor:
    case WeightRole::embedding_norm:
    case WeightRole::attn_norm:
    case WeightRole::q_norm:
    case WeightRole::k_norm:
    case WeightRole::attn_norm_behind:
    case WeightRole::mlp_norm:
    case WeightRole::mlp_norm_behind:
    case WeightRole::final_norm:
    case WeightRole::attn_norm_alpha:
    case WeightRole::mlp_norm_alpha:
    case WeightRole::final_norm_alpha: return true;
    default: return false;
  }
}

// What a tensor's elements are to be: `centre`, and around it normal of this deviation.
struct Filling {
  float centre = 0;
  float deviation = 0;
};

Filling filling_of(const BoundWeight& weight) {
  if (kind_of(weight.role) != WeightKind::vector) return {0, 0.02F};
  if (is_norm_weight(weight.role)) return {1 - weight.add, 0};
  return {};
}

DType random_dtype(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 ? dtype : DType::bf16;
}

// A file without a name, open for writing.
class NamelessFile {
 public:
  static Result<NamelessFile> create(const std::filesystem::path& folder) {
    const auto path = folder / fmt::format("tepui-random-model-{}", ::getpid());
    NamelessFile file;
    file.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file.descriptor_ < 0 || ::unlink(path.c_str()) != 0)
      return fail(ErrorKind::io, "{}: cannot be written: {}", path.string(),
                  std::generic_category().message(errno));
    return file;
  }
  NamelessFile() = default;
  NamelessFile(NamelessFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~NamelessFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Status write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(descriptor_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0)
        return fail(ErrorKind::io, "the random model's weights cannot be written: {}",
                    std::generic_category().message(errno));
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
  }
  Result<MappedFile> mapped() const {
    return MappedFile::open(fmt::format("/proc/self/fd/{}", descriptor_));
  }

 private:
  int descriptor_ = -1;
};

template <class T>
void append(std::string& bytes, T value) {
  const auto at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(&bytes[at], &value, sizeof value);
}

Status write_tensor(NamelessFile& file, const TensorRef& tensor, DType dtype,
                    const Filling& filling, std::uint64_t seed) {
  std::mt19937_64 random =
      draws_of(seed ^ hash_bytes(std::as_bytes(std::span(tensor.name))).low, 0x524d4f44);
  std::string bytes;
  const std::int64_t count = tensor.type.shape.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    float value = filling.centre;
    if (filling.deviation > 0) value += filling.deviation * static_cast<float>(draw_normal(random));
    if (dtype == DType::f32)
      append(bytes, value);
    else
      append(bytes, dtype == DType::f16 ? f16_from_f32(value) : bf16_from_f32(value));
    if (bytes.size() < (std::size_t{1} << 20) && i + 1 < count) continue;
    TEPUI_TRY(file.write(bytes));
    bytes.clear();
  }
  return {};
}

// Every tensor that a weight is read from, with what is to stand there.
std::map<std::string, std::pair<const TensorRef*, Filling>> tensors_of(const Model& model) {
  std::map<std::string, std::pair<const TensorRef*, Filling>> out;
  const auto add = [&](const std::vector<BoundWeight>& weights) {
    for (const BoundWeight& weight : weights) {
      const Filling filling = filling_of(weight);
      out.try_emplace(weight.tensor->name, weight.tensor, filling);
      for (const TensorRef* more : weight.rest) out.try_emplace(more->name, more, filling);
    }
  };
  add(model.globals);
  for (const auto& layer : model.layers) add(layer);
  return out;
}

std::vector<BoundWeight> bound_to(const std::vector<BoundWeight>& weights,
                                  const WeightSource& source) {
  std::vector<BoundWeight> out = weights;
  for (BoundWeight& weight : out) {
    weight.tensor = source.find(weight.tensor->name);
    for (const TensorRef*& more : weight.rest) more = source.find(more->name);
  }
  return out;
}

}  // namespace

Result<Model> random_model(const Model& like, std::uint64_t seed,
                           const std::filesystem::path& folder, std::uint64_t most_bytes) {
  const auto wanted = tensors_of(like);
  std::uint64_t bytes = 0;
  std::vector<TensorRef> tensors;
  for (const auto& [name, what] : wanted) {
    const TensorType type{random_dtype(what.first->type.dtype), what.first->type.shape};
    tensors.push_back({name, type, {}, "random weights", bytes, -1});
    bytes += static_cast<std::uint64_t>(type.shape.elements()) * (type.dtype == DType::f32 ? 4 : 2);
  }
  if (bytes > most_bytes)
    return fail(ErrorKind::usage,
                "the random model's weights take {} bytes of scratch: expected at most {}: raise "
                "--scratch, or leave random-model out of --controls",
                bytes, most_bytes);
  TEPUI_TRY(NamelessFile file, NamelessFile::create(folder));
  for (const TensorRef& tensor : tensors)
    TEPUI_TRY(write_tensor(file, tensor, tensor.type.dtype, wanted.at(tensor.name).second, seed));
  TEPUI_TRY(MappedFile mapped, file.mapped());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::uint64_t end = i + 1 < tensors.size() ? tensors[i + 1].offset : bytes;
    tensors[i].bytes = mapped.bytes().subspan(tensors[i].offset, end - tensors[i].offset);
    tensors[i].descriptor = mapped.descriptor();
  }
  Model model;
  model.spec = like.spec;
  model.name = like.name;
  model.path = like.path;
  model.container = like.container;
  std::vector<MappedFile> files;
  files.push_back(std::move(mapped));
  model.source = std::make_unique<MappedSource>(std::move(files), std::move(tensors));
  model.globals = bound_to(like.globals, *model.source);
  for (const auto& layer : like.layers) model.layers.push_back(bound_to(layer, *model.source));
  return model;
}

}  // namespace tepui
