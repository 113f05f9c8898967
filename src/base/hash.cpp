// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>

namespace tepui {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read in the host's order");

__extension__ using Product = unsigned __int128;

// Two words of state that take in two words of data at a time:
//   (a, b) <- (low(m) + b, high(m) ^ a)  with  m = (a ^ first) * (b ^ second), 128 bits.
// A product is one-to-one in either factor while the other is not zero, so that inputs which differ
// in one word alone never meet here but for that one factor in 2^64.
struct Lane {
  std::uint64_t a = 0;
  std::uint64_t b = 0;

  void take(std::uint64_t first, std::uint64_t second) {
    const Product product = static_cast<Product>(a ^ first) * (b ^ second);
    const std::uint64_t old_a = a;
    a = static_cast<std::uint64_t>(product) + b;
    b = static_cast<std::uint64_t>(product >> 64) ^ old_a;
  }
};

std::uint64_t load_word(const std::byte* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// The start values are the first fractional digits of square roots of primes: numbers without
// design.
constexpr std::array<Lane, 5> kStart = {{{0x6a09e667f3bcc908U, 0xbb67ae8584caa73bU},
                                         {0x3c6ef372fe94f82bU, 0xa54ff53a5f1d36f1U},
                                         {0x510e527fade682d1U, 0x9b05688c2b3e6c1fU},
                                         {0x1f83d9abfb41bd6bU, 0x5be0cd19137e2179U},
                                         {0xcbbb9d5dc1059ed8U, 0x629a292a367cd507U}}};
constexpr std::size_t kLanes = 4;  // independent, so that their multiplications overlap
constexpr std::size_t kStripe = kLanes * 2 * sizeof(std::uint64_t);

void take_stripe(std::array<Lane, kLanes>& lanes, const std::byte* stripe) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    lanes[lane].take(load_word(stripe + 16 * lane), load_word(stripe + 16 * lane + 8));
  }
}

// One-to-one. The outer bits of a product are uneven; this lets every bit weigh on every other.
std::uint64_t spread(std::uint64_t word) {
  word = (word ^ (word >> 32)) * 0x9fb21c651e98df25U;
  word = (word ^ (word >> 29)) * 0xd6e8feb86659fd93U;
  return word ^ (word >> 32);
}

}  // namespace

std::string Hash128::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Hash128 hash_bytes(std::span<const std::byte> bytes) {
  std::array<Lane, kLanes> lanes = {kStart[0], kStart[1], kStart[2], kStart[3]};
  std::size_t done = 0;
  for (; done + kStripe <= bytes.size(); done += kStripe) take_stripe(lanes, bytes.data() + done);
  if (done < bytes.size()) {
    std::array<std::byte, kStripe> last{};  // zeros follow; the length below tells them from data
    std::memcpy(last.data(), bytes.data() + done, bytes.size() - done);
    take_stripe(lanes, last.data());
  }
  Lane result = kStart[4];
  for (const Lane& lane : lanes) {
    result.take(lane.a, lane.b);
    result.take(0, 0);
  }
  result.take(bytes.size(), 0);
  for (const Lane& start : kStart) result.take(start.b, start.a);
  return {spread(result.a), spread(result.b)};
}

std::string hash_hex(std::string_view text) {
  return hash_bytes(std::as_bytes(std::span(text.data(), text.size()))).hex();
}

}  // namespace tepui
