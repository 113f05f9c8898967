// SPDX-License-Identifier: MIT
// FNV-1a over named parts: the identity that a tokenizer shows to the store. Every part is
// preceded by its length, so that parts cannot run into each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tepui/result.h"

namespace tepui::input {

class Fingerprint {
 public:
  Fingerprint& add(std::string_view part) {
    add(static_cast<std::uint64_t>(part.size()));
    for (const char c : part) mix(static_cast<unsigned char>(c));
    return *this;
  }
  Fingerprint& add(std::uint64_t number) {
    for (int byte = 0; byte < 8; ++byte) mix((number >> (8 * byte)) & 0xffU);
    return *this;
  }
  std::string hex() const { return fmt::format("{:016x}", hash_); }

 private:
  void mix(std::uint64_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace tepui::input
