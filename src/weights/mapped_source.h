// SPDX-License-Identifier: MIT
// The one kind of WeightSource there is so far: files held mapped, and a list of tensors that lie
// in them. Also what all readers of weight files share: opening with a clear word about git-lfs
// pointers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "weights/source.h"

namespace tepui {

class MappedSource final : public WeightSource {
 public:
  // Sorts the tensors by name; their bytes must lie in the files, and no two may share a name.
  MappedSource(std::vector<MappedFile> files, std::vector<TensorRef> tensors);
  std::span<const TensorRef> tensors() const override { return tensors_; }

 private:
  std::vector<MappedFile> files_;
  std::vector<TensorRef> tensors_;
};

// Maps a file of weights; refuses what git-lfs leaves in its place where it was not fetched.
Result<MappedFile> open_weight_file(const std::filesystem::path& path);

}  // namespace tepui
