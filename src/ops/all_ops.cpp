// SPDX-License-Identifier: MIT
// The ops by code. An op of the list without a definition is an undefined symbol here.
#include <array>

#include "base/assert.h"
#include "tepui/op.h"

namespace tepui {

#define TEPUI_DECLARE_OP(name, Params) const Op& name##_op();
TEPUI_OP_LIST(TEPUI_DECLARE_OP)
#undef TEPUI_DECLARE_OP

const Op& op_of(OpCode code) {
  switch (code) {
#define TEPUI_OP_CASE(name, Params) \
  case OpCode::name: return name##_op();
    TEPUI_OP_LIST(TEPUI_OP_CASE)
#undef TEPUI_OP_CASE
  }
  TEPUI_ASSERT(false);
  return embed_op();
}

std::span<const OpCode> all_ops() {
#define TEPUI_OP_ENTRY(name, Params) OpCode::name,
  static constexpr std::array kCodes{TEPUI_OP_LIST(TEPUI_OP_ENTRY)};
#undef TEPUI_OP_ENTRY
  return kCodes;
}

// What a device can take beside six addresses.
#define TEPUI_CHECK_PARAMS(name, Params) \
  static_assert(sizeof(Params) <= ParamBytes::kCapacity && alignof(Params) == 4);
TEPUI_OP_LIST(TEPUI_CHECK_PARAMS)
#undef TEPUI_CHECK_PARAMS

}  // namespace tepui
