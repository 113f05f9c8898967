// SPDX-License-Identifier: MIT
#include "models/gguf/keys.h"

#include <algorithm>
#include <cmath>

#include "base/utf8_text.h"

namespace tepui {
namespace {

constexpr std::int64_t kLargest = 1 << 28;

// Keys that say nothing about the computation, or what tensors say as well.
constexpr std::string_view kIdle[] = {"vocab_size", "tensor_data_layout", "rope.scaling.finetuned"};

}  // namespace

std::string GgufKeys::full(std::string_view name) const {
  asked_.insert(std::string(name));
  return fmt::format("{}.{}", arch_, name);
}

Result<std::optional<int>> GgufKeys::size(std::string_view name) const {
  const std::string key = full(name);
  TEPUI_TRY(const auto value, metadata_.integer(key));
  if (!value || *value == 0) return std::nullopt;
  if (*value < 0 || *value > kLargest)
    return fail(ErrorKind::data, "{}: key \"{}\": expected a whole number from 1 to {}, found {}",
                file(), key, kLargest, *value);
  return static_cast<int>(*value);
}

Result<std::optional<double>> GgufKeys::number(std::string_view name) const {
  TEPUI_TRY(const auto value, metadata_.number(full(name)));
  return value && *value == 0 ? std::nullopt : value;
}

Result<std::optional<std::string>> GgufKeys::text(std::string_view name) const {
  return metadata_.text(full(name));
}

Result<std::vector<float>> GgufKeys::factors(std::string_view name) const {
  std::vector<float> all;
  const TensorRef* found = tensor(name);
  if (found == nullptr) return all;
  if (found->type.dtype != DType::f32 || found->type.shape.rank() != 1)
    return fail(ErrorKind::data, "{}: tensor {}: expected an f32 vector, found {}", file(), name,
                found->type.to_string());
  const HostView view{found->type, found->bytes};
  for (std::int64_t i = 0; i < found->type.shape[0]; ++i) {
    const double factor = view.at(i);
    if (!(factor > 0) || !std::isfinite(factor))
      return fail(ErrorKind::data, "{}: tensor {}: element {}: expected a number above 0, found {}",
                  file(), name, i, factor);
    all.push_back(static_cast<float>(factor));
  }
  return all;
}

Status GgufKeys::refuse_others() const {
  const std::string prefix = arch_ + ".";
  for (const auto& [name, value] : metadata_.values()) {
    if (!name.starts_with(prefix)) continue;
    const std::string rest = name.substr(prefix.size());
    if (asked_.contains(rest) || std::ranges::count(kIdle, rest) != 0) continue;
    const std::string shown = metadata_.shown(name);
    if (shown == "0" || shown == "false") continue;
    return fail(ErrorKind::unsupported,
                "{}: key \"{}\" is {}, and what it changes about {} is not known here", file(),
                printable(name), shown, arch_);
  }
  return {};
}

}  // namespace tepui
