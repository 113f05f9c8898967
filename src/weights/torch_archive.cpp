// SPDX-License-Identifier: MIT
#include "weights/torch_archive.h"

#include <fmt/ranges.h>

#include <set>

#include "base/utf8_text.h"

namespace tepui {

namespace {

constexpr std::string_view kPickle = "/data.pkl";

}  // namespace

Result<TorchArchive> TorchArchive::read(const MappedFile& file) {
  const std::string name = file.path().string();
  TorchArchive archive(name);
  TEPUI_TRY(const auto list, read_stored_zip(file.bytes(), name));
  for (const ZipEntry& entry : list) {
    archive.entries_[entry.name] = entry;
    if (entry.name.ends_with(kPickle))
      archive.folder_ = entry.name.substr(0, entry.name.size() - kPickle.size());
  }
  const auto found = archive.entries_.find(archive.folder_ + std::string(kPickle));
  if (found == archive.entries_.end())
    return fail(ErrorKind::data, "{}: expected an entry data.pkl, found none", name);
  const auto order = archive.entries_.find(archive.folder_ + "/byteorder");
  if (order != archive.entries_.end() && !order->second.bytes.empty() &&
      order->second.bytes.front() != std::byte{'l'})
    return fail(ErrorKind::unsupported, "{}: expected little-endian tensors, found big-endian ones",
                name);
  TEPUI_TRY(archive.pickle_, TorchPickle::read(found->second.bytes, name));
  return archive;
}

Result<std::vector<TensorRef>> TorchArchive::tensors(const TorchPickle::Dict& dict,
                                                     std::string_view title,
                                                     std::string_view prefix) const {
  std::vector<TensorRef> out;
  std::set<std::string> seen;
  for (const auto& [key, item] : dict.items) {
    const auto* name = pickle_.as<std::string>(key);
    const auto* tensor = pickle_.as<TorchPickle::Tensor>(item);
    if (name == nullptr || tensor == nullptr)
      return fail(ErrorKind::data, "{}: {}: expected tensors by name, found {}", file_, title,
                  name == nullptr ? "a key that is no string" : printable(*name));
    std::string plain = *name;
    if (plain.starts_with(prefix)) plain.erase(0, prefix.size());
    if (!seen.insert(plain).second)
      return fail(ErrorKind::data, "{}: expected one tensor {}, found two", file_,
                  printable(plain));
    TEPUI_TRY(TensorRef ref, place(std::move(plain), *tensor));
    out.push_back(std::move(ref));
  }
  return out;
}

// A tensor's elements stand in its storage in row-major order, from its offset on.
Result<TensorRef> TorchArchive::place(std::string name, const TorchPickle::Tensor& tensor) const {
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
                "{}: tensor {}: expected {} elements from {} on in data/{}, found {} in all", file_,
                printable(name), elements, tensor.offset, printable(tensor.storage.key), stored);
  const auto first = static_cast<std::size_t>(tensor.offset * unit);
  return TensorRef{std::move(name),
                   {tensor.storage.dtype, Shape(tensor.sizes)},
                   entry->second.bytes.subspan(first, static_cast<std::size_t>(elements * unit)),
                   file_,
                   entry->second.offset + first};
}

Result<std::vector<TensorRef>> read_torch_tensors(const MappedFile& file) {
  TEPUI_TRY(const TorchArchive archive, TorchArchive::read(file));
  const auto* model = archive.pickle().as<TorchPickle::Dict>(archive.pickle().root());
  if (model == nullptr)
    return fail(ErrorKind::data, "{}: expected a dictionary of tensors, found something else",
                file.path().string());
  return archive.tensors(*model, "the model");
}

}  // namespace tepui
