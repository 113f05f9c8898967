// SPDX-License-Identifier: MIT
#include "build_facts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pcre2.h>
#include <sqlite3.h>
#include <utf8proc.h>
#include <zip.h>

#include <CLI/CLI.hpp>
#include <Eigen/Core>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "backend/cpu/isa.h"
#include "backend/registry.h"
#include "study/scan.h"
// Made by tools/cmake/build_facts.cmake: TEPUI_REVISION, TEPUI_COMPILER, TEPUI_BUILD_TYPE.
#include "build_facts.inc"

namespace tepui {

namespace {

std::string instruction_sets() {
  std::vector<std::string> names;
  for (const char* name : cpu::built_kernels()) names.emplace_back(name);
  const auto usable = cpu::usable_kernels();
  return fmt::format("{} (the best here: {})", fmt::join(names, ", "), usable.back()->isa);
}

std::string pcre2_version() {
  std::array<char, 64> text{};
  pcre2_config(PCRE2_CONFIG_VERSION, text.data());
  const std::string version(text.data());
  return version.substr(0, version.find(' '));
}

std::string libraries() {
  return fmt::format(
      "fmt {}.{}.{}, nlohmann json {}.{}.{}, CLI11 {}, Eigen {}.{}.{}, SQLite {}, PCRE2 {}, "
      "utf8proc {}, libzip {}",
      FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100, NLOHMANN_JSON_VERSION_MAJOR,
      NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, CLI11_VERSION, EIGEN_WORLD_VERSION,
      EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION, sqlite3_libversion(), pcre2_version(),
      utf8proc_version(), zip_libzip_version());
}

}  // namespace

std::string build_facts() {
  return fmt::format(
      "tepui {}\n"
      "revision          {}\n"
      "compiler          {}\n"
      "build type        {}\n"
      "instruction sets  {}\n"
      "Vulkan            {}\n"
      "libraries         {}",
      tepui_version(), TEPUI_REVISION, TEPUI_COMPILER, TEPUI_BUILD_TYPE, instruction_sets(),
      built_with_vulkan() ? "built in" : "not built in", libraries());
}

}  // namespace tepui
