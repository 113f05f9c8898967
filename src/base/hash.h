// SPDX-License-Identifier: MIT
// A fast 128-bit hash that tells texts and models apart by accident-proof names: the same bytes
// give the same value on every machine, at any thread count and in every version. It is not
// cryptographic: whoever tries can make two inputs collide, so nothing may be trusted because of
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tepui {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const Hash128&) const = default;
  std::string hex() const;  // 32 digits
};

Hash128 hash_bytes(std::span<const std::byte> bytes);

std::string hash_hex(std::string_view text);  // hash_bytes of its bytes, as 32 hex digits

}  // namespace tepui
