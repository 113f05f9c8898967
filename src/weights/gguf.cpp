// SPDX-License-Identifier: MIT
#include "weights/gguf.h"

#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "gguf/gguf_file.h"
#include "weights/mapped_source.h"

namespace tepui {
namespace {

using Path = std::filesystem::path;

constexpr std::int64_t kMostParts = 65535;  // the format's own: a part's number is a u16

struct Split {
  std::int64_t part = 0;  // from 0
  std::int64_t parts = 1;
};

Result<Split> split_of(const GgufMetadata& metadata) {
  Split split;
  TEPUI_TRY(const auto parts, metadata.integer("split.count"));
  TEPUI_TRY(const auto part, metadata.integer("split.no"));
  split.parts = parts.value_or(1);
  split.part = part.value_or(0);
  if (split.parts == 0) split.parts = 1;  // gguf-split writes 0 where it put parts together
  if (split.parts < 0 || split.parts > kMostParts || split.part < 0 || split.part >= split.parts)
    return fail(ErrorKind::data,
                "{}: expected \"split.count\" from 1 to {} and \"split.no\" below it, found {} and "
                "{}",
                metadata.file(), kMostParts, split.parts, split.part);
  return split;
}

std::string part_ending(const Split& split) {
  return fmt::format("-{:05}-of-{:05}.gguf", split.part + 1, split.parts);
}

class PartReader {
 public:
  Result<GgufWeights> read(const Path& path) {
    TEPUI_TRY(GgufFile first, open_part(path));
    TEPUI_TRY(const Split split, split_of(first.metadata));
    TEPUI_TRY(const std::string stem, stem_of(path, split));
    GgufMetadata metadata = first.metadata;
    TEPUI_TRY(add(std::move(first)));
    for (std::int64_t part = 1; part < split.parts; ++part)
      TEPUI_TRY(add_part(path, stem, {part, split.parts}));
    TEPUI_TRY(const auto all, metadata.integer("split.tensors.count"));
    if (split.parts > 1 && all && *all != static_cast<std::int64_t>(names_.size()))
      return fail(ErrorKind::data, "{}: expected {} tensors in {} parts, found {}", metadata.file(),
                  *all, split.parts, names_.size());
    return GgufWeights{std::make_unique<MappedSource>(std::move(files_), std::move(tensors_)),
                       std::move(metadata)};
  }

 private:
  static Result<GgufFile> open_part(const Path& path) {
    TEPUI_TRY(MappedFile file, open_weight_file(path));
    return read_gguf(std::move(file));
  }

  // The file's name without the ending that numbers it.
  static Result<std::string> stem_of(const Path& path, const Split& split) {
    const std::string name = path.filename().string();
    if (split.parts == 1) return name;
    const std::string ending = part_ending(split);
    if (!name.ends_with(ending))
      return fail(ErrorKind::data,
                  "{}: part {} of {}: expected a name that ends in {}, by which the other parts "
                  "are found",
                  path.string(), split.part + 1, split.parts, ending);
    const std::string stem = name.substr(0, name.size() - ending.size());
    if (split.part != 0)
      return fail(ErrorKind::usage, "{}: this is part {} of {}: expected the first, {}",
                  path.string(), split.part + 1, split.parts, stem + part_ending({0, split.parts}));
    return stem;
  }

  Status add_part(const Path& first, const std::string& stem, const Split& wanted) {
    const Path path = first.parent_path() / (stem + part_ending(wanted));
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
      return fail(ErrorKind::data, "{}: expected part {} of {} of {}, found no such file",
                  path.string(), wanted.part + 1, wanted.parts, first.filename().string());
    TEPUI_TRY(GgufFile file, open_part(path));
    TEPUI_TRY(const Split found, split_of(file.metadata));
    if (found.part != wanted.part || found.parts != wanted.parts)
      return fail(ErrorKind::data, "{}: expected part {} of {}, found part {} of {}", path.string(),
                  wanted.part + 1, wanted.parts, found.part + 1, found.parts);
    return add(std::move(file));
  }

  Status add(GgufFile file) {
    const std::string name = file.metadata.file();
    for (GgufTensor& tensor : file.tensors) {
      if (!names_.insert(tensor.name).second)
        return fail(ErrorKind::data, "{}: tensor {} stands in an earlier part as well", name,
                    printable(tensor.name));
      add_tensor(tensor, name);
    }
    files_.push_back(std::move(file.file));
    return {};
  }

  void add_tensor(const GgufTensor& tensor, const std::string& file) {
    const Shape& shape = tensor.type.shape;
    if (shape.rank() != 3) {
      tensors_.push_back({tensor.name, tensor.type, tensor.bytes, file, tensor.offset});
      return;
    }
    const TensorType slice{tensor.type.dtype, Shape{shape[1], shape[2]}};
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      const std::size_t at = static_cast<std::size_t>(i) * slice.bytes();
      tensors_.push_back({fmt::format("{}[{}]", tensor.name, i), slice,
                          tensor.bytes.subspan(at, slice.bytes()), file, tensor.offset + at});
    }
  }

  std::vector<MappedFile> files_;
  std::vector<TensorRef> tensors_;
  std::set<std::string> names_;
};

}  // namespace

Result<GgufWeights> open_gguf(const Path& file) { return PartReader().read(file); }

}  // namespace tepui
