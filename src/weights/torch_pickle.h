// SPDX-License-Identifier: MIT
// Reads the pickle of a torch checkpoint without executing anything. A pickle is a program for a
// small stack machine that may name any function of Python and call it; here it may name torch's
// tensors, their storages and collections.OrderedDict, which this code knows how to build, and
// nothing else: any other name is an error, and there is no code that it could reach.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tepui/result.h"
#include "tepui/tensor.h"

namespace tepui {

// Values refer to each other by their place in the list, so that a pickle which contains itself is
// no danger.
class TorchPickle {
 public:
  using Index = std::uint32_t;
  struct None {};
  struct List {  // or a tuple
    std::vector<Index> items;
  };
  struct Dict {
    std::vector<std::pair<Index, Index>> items;
  };
  struct Global {  // one of those that are known
    std::string name;
  };
  struct Storage {
    DType dtype;
    std::string key;  // of the archive's entry data/<key>
    std::int64_t elements = 0;
  };
  struct Tensor {
    Storage storage;
    std::int64_t offset = 0;  // in elements
    std::vector<std::int64_t> sizes;
    std::vector<std::int64_t> strides;
  };
  using Value = std::variant<None, bool, std::int64_t, double, std::string, List, Dict, Global,
                             Storage, Tensor>;

  // `file` opens the messages.
  static Result<TorchPickle> read(std::span<const std::byte> bytes, const std::string& file);

  Index root() const { return root_; }
  const Value& operator[](Index index) const { return values_[index]; }
  template <class T>
  const T* as(Index index) const {
    return std::get_if<T>(&values_[index]);
  }
  // The value of a dictionary's key; null if `dict` is no dictionary or has no such key.
  const Value* find(Index dict, std::string_view key) const;
  const Dict* dict(Index dict, std::string_view key) const;

 private:
  friend class PickleMachine;
  std::deque<Value> values_;
  Index root_ = 0;
};

}  // namespace tepui
