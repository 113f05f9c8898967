// SPDX-License-Identifier: MIT
#include "backend/registry.h"

#include <fmt/ranges.h>

#include <array>

#include "backend/reference/reference_backend.h"

namespace tepui {
namespace {

struct Entry {
  std::string_view name;
  Result<std::unique_ptr<Backend>> (*make)(const BackendOptions& options);
};

constexpr std::array kBackends{
    Entry{"reference",
          [](const BackendOptions&) -> Result<std::unique_ptr<Backend>> {
            return make_reference_backend();
          }},
};

}  // namespace

std::span<const std::string_view> backend_names() {
  static constexpr auto kNames = [] {
    std::array<std::string_view, kBackends.size()> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kBackends[i].name;
    return names;
  }();
  return kNames;
}

Result<std::unique_ptr<Backend>> make_backend(std::string_view name,
                                              const BackendOptions& options) {
  for (const Entry& entry : kBackends) {
    if (entry.name == name) return entry.make(options);
  }
  return fail(ErrorKind::usage, "backend: expected one of {}, found \"{}\"",
              fmt::join(backend_names(), ", "), name);
}

}  // namespace tepui
