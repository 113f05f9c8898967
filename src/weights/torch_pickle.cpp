// SPDX-License-Identifier: MIT
#include "weights/torch_pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <optional>

#include "weights/mapped_source.h"

namespace tepui {

namespace {

constexpr std::string_view kRebuild = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";
constexpr std::string_view kOrderedDict = "collections.OrderedDict";

constexpr std::pair<std::string_view, DType> kStorages[] = {
    {"torch.FloatStorage", DType::f32},     {"torch.HalfStorage", DType::f16},
    {"torch.BFloat16Storage", DType::bf16}, {"torch.DoubleStorage", DType::f64},
    {"torch.LongStorage", DType::i64},      {"torch.IntStorage", DType::i32},
    {"torch.ByteStorage", DType::u8},       {"torch.BoolStorage", DType::u8}};

std::optional<DType> storage_dtype(std::string_view name) {
  const auto found = std::ranges::find(kStorages, name, &std::pair<std::string_view, DType>::first);
  return found == std::end(kStorages) ? std::nullopt : std::optional(found->second);
}

}  // namespace

class PickleMachine {
 public:
  using Index = TorchPickle::Index;

  PickleMachine(std::span<const std::byte> bytes, const std::string& file)
      : bytes_(bytes), file_(file) {}

  Result<TorchPickle> run() {
    while (true) {
      const std::size_t start = at_;
      const auto code = static_cast<unsigned char>(take<std::uint8_t>());
      if (code == '.' && !truncated_ && !stack_.empty()) break;
      if (!truncated_) TEPUI_TRY(step(code));
      if (truncated_ || underflow_)
        return fail(ErrorKind::data,
                    "{}: expected a whole pickle, found one that ends or fails at "
                    "byte {} of {}",
                    file_, start, bytes_.size());
    }
    out_.root_ = stack_.back();
    return std::move(out_);
  }

 private:
  template <class T>
  T take() {
    T value{};
    if (bytes_.size() - at_ < sizeof(T)) {
      truncated_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::string take_text(std::uint64_t count) {
    if (bytes_.size() - at_ < count) {
      truncated_ = true;
      return "";
    }
    std::string text(reinterpret_cast<const char*>(bytes_.data() + at_), count);
    at_ += count;
    return text;
  }

  std::string take_line() {
    std::string line;
    for (auto c = take<char>(); c != '\n' && !truncated_; c = take<char>()) line += c;
    return line;
  }

  template <class T>
  void push(T value) {
    out_.values_.emplace_back(std::in_place_type<T>, std::move(value));
    stack_.push_back(static_cast<Index>(out_.values_.size() - 1));
  }

  Index pop() {
    if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) {
      underflow_ = true;
      return none();
    }
    const Index top = stack_.back();
    stack_.pop_back();
    return top;
  }

  Index none() {
    out_.values_.emplace_back(std::in_place_type<TorchPickle::None>);
    return static_cast<Index>(out_.values_.size() - 1);
  }

  // Everything above the last mark.
  std::vector<Index> pop_to_mark() {
    if (marks_.empty()) {
      underflow_ = true;
      return {};
    }
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Index> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  template <class T>
  T* top_as() {
    T* value = stack_.empty() ? nullptr : std::get_if<T>(&out_.values_[stack_.back()]);
    if (value == nullptr) underflow_ = true;
    return value;
  }

  void set_items(const std::vector<Index>& items) {
    auto* dict = top_as<TorchPickle::Dict>();
    if (dict == nullptr || items.size() % 2 != 0) {
      underflow_ = true;
      return;
    }
    for (std::size_t i = 0; i < items.size(); i += 2)
      dict->items.emplace_back(items[i], items[i + 1]);
  }

  void append(const std::vector<Index>& items) {
    if (auto* list = top_as<TorchPickle::List>())
      list->items.insert(list->items.end(), items.begin(), items.end());
  }

  void push_tuple(std::size_t count) {
    TorchPickle::List list;
    list.items.resize(count);
    for (std::size_t i = count; i > 0; --i) list.items[i - 1] = pop();
    push(std::move(list));
  }

  void remember(std::uint32_t slot) {
    if (stack_.empty())
      underflow_ = true;
    else
      memo_[slot] = stack_.back();
  }

  void recall(std::uint32_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end())
      underflow_ = true;
    else
      stack_.push_back(found->second);
  }

  void push_long() {
    const auto count = take<std::uint8_t>();
    const std::string text = take_text(count);
    if (count > 8) {  // a random seed, say; nobody asks for it
      push(TorchPickle::None{});
      return;
    }
    std::int64_t value = !text.empty() && (text.back() & 0x80) != 0 ? -1 : 0;
    std::memcpy(&value, text.data(), text.size());
    push(value);
  }

  Status push_global() {
    std::string name = take_line();
    name += "." + take_line();
    const bool known = name == kRebuild || name == kParameter || name == kOrderedDict ||
                       storage_dtype(name).has_value();
    if (!known && !truncated_)
      return fail(ErrorKind::data,
                  "{}: expected tensors and plain values, found a reference to {}; nothing of it "
                  "was executed",
                  file_, printable(name));
    push(TorchPickle::Global{std::move(name)});
    return {};
  }

  // ("storage", type, key, location, elements)
  Status push_storage() {
    const Index index = pop();
    const auto* tuple = out_.as<TorchPickle::List>(index);
    if (tuple != nullptr && tuple->items.size() == 5) {
      const auto* type = out_.as<TorchPickle::Global>(tuple->items[1]);
      const auto* key = out_.as<std::string>(tuple->items[2]);
      const auto* elements = out_.as<std::int64_t>(tuple->items[4]);
      const auto dtype = type == nullptr ? std::nullopt : storage_dtype(type->name);
      if (dtype && key != nullptr && elements != nullptr) {
        push(TorchPickle::Storage{*dtype, *key, *elements});
        return {};
      }
    }
    return fail(ErrorKind::data, "{}: expected a tensor's storage before byte {}", file_, at_);
  }

  std::optional<std::vector<std::int64_t>> whole_numbers(Index index) const {
    const auto* list = out_.as<TorchPickle::List>(index);
    if (list == nullptr) return std::nullopt;
    std::vector<std::int64_t> numbers;
    for (const Index item : list->items) {
      const auto* number = out_.as<std::int64_t>(item);
      if (number == nullptr || *number < 0) return std::nullopt;
      numbers.push_back(*number);
    }
    return numbers;
  }

  std::optional<TorchPickle::Tensor> tensor_of(const std::vector<Index>& arguments) const {
    if (arguments.size() < 4) return std::nullopt;
    const auto* storage = out_.as<TorchPickle::Storage>(arguments[0]);
    const auto* offset = out_.as<std::int64_t>(arguments[1]);
    auto sizes = whole_numbers(arguments[2]);
    auto strides = whole_numbers(arguments[3]);
    if (storage == nullptr || offset == nullptr || *offset < 0 || !sizes || !strides ||
        sizes->size() != strides->size())
      return std::nullopt;
    return TorchPickle::Tensor{*storage, *offset, *std::move(sizes), *std::move(strides)};
  }

  // Calls of the few functions that are known.
  Status call() {
    const Index arguments_index = pop();
    const Index function_index = pop();
    const auto* function = out_.as<TorchPickle::Global>(function_index);
    const auto* tuple = out_.as<TorchPickle::List>(arguments_index);
    if (function != nullptr && tuple != nullptr) {
      const std::vector<Index> arguments = tuple->items;
      if (function->name == kOrderedDict && arguments.empty()) {
        push(TorchPickle::Dict{});
        return {};
      }
      if (function->name == kParameter && !arguments.empty()) {
        stack_.push_back(arguments[0]);
        return {};
      }
      if (auto tensor = function->name == kRebuild ? tensor_of(arguments) : std::nullopt) {
        push(*std::move(tensor));
        return {};
      }
    }
    return fail(ErrorKind::data, "{}: expected a tensor or a dictionary to be built before byte {}",
                file_, at_);
  }

  Status step(unsigned char code) {
    switch (code) {
      case 0x80: take<std::uint8_t>(); return {};  // the protocol
      case 'c': return push_global();
      case 'Q': return push_storage();
      case 'R': return call();
      case 'b': pop(); return {};  // attributes of a dictionary: not needed
      case '0': pop(); return {};
      case '(': marks_.push_back(stack_.size()); return {};
      case 't': push(TorchPickle::List{pop_to_mark()}); return {};
      case ')': push(TorchPickle::List{}); return {};
      case ']': push(TorchPickle::List{}); return {};
      case '}': push(TorchPickle::Dict{}); return {};
      case 0x85:
      case 0x86:
      case 0x87: push_tuple(code - 0x84U); return {};
      case 'a': append({pop()}); return {};
      case 'e': append(pop_to_mark()); return {};
      case 's': {
        const Index value = pop();
        const Index key = pop();
        set_items({key, value});
        return {};
      }
      case 'u': set_items(pop_to_mark()); return {};
      case 'q': remember(take<std::uint8_t>()); return {};
      case 'r': remember(take<std::uint32_t>()); return {};
      case 'h': recall(take<std::uint8_t>()); return {};
      case 'j': recall(take<std::uint32_t>()); return {};
      case 'X': push(take_text(take<std::uint32_t>())); return {};
      case 'N': push(TorchPickle::None{}); return {};
      case 0x88: push(true); return {};
      case 0x89: push(false); return {};
      case 'J': push(std::int64_t{take<std::int32_t>()}); return {};
      case 'K': push(std::int64_t{take<std::uint8_t>()}); return {};
      case 'M': push(std::int64_t{take<std::uint16_t>()}); return {};
      case 0x8a: push_long(); return {};
      case 'G': push(std::bit_cast<double>(__builtin_bswap64(take<std::uint64_t>()))); return {};
      default: break;
    }
    return fail(
        ErrorKind::data,
        "{}: expected a pickle as torch.save writes it, found opcode 0x{:02x} before byte {}",
        file_, code, at_);
  }

  std::span<const std::byte> bytes_;
  const std::string& file_;
  std::size_t at_ = 0;
  bool truncated_ = false;
  bool underflow_ = false;  // the program takes what it did not put there
  std::vector<Index> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint32_t, Index> memo_;
  TorchPickle out_;
};

Result<TorchPickle> TorchPickle::read(std::span<const std::byte> bytes, const std::string& file) {
  return PickleMachine(bytes, file).run();
}

const TorchPickle::Value* TorchPickle::find(Index dict, std::string_view key) const {
  const auto* found = as<Dict>(dict);
  if (found == nullptr) return nullptr;
  for (const auto& item : found->items) {
    const auto* name = as<std::string>(item.first);
    if (name != nullptr && *name == key) return &values_[item.second];
  }
  return nullptr;
}

const TorchPickle::Dict* TorchPickle::dict(Index dict, std::string_view key) const {
  const Value* value = find(dict, key);
  return value == nullptr ? nullptr : std::get_if<Dict>(value);
}

}  // namespace tepui
