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
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/utf8_text.h"
#include "tensor/quantised.h"
#include "weights/read_bytes.h"
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
std::int64_t first_not_finite(std::span<const std::byte> bytes) {
  const std::size_t count = bytes.size() / sizeof(Word);
  constexpr std::size_t kLookWords = kLook / sizeof(Word);
  for (std::size_t begin = 0; begin < count; begin += kLookWords) {
    const std::size_t length = std::min(kLookWords, count - begin);
    if (all_finite<Word, exponent>(bytes.data() + begin * sizeof(Word), length)) continue;
    while ((carry<Word, exponent>(load<Word>(bytes.data(), begin)) & kSign<Word>) == 0) ++begin;
    return static_cast<std::int64_t>(begin);
  }
  return kNone;
}

// The first element of the first block with a scale or minimum that is not finite, or kNone.
std::int64_t first_not_finite_block(DType dtype, std::span<const std::byte> bytes) {
  const DTypeBlock block = dtype_block(dtype);
  const std::span<const int> halves = block_halves(dtype);
  const std::size_t count = bytes.size() / block.bytes;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t carries = 0;
    for (const int half : halves) {
      const std::byte* at = bytes.data() + i * block.bytes + half;
      carries = static_cast<std::uint16_t>(
          carries | carry<std::uint16_t, 0x7c00U>(load<std::uint16_t>(at, 0)));
    }
    if ((carries & kSign<std::uint16_t>) != 0) return static_cast<std::int64_t>(i) * block.elements;
  }
  return kNone;
}

std::int64_t first_not_finite(DType dtype, std::span<const std::byte> bytes) {
  switch (dtype) {
    case DType::f64: return first_not_finite<std::uint64_t, 0x7ff0000000000000U>(bytes);
    case DType::f32: return first_not_finite<std::uint32_t, 0x7f800000U>(bytes);
    case DType::f16: return first_not_finite<std::uint16_t, 0x7c00U>(bytes);
    case DType::bf16: return first_not_finite<std::uint16_t, 0x7f80U>(bytes);
    default: break;
  }
  return is_quantised(dtype) ? first_not_finite_block(dtype, bytes) : kNone;
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

Status check_finite(const TensorRef& tensor, std::span<const std::byte> part, std::size_t first) {
  const std::int64_t found = first_not_finite(tensor.type.dtype, part);
  if (found == kNone) return {};
  const DTypeBlock block = dtype_block(tensor.type.dtype);
  const auto in_part = static_cast<std::size_t>(found / block.elements) * block.bytes;
  const TensorType one{tensor.type.dtype, Shape{block.elements}};
  const HostView view{one, part.subspan(in_part, block.bytes)};
  const double value = view.at(0);
  const std::int64_t index =
      static_cast<std::int64_t>(first / block.bytes) * block.elements + found;
  return fail(ErrorKind::data,
              "{}: tensor {}: element {} is {} (at byte offset {}), expected finite numbers only",
              tensor.file, printable(tensor.name), coordinates(tensor.type.shape, index),
              std::isnan(value) ? "nan"
              : value > 0       ? "inf"
                                : "-inf",
              tensor.offset + first + in_part);
}

Status check_finite(const TensorRef& tensor, ThreadPool& pool) {
  const std::size_t unit = dtype_block(tensor.type.dtype).bytes;
  const std::size_t at_once = std::max<std::size_t>(1, kPiece / unit) * unit;
  const std::size_t pieces = (tensor.bytes.size() + at_once - 1) / at_once;
  std::vector<std::vector<std::byte>> buffers(static_cast<std::size_t>(pool.size()));
  std::mutex mutex;
  std::optional<Error> error;
  std::atomic<std::int64_t> lowest{kNone};  // piece with an error
  pool.for_each(static_cast<std::int64_t>(pieces), [&](std::int64_t piece, int thread) {
    if (lowest.load(std::memory_order_relaxed) < piece) return;
    const std::size_t first = static_cast<std::size_t>(piece) * at_once;
    const std::size_t count = std::min(at_once, tensor.bytes.size() - first);
    const auto bytes = piece_of(tensor, first, count, buffers[static_cast<std::size_t>(thread)]);
    Status status;
    if (!bytes) status = tl::unexpected<Error>(bytes.error());
    if (status) status = check_finite(tensor, *bytes, first);
    if (status) return;
    const std::lock_guard lock(mutex);
    if (lowest < piece) return;
    lowest = piece;
    error = status.error();
  });
  if (error) return tl::unexpected<Error>(*error);
  return {};
}

}  // namespace tepui
