// SPDX-License-Identifier: MIT
// A file of torch.save: a zip archive of a pickle, which is read without executing anything
// (weights/torch_pickle.h), and the tensors' storages, which stay where they are. torch's format
// before 1.6 is no archive and refused.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "weights/source.h"
#include "weights/stored_zip.h"
#include "weights/torch_pickle.h"

namespace tepui {

class TorchArchive {
 public:
  // Points into `file`, which must outlive it. Errors name the file, what was expected and what was
  // found.
  static Result<TorchArchive> read(const MappedFile& file);

  const TorchPickle& pickle() const { return pickle_; }

  // The tensors of a dictionary of the pickle, whose name opens messages; `prefix` is taken off
  // their names. Anything but tensors by name, each in row-major order and whole, is an error.
  Result<std::vector<TensorRef>> tensors(const TorchPickle::Dict& dict, std::string_view title,
                                         std::string_view prefix = {}) const;

 private:
  explicit TorchArchive(std::string file) : file_(std::move(file)) {}
  Result<TensorRef> place(std::string name, const TorchPickle::Tensor& tensor) const;

  std::string file_;
  TorchPickle pickle_;
  std::map<std::string, ZipEntry> entries_;
  std::string folder_;  // within the archive
};

// The tensors of a model's state dictionary (pytorch_model.bin or a shard of it).
Result<std::vector<TensorRef>> read_torch_tensors(const MappedFile& file);

}  // namespace tepui
