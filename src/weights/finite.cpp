// SPDX-License-Identifier: MIT
// NaN and infinity have all bits of the exponent set. Adding one at the exponent's place then
// carries into the sign, which is a test of integers that vectorises for every type alike.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "tensor/quantised.h"
#include "weights/mapped_source.h"
#include "weights/source.h"

namespace tepui {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // bytes that a thread takes at a time
constexpr std::size_t kLook = std::size_t{1} << 14;   // bytes between two looks at the result
constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

template <class Word>
Word load(const std::byte* bytes, std::size_t index) {
  Word word;  // tensors may stand at any offset
  std::memcpy(&word, bytes + index * sizeof(Word), sizeof(Word));
  return word;
}

template <class Word, Word exponent>
Word carry(Word word) {
  constexpr Word kOne = Word{1} << std::countr_zero(exponent);
  return static_cast<Word>((word & exponent) + kOne);
}

template <class Word>
constexpr Word kSign = static_cast<Word>(Word{1} << (8 * sizeof(Word) - 1));

template <class Word, Word exponent>
bool all_finite(const std::byte* bytes, std::size_t count) {
  Word carries = 0;
  for (std::size_t index = 0; index < count; ++index)
    carries = static_cast<Word>(carries | carry<Word, exponent>(load<Word>(bytes, index)));
  return (carries & kSign<Word>) == 0;
}

// The lowest index of an element that is not finite, or kNone.
template <class Word, Word exponent>
std::int64_t first_not_finite(std::span<const std::byte> bytes, ThreadPool& pool) {
  const std::size_t count = bytes.size() / sizeof(Word);
  constexpr std::size_t kPieceWords = kPiece / sizeof(Word);
  constexpr std::size_t kLookWords = kLook / sizeof(Word);
  std::atomic<std::int64_t> lowest{kNone};
  const auto scan = [&](std::int64_t piece, int) {
    const std::size_t end = std::min(count, (static_cast<std::size_t>(piece) + 1) * kPieceWords);
    std::size_t begin = static_cast<std::size_t>(piece) * kPieceWords;
    if (lowest.load(std::memory_order_relaxed) < static_cast<std::int64_t>(begin)) return;
    for (; begin < end; begin += kLookWords) {
      const std::size_t length = std::min(kLookWords, end - begin);
      if (all_finite<Word, exponent>(bytes.data() + begin * sizeof(Word), length)) continue;
      while ((carry<Word, exponent>(load<Word>(bytes.data(), begin)) & kSign<Word>) == 0) ++begin;
      const auto found = static_cast<std::int64_t>(begin);
      std::int64_t known = lowest.load();
      while (found < known && !lowest.compare_exchange_weak(known, found)) {
      }
      return;
    }
  };
  pool.for_each(static_cast<std::int64_t>((count + kPieceWords - 1) / kPieceWords), scan);
  return lowest;
}

// The first element of the first block with a scale or minimum that is not finite, or kNone.
std::int64_t first_not_finite_block(const TensorRef& tensor, ThreadPool& pool) {
  const DTypeBlock block = dtype_block(tensor.type.dtype);
  const std::span<const int> halves = block_halves(tensor.type.dtype);
  const std::size_t count = tensor.bytes.size() / block.bytes;
  const std::size_t at_once = kPiece / block.bytes;
  std::atomic<std::int64_t> lowest{kNone};
  pool.for_each(static_cast<std::int64_t>((count + at_once - 1) / at_once),
                [&](std::int64_t p, int) {
                  const std::size_t begin = static_cast<std::size_t>(p) * at_once;
                  for (std::size_t i = begin; i < std::min(count, begin + at_once); ++i) {
                    std::uint16_t carries = 0;
                    for (const int half : halves) {
                      const std::byte* at = tensor.bytes.data() + i * block.bytes + half;
                      carries = static_cast<std::uint16_t>(
                          carries | carry<std::uint16_t, 0x7c00U>(load<std::uint16_t>(at, 0)));
                    }
                    if ((carries & kSign<std::uint16_t>) == 0) continue;
                    const auto found = static_cast<std::int64_t>(i) * block.elements;
                    std::int64_t known = lowest.load();
                    while (found < known && !lowest.compare_exchange_weak(known, found)) {
                    }
                    return;
                  }
                });
  return lowest;
}

std::int64_t first_not_finite(const TensorRef& tensor, ThreadPool& pool) {
  switch (tensor.type.dtype) {
    case DType::f64:
      return first_not_finite<std::uint64_t, 0x7ff0000000000000U>(tensor.bytes, pool);
    case DType::f32: return first_not_finite<std::uint32_t, 0x7f800000U>(tensor.bytes, pool);
    case DType::f16: return first_not_finite<std::uint16_t, 0x7c00U>(tensor.bytes, pool);
    case DType::bf16: return first_not_finite<std::uint16_t, 0x7f80U>(tensor.bytes, pool);
    default: break;
  }
  return is_quantised(tensor.type.dtype) ? first_not_finite_block(tensor, pool) : kNone;
}

// "[3, 17]" for the element of that row-major index.
std::string coordinates(const Shape& shape, std::int64_t index) {
  std::array<std::int64_t, Shape::kMaxRank> at{};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[static_cast<std::size_t>(axis)] = index % shape[axis];
    index /= shape[axis];
  }
  const std::span<const std::int64_t> all(at);
  return Shape(all.first(static_cast<std::size_t>(shape.rank()))).to_string();
}

}  // namespace

Status check_finite(const TensorRef& tensor, ThreadPool& pool) {
  const std::int64_t index = first_not_finite(tensor, pool);
  if (index == kNone) return {};
  const double value = HostView{tensor.type, tensor.bytes}.at(index);
  const DTypeBlock block = dtype_block(tensor.type.dtype);
  const std::uint64_t offset =
      tensor.offset + static_cast<std::uint64_t>(index / block.elements) * block.bytes;
  return fail(ErrorKind::data,
              "{}: tensor {}: element {} is {} (at byte offset {}), expected finite numbers only",
              tensor.file, printable(tensor.name), coordinates(tensor.type.shape, index),
              std::isnan(value) ? "nan"
              : value > 0       ? "inf"
                                : "-inf",
              offset);
}

}  // namespace tepui
