// SPDX-License-Identifier: MIT
#include "weights/nanogpt.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "weights/mapped_source.h"
#include "weights/stored_zip.h"
#include "weights/torch_pickle.h"

namespace tepui {

namespace {

constexpr std::string_view kPickle = "/data.pkl";
constexpr std::string_view kCompiled = "_orig_mod.";  // what torch.compile puts before names
constexpr std::int64_t kLargestSize = 1 << 28;

class Checkpoint {
 public:
  Checkpoint(const std::string& file, const TorchPickle& pickle,
             const std::map<std::string, ZipEntry>& entries, std::string folder)
      : file_(file), pickle_(pickle), entries_(entries), folder_(std::move(folder)) {}

  Result<NanoGptArgs> args() const {
    const auto* args = pickle_.dict(pickle_.root(), "model_args");
    if (args == nullptr)
      return fail(ErrorKind::data,
                  "{}: expected a nanoGPT checkpoint with \"model_args\", found none", file_);
    NanoGptArgs out;
    TEPUI_TRY(out.layers, size(*args, "n_layer"));
    TEPUI_TRY(out.heads, size(*args, "n_head"));
    TEPUI_TRY(out.width, size(*args, "n_embd"));
    TEPUI_TRY(out.context, size(*args, "block_size"));
    TEPUI_TRY(out.vocabulary, size(*args, "vocab_size"));
    const auto* bias = value(*args, "bias");
    if (bias == nullptr) return out;  // before the key was there, all had them
    if (const bool* found = std::get_if<bool>(bias)) {
      out.bias = *found;
      return out;
    }
    return fail(ErrorKind::data, "{}: model_args \"bias\": expected True or False", file_);
  }

  Result<std::vector<TensorRef>> tensors() const {
    const auto* model = pickle_.dict(pickle_.root(), "model");
    if (model == nullptr)
      return fail(ErrorKind::data, "{}: expected a nanoGPT checkpoint with \"model\", found none",
                  file_);
    std::vector<TensorRef> out;
    std::map<std::string, int> seen;
    for (const auto& [key, item] : model->items) {
      const auto* name = pickle_.as<std::string>(key);
      const auto* tensor = pickle_.as<TorchPickle::Tensor>(item);
      if (name == nullptr || tensor == nullptr)
        return fail(ErrorKind::data, "{}: \"model\": expected tensors by name, found {}", file_,
                    name == nullptr ? "a key that is no string" : printable(*name));
      std::string_view plain = *name;
      if (plain.starts_with(kCompiled)) plain.remove_prefix(kCompiled.size());
      if (++seen[std::string(plain)] > 1)
        return fail(ErrorKind::data, "{}: expected one tensor {}, found two", file_,
                    printable(plain));
      TEPUI_TRY(TensorRef ref, place(std::string(plain), *tensor));
      out.push_back(std::move(ref));
    }
    return out;
  }

 private:
  const TorchPickle::Value* value(const TorchPickle::Dict& dict, std::string_view key) const {
    for (const auto& item : dict.items) {
      const auto* name = pickle_.as<std::string>(item.first);
      if (name != nullptr && *name == key) return &pickle_[item.second];
    }
    return nullptr;
  }

  Result<int> size(const TorchPickle::Dict& args, std::string_view key) const {
    const auto* found = value(args, key);
    const auto* number = found == nullptr ? nullptr : std::get_if<std::int64_t>(found);
    if (number == nullptr || *number < 1 || *number > kLargestSize)
      return fail(ErrorKind::data,
                  "{}: model_args \"{}\": expected a whole number from 1 to {}, found {}", file_,
                  key, kLargestSize,
                  number != nullptr  ? std::to_string(*number)
                  : found == nullptr ? "none"
                                     : "something else");
    return static_cast<int>(*number);
  }

  // A tensor's elements stand in its storage in row-major order, from its offset on.
  Result<TensorRef> place(std::string name, const TorchPickle::Tensor& tensor) const {
    if (tensor.sizes.size() > static_cast<std::size_t>(Shape::kMaxRank))
      return fail(ErrorKind::data, "{}: tensor {}: expected at most {} axes, found {}", file_,
                  printable(name), Shape::kMaxRank, tensor.sizes.size());
    std::int64_t elements = 1;
    for (std::size_t axis = tensor.sizes.size(); axis-- > 0;) {
      if (tensor.sizes[axis] != 1 && tensor.strides[axis] != elements)
        return fail(ErrorKind::data, "{}: tensor {}: expected row-major order, found strides [{}]",
                    file_, printable(name), fmt::join(tensor.strides, ", "));
      if (__builtin_mul_overflow(elements, tensor.sizes[axis], &elements))
        return fail(ErrorKind::data, "{}: tensor {}: expected sizes that fit 63 bits, found [{}]",
                    file_, printable(name), fmt::join(tensor.sizes, ", "));
    }
    const auto entry = entries_.find(folder_ + "/data/" + tensor.storage.key);
    if (entry == entries_.end())
      return fail(ErrorKind::data, "{}: tensor {}: expected the entry data/{}, found none", file_,
                  printable(name), printable(tensor.storage.key));
    const auto unit = static_cast<std::int64_t>(dtype_bytes(tensor.storage.dtype));
    const auto stored = static_cast<std::int64_t>(entry->second.bytes.size()) / unit;
    if (tensor.offset > stored || elements > stored - tensor.offset)
      return fail(ErrorKind::data,
                  "{}: tensor {}: expected {} elements from {} on in data/{}, found {} in all",
                  file_, printable(name), elements, tensor.offset, printable(tensor.storage.key),
                  stored);
    const auto first = static_cast<std::size_t>(tensor.offset * unit);
    return TensorRef{std::move(name),
                     {tensor.storage.dtype, Shape(tensor.sizes)},
                     entry->second.bytes.subspan(first, static_cast<std::size_t>(elements * unit)),
                     file_,
                     entry->second.offset + first};
  }

  const std::string& file_;
  const TorchPickle& pickle_;
  const std::map<std::string, ZipEntry>& entries_;
  std::string folder_;
};

}  // namespace

Result<NanoGptModel> open_nanogpt(const std::filesystem::path& path) {
  TEPUI_TRY(MappedFile file, open_weight_file(path));
  const std::string name = path.string();
  TEPUI_TRY(const auto list, read_stored_zip(file.bytes(), name));
  std::map<std::string, ZipEntry> entries;
  std::string folder;
  for (const ZipEntry& entry : list) {
    entries[entry.name] = entry;
    if (entry.name.ends_with(kPickle))
      folder = entry.name.substr(0, entry.name.size() - kPickle.size());
  }
  const auto found = entries.find(folder + std::string(kPickle));
  if (found == entries.end())
    return fail(ErrorKind::data, "{}: expected an entry data.pkl, found none", name);
  const auto order = entries.find(folder + "/byteorder");
  if (order != entries.end() && !order->second.bytes.empty() &&
      order->second.bytes.front() != std::byte{'l'})
    return fail(ErrorKind::unsupported, "{}: expected little-endian tensors, found big-endian ones",
                name);
  TEPUI_TRY(const TorchPickle pickle, TorchPickle::read(found->second.bytes, name));
  const Checkpoint checkpoint(name, pickle, entries, folder);
  NanoGptModel model;
  TEPUI_TRY(model.args, checkpoint.args());
  TEPUI_TRY(auto tensors, checkpoint.tensors());
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  model.source = std::make_unique<MappedSource>(std::move(files), std::move(tensors));
  return model;
}

}  // namespace tepui
