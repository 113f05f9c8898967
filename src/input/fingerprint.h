// SPDX-License-Identifier: MIT
// A hash over parts: the identity that a tokenizer shows to the store. Every part is preceded by
// its length, so that parts cannot run into each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "tepui/result.h"

namespace tepui::input {

class Fingerprint {
 public:
  Fingerprint& add(std::string_view part) {
    parts_ += fmt::format("{}:", part.size());
    parts_ += part;
    return *this;
  }
  Fingerprint& add(std::uint64_t number) {
    parts_ += fmt::format("{};", number);
    return *this;
  }
  std::string hex() const { return hash_hex(parts_); }

 private:
  std::string parts_;
};

}  // namespace tepui::input
