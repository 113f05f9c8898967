// SPDX-License-Identifier: MIT
// What failed where: what failed in many places for one reason is told once.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tepui {

class FailureList {
 public:
  void add(std::string where, std::string reason);
  void add(const FailureList& other);

  bool empty() const { return entries_.empty(); }
  std::size_t places() const;
  // "gpt2, wiki: no such file", "gpt2, wiki; gpt2, code and 3 more: no such file": one line a
  // reason, in the order in which each was first met.
  std::vector<std::string> lines() const;

 private:
  struct Entry {
    std::string reason;
    std::vector<std::string> places;
  };
  std::vector<Entry> entries_;
};

}  // namespace tepui
