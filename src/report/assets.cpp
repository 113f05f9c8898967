// SPDX-License-Identifier: MIT
#include "report/assets.h"

#include <cstdint>

// The assembler takes the files in as they are: a compiler would need minutes for megabytes of
// string literal. The size is a number of its own, since two symbols of an empty file would share
// an address, which compilers take to be impossible.
// clang-format off
#define TEPUI_EMBED(name, file)                                        \
  __asm__(".pushsection .rodata,\"a\",@progbits\n"                     \
          ".global tepui_asset_" #name "\n"                            \
          "tepui_asset_" #name ":\n"                                   \
          ".incbin \"" TEPUI_ASSETS "/" file "\"\n"                    \
          "1: .balign 8\n"                                             \
          ".global tepui_asset_" #name "_size\n"                       \
          "tepui_asset_" #name "_size: .quad 1b - tepui_asset_" #name "\n" \
          ".popsection\n");                                            \
  extern "C" {                                                         \
  extern const char tepui_asset_##name[];                              \
  extern const std::uint64_t tepui_asset_##name##_size;                \
  }                                                                    \
  std::string_view tepui::asset_##name() {                             \
    return {tepui_asset_##name, tepui_asset_##name##_size};            \
  }
// clang-format on

TEPUI_EMBED(template, "page.html")
TEPUI_EMBED(style, "page.css")
TEPUI_EMBED(scripts, "page.js")
TEPUI_EMBED(plotly, "plotly.js")
