// SPDX-License-Identifier: MIT
#include "weights/source.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "weights/mapped_source.h"

namespace tepui {

const TensorRef* WeightSource::find(std::string_view name) const {
  const auto all = tensors();
  const auto at = std::lower_bound(
      all.begin(), all.end(), name,
      [](const TensorRef& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return at != all.end() && at->name == name ? &*at : nullptr;
}

MappedSource::MappedSource(std::vector<MappedFile> files, std::vector<TensorRef> tensors)
    : files_(std::move(files)), tensors_(std::move(tensors)) {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorRef& x, const TensorRef& y) { return x.name < y.name; });
  const auto same =
      std::adjacent_find(tensors_.begin(), tensors_.end(),
                         [](const TensorRef& x, const TensorRef& y) { return x.name == y.name; });
  TEPUI_ASSERT(same == tensors_.end());
  for (TensorRef& tensor : tensors_) {
    for (const MappedFile& file : files_) {
      const auto all = file.bytes();
      const bool inside =
          tensor.bytes.data() >= all.data() && tensor.bytes.data() < all.data() + all.size();
      if (!inside) continue;
      tensor.descriptor = file.descriptor();
      tensor.offset = static_cast<std::uint64_t>(tensor.bytes.data() - all.data());
    }
  }
}

Result<MappedFile> open_weight_file(const std::filesystem::path& path) {
  constexpr std::string_view kPointer = "version https://git-lfs";
  TEPUI_TRY(MappedFile file, MappedFile::open(path));
  const auto bytes = file.bytes();
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min(bytes.size(), kPointer.size()));
  if (start == kPointer) {
    return fail(
        ErrorKind::data,
        "{}: expected weights, found a git-lfs pointer of {} bytes: the file itself was not "
        "fetched (run git lfs pull in its folder)",
        path.string(), bytes.size());
  }
  return file;
}

}  // namespace tepui
