// SPDX-License-Identifier: MIT
#include "gguf/gguf_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "base/utf8_text.h"
#include "gguf/tensor_type.h"
#include "gguf/value_type.h"

namespace tepui {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are used as they lie in files");

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kNewest = 3;
constexpr std::uint32_t kOldest = 2;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kLargestAlignment = 1 << 20;

class GgufReader {
 public:
  explicit GgufReader(const MappedFile& file)
      : file_(file.path().string()), bytes_(file.bytes()), metadata_(file_) {}

  Status read() {
    TEPUI_TRY(read_header());
    for (std::uint64_t i = 0; i < keys_; ++i) TEPUI_TRY(read_key(i));
    TEPUI_TRY(read_alignment());
    for (std::uint64_t i = 0; i < tensor_count_; ++i) TEPUI_TRY(read_tensor(i));
    return place_tensors();
  }

  GgufMetadata take_metadata() { return std::move(metadata_); }
  std::vector<GgufTensor> take_tensors() { return std::move(tensors_); }

 private:
  std::uint64_t left() const { return bytes_.size() - at_; }

  Result<std::span<const std::byte>> take(std::uint64_t count, std::string_view what) {
    if (count > left())
      return fail(ErrorKind::data,
                  "{}: expected {} bytes of {} at byte offset {}, found {}, the end of the file",
                  file_, count, what, at_, left());
    const auto taken = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return taken;
  }

  template <class T>
  Result<T> number(std::string_view what) {
    TEPUI_TRY(const auto raw, take(sizeof(T), what));
    T value;
    std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  Result<std::string> string(std::string_view what) {
    TEPUI_TRY(const auto length, number<std::uint64_t>(what));
    TEPUI_TRY(const auto raw, take(length, what));
    return std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
  }

  Status read_header() {
    if (bytes_.size() < kMagic.size() ||
        std::memcmp(bytes_.data(), kMagic.data(), kMagic.size()) != 0)
      return fail(ErrorKind::data, "{}: expected \"GGUF\" at byte offset 0, found another file",
                  file_);
    at_ = kMagic.size();
    TEPUI_TRY(const auto version, number<std::uint32_t>("version"));
    if (version < kOldest || version > kNewest) {
      const bool swapped = version != 0 && (version & 0xffffU) == 0;
      return fail(ErrorKind::unsupported, "{}: expected GGUF version {} or {}, found {}", file_,
                  kOldest, kNewest, swapped ? "the other byte order" : fmt::format("{}", version));
    }
    TEPUI_TRY(tensor_count_, number<std::uint64_t>("the number of tensors"));
    TEPUI_TRY(keys_, number<std::uint64_t>("the number of keys"));
    return {};
  }

  Result<GgufType> value_type(const std::string& key) {
    TEPUI_TRY(const auto type, number<std::uint32_t>("a value's type"));
    if (type > static_cast<std::uint32_t>(GgufType::f64))
      return fail(ErrorKind::data,
                  "{}: key \"{}\": expected a value type from 0 to 12 at byte offset {}, found {}",
                  file_, printable(key), at_ - sizeof(type), type);
    return static_cast<GgufType>(type);
  }

  // Moves over `count` values of one type.
  Status skip_values(GgufType type, std::uint64_t count, const std::string& what) {
    if (type != GgufType::string) {
      const std::uint64_t size = value_bytes(type);
      if (count > left() / size)
        return fail(ErrorKind::data,
                    "{}: {}: expected {} values of {} bytes at byte offset {}, found {} bytes, the "
                    "end of the file",
                    file_, what, count, size, at_, left());
      at_ += static_cast<std::size_t>(count * size);
      return {};
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      TEPUI_TRY(const auto length, number<std::uint64_t>(what));
      TEPUI_TRY(take(length, what));
    }
    return {};
  }

  Status read_key(std::uint64_t index) {
    TEPUI_TRY(std::string key, string(fmt::format("key {} of {}", index, keys_)));
    const std::string what = fmt::format("key \"{}\"", printable(key));
    GgufValue value;
    TEPUI_TRY(value.type, value_type(key));
    if (value.type == GgufType::array) {
      value.is_array = true;
      TEPUI_TRY(value.type, value_type(key));
      if (value.type == GgufType::array)
        return fail(ErrorKind::unsupported,
                    "{}: {}: expected a list of values at byte offset {}, found a list of lists",
                    file_, what, at_ - 4);
      TEPUI_TRY(value.count, number<std::uint64_t>(what));
    }
    std::size_t begin = at_;
    TEPUI_TRY(skip_values(value.type, value.count, what));
    if (value.type == GgufType::string && !value.is_array) begin += sizeof(std::uint64_t);
    value.bytes = bytes_.subspan(begin, at_ - begin);
    if (metadata_.has(key))
      return fail(ErrorKind::data, "{}: {} stands twice, the second before byte offset {}", file_,
                  what, at_);
    metadata_.add(std::move(key), value);
    return {};
  }

  Status read_alignment() {
    TEPUI_TRY(const auto given, metadata_.integer("general.alignment"));
    if (!given) return {};
    alignment_ = static_cast<std::uint64_t>(*given);
    if (*given < 1 || !std::has_single_bit(alignment_) || alignment_ > kLargestAlignment)
      return fail(ErrorKind::data,
                  "{}: key \"general.alignment\": expected a power of two up to {}, found {}",
                  file_, kLargestAlignment, *given);
    return {};
  }

  Result<Shape> read_shape(const std::string& place) {
    TEPUI_TRY(const auto rank, number<std::uint32_t>("a tensor's rank"));
    if (rank > static_cast<std::uint32_t>(Shape::kMaxRank))
      return fail(ErrorKind::unsupported,
                  "{}: expected a rank of {} at most at byte offset {}, found {}", place,
                  Shape::kMaxRank, at_ - sizeof(rank), rank);
    std::vector<std::int64_t> sizes;
    for (std::uint32_t axis = 0; axis < rank; ++axis) {
      TEPUI_TRY(const auto size, number<std::uint64_t>("a tensor's sizes"));
      if (size == 0 || size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return fail(ErrorKind::data,
                    "{}: expected sizes from 1 to 2^63 - 1 at byte offset {}, found {}", place,
                    at_ - sizeof(size), size);
      sizes.insert(sizes.begin(), static_cast<std::int64_t>(size));
    }
    return Shape(std::span<const std::int64_t>(sizes));
  }

  Result<DType> read_dtype(const std::string& place) {
    TEPUI_TRY(const auto id, number<std::uint32_t>("a tensor's type"));
    if (const auto dtype = dtype_from_ggml(id)) return *dtype;
    const std::string_view name = ggml_type_name(id);
    return fail(ErrorKind::unsupported,
                "{}: {} (number {} at byte offset {}); read are F32, F16, BF16, Q8_0, Q4_0, Q4_1, "
                "Q5_0, Q5_1 and Q2_K to Q6_K",
                place,
                name.empty() ? "there is no such type of weights"
                             : fmt::format("weights of the type {} cannot be read", name),
                id, at_ - sizeof(id));
  }

  // Its bytes in the file; the last axis is whole blocks.
  Result<std::uint64_t> stored_bytes(const TensorType& type, const std::string& place) {
    const DTypeBlock block = dtype_block(type.dtype);
    const int rank = type.shape.rank();
    if (rank > 0 ? type.shape[rank - 1] % block.elements != 0 : block.elements != 1)
      return fail(ErrorKind::data, "{}: expected rows of whole blocks of {} elements, found {}",
                  place, block.elements, type.to_string());
    std::int64_t elements = 1;
    std::int64_t bytes = 0;
    bool fits = true;
    for (int axis = 0; axis < rank; ++axis)
      fits = fits && !__builtin_mul_overflow(elements, type.shape[axis], &elements);
    fits = fits && !__builtin_mul_overflow(elements / block.elements,
                                           static_cast<std::int64_t>(block.bytes), &bytes);
    if (!fits)
      return fail(ErrorKind::data, "{}: expected a size below 2^63 bytes, found {}", place,
                  type.to_string());
    return static_cast<std::uint64_t>(bytes);
  }

  Status read_tensor(std::uint64_t index) {
    const std::size_t begin = at_;
    GgufTensor tensor;
    TEPUI_TRY(tensor.name, string(fmt::format("tensor {} of {}", index, tensor_count_)));
    const std::string place = fmt::format("{}: tensor {}", file_, printable(tensor.name));
    if (!names_.insert(tensor.name).second)
      return fail(ErrorKind::data, "{} stands twice, the second at byte offset {}", place, begin);
    TEPUI_TRY(tensor.type.shape, read_shape(place));
    TEPUI_TRY(tensor.type.dtype, read_dtype(place));
    TEPUI_TRY(sizes_.emplace_back(), stored_bytes(tensor.type, place));
    TEPUI_TRY(tensor.offset, number<std::uint64_t>("a tensor's offset"));
    if (tensor.offset % alignment_ != 0)
      return fail(ErrorKind::data,
                  "{}: expected an offset that is a multiple of {} at byte offset {}, found {}",
                  place, alignment_, at_ - sizeof(tensor.offset), tensor.offset);
    tensors_.push_back(std::move(tensor));
    return {};
  }

  // Offsets count from where the data begins: the end of the directory, rounded up.
  Status place_tensors() {
    if (tensors_.empty()) return {};
    const std::uint64_t start = (at_ + alignment_ - 1) / alignment_ * alignment_;
    const std::uint64_t data = bytes_.size() > start ? bytes_.size() - start : 0;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      GgufTensor& tensor = tensors_[i];
      if (tensor.offset > data || sizes_[i] > data - tensor.offset)
        return fail(ErrorKind::data,
                    "{}: tensor {}: expected {} bytes for {} from {} on within the {} bytes of "
                    "data, which begin at byte offset {} of the file; is the file complete?",
                    file_, printable(tensor.name), sizes_[i], tensor.type.to_string(),
                    tensor.offset, data, start);
      tensor.offset += start;
      tensor.bytes = bytes_.subspan(static_cast<std::size_t>(tensor.offset),
                                    static_cast<std::size_t>(sizes_[i]));
    }
    return check_overlaps();
  }

  Status check_overlaps() const {
    std::vector<const GgufTensor*> order;
    for (const GgufTensor& tensor : tensors_) order.push_back(&tensor);
    std::ranges::sort(order, {}, &GgufTensor::offset);
    for (std::size_t i = 1; i < order.size(); ++i) {
      const std::uint64_t end = order[i - 1]->offset + order[i - 1]->bytes.size();
      if (order[i]->offset >= end) continue;
      return fail(ErrorKind::data,
                  "{}: tensor {}: expected to begin at byte offset {} or behind it, where tensor "
                  "{} ends, found {}",
                  file_, printable(order[i]->name), end, printable(order[i - 1]->name),
                  order[i]->offset);
    }
    return {};
  }

  std::string file_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t keys_ = 0;
  std::uint64_t alignment_ = kDefaultAlignment;
  GgufMetadata metadata_;
  std::vector<GgufTensor> tensors_;
  std::vector<std::uint64_t> sizes_;  // as tensors_
  std::set<std::string> names_;
};

}  // namespace

Result<GgufFile> read_gguf(MappedFile file) {
  GgufReader reader(file);
  TEPUI_TRY(reader.read());
  GgufMetadata metadata = reader.take_metadata();
  std::vector<GgufTensor> tensors = reader.take_tensors();
  return GgufFile{std::move(file), std::move(metadata), std::move(tensors)};
}

}  // namespace tepui
