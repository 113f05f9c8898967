// SPDX-License-Identifier: MIT
#include "backend/cpu/isa.h"

#include <cstdlib>
#include <fstream>

namespace tepui::cpu {

std::vector<const char*> built_kernels() {
  std::vector<const char*> names = {portable_kernels().isa};
#if defined(__x86_64__)
  names.insert(names.end(), {avx2_kernels().isa, avx512_kernels().isa});
#endif
  return names;
}

std::vector<const KernelTable*> usable_kernels() {
  std::vector<const KernelTable*> tables = {&portable_kernels()};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tables.push_back(&avx2_kernels());
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
      tables.push_back(&avx512_kernels());
  }
#endif
  return tables;
}

Result<const KernelTable*> choose_kernels(std::string_view asked) {
  const char* variable = std::getenv("TEPUI_ISA");
  const bool by_option = !asked.empty();
  const std::string_view name = by_option ? asked : variable != nullptr ? variable : "";
  const std::vector<const KernelTable*> tables = usable_kernels();
  if (name.empty()) return tables.back();
  std::string usable;
  for (const KernelTable* table : tables) {
    if (name == table->isa) return table;
    usable += usable.empty() ? "" : ", ";
    usable += table->isa;
  }
  return fail(ErrorKind::usage, "{} is '{}', expected an instruction set of this processor ({})",
              by_option ? "the option isa" : "the variable TEPUI_ISA", name, usable);
}

Result<bool> choose_asking() {
  const char* const variable = std::getenv("TEPUI_ASK_AHEAD");
  const std::string_view value = variable != nullptr ? variable : "";
  if (value == "0" || value == "1") return value == "1";
  if (!value.empty())
    return fail(ErrorKind::usage, "the variable TEPUI_ASK_AHEAD is '{}', expected 0 or 1", value);
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("intel") != 0;
#else
  return false;
#endif
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

}  // namespace tepui::cpu
