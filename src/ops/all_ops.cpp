// SPDX-License-Identifier: MIT
// The table of ops. An op that the list names and no file defines is an error of the linker.
#include <array>

#include "tepui/op.h"

namespace tepui {

#define TEPUI_DECLARE(name, Params) const Op& name##_op();
TEPUI_OP_LIST(TEPUI_DECLARE)
#undef TEPUI_DECLARE

const Op& op_of(OpCode code) {
  switch (code) {
#define TEPUI_CASE(name, Params) \
  case OpCode::name: return name##_op();
    TEPUI_OP_LIST(TEPUI_CASE)
#undef TEPUI_CASE
  }
  return embed_op();
}

std::span<const OpCode> all_ops() {
#define TEPUI_CODE(name, Params) OpCode::name,
  static constexpr std::array kAll = {TEPUI_OP_LIST(TEPUI_CODE)};
#undef TEPUI_CODE
  return kAll;
}

}  // namespace tepui
