// SPDX-License-Identifier: MIT
// The operand `edits` of attention and of what looks at it (ops/attention_params.h), as the
// references read it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/assert.h"
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/op_list.h"
#include "ops/rounding.h"

namespace tepui {

// Of one head.
class AttentionEdits {
 public:
  AttentionEdits(const HostView& words, const AttentionParams& p, std::size_t head)
      : words_(words), edits_(p.edits), stride_(2 + std::size_t{p.heads}), head_(head) {}

  // Whether any edit changes scores, or probabilities, of this head.
  bool any(bool probabilities) const {
    for (std::size_t e = 0; e < edits_; ++e)
      if (reaches(e, probabilities)) return true;
    return false;
  }

  // Edits a score or probability of the key in row `key`, and how far off it may be: false if none
  // selects it.
  bool apply(bool probability, std::size_t key, double& x, double& error) const {
    bool edited = false;
    for (std::size_t e = 0; e < edits_; ++e) {
      if (!reaches(e, probability) || (words_[edits_ * stride_ + key] >> e & 1) == 0) continue;
      edited = true;
      const auto value = static_cast<double>(std::bit_cast<float>(words_[e * stride_ + 1]));
      switch (words_[e * stride_] & ~TEPUI_EDIT_PROBABILITY) {
        case TEPUI_EDIT_SET:
          x = value;
          error = 0;
          break;
        case TEPUI_EDIT_CLIP:  // one that may be above the limit or not is no further off than it
                               // was
          x = std::abs(x) > value ? std::copysign(value, x) : x;
          break;
        default:
          TEPUI_ASSERT((words_[e * stride_] & ~TEPUI_EDIT_PROBABILITY) == TEPUI_EDIT_SCALE);
          x *= value;
          error = error * std::abs(value) + kUnit * std::abs(x) + kTiny;
      }
    }
    return edited;
  }

 private:
  bool reaches(std::size_t e, bool probabilities) const {
    return ((words_[e * stride_] & TEPUI_EDIT_PROBABILITY) != 0) == probabilities &&
           words_[e * stride_ + 2 + head_] != 0;
  }

  Elements<std::uint32_t> words_;
  std::size_t edits_;
  std::size_t stride_;
  std::size_t head_;
};

// The rule of the operand in `slot`; `keys` are the rows of k.
inline OperandCheck& check_edits(OperandCheck& check, std::span<const TensorType> in,
                                 std::size_t slot, const AttentionParams& p, std::uint64_t keys) {
  const std::uint64_t words = std::uint64_t{p.edits} * (2 + std::uint64_t{p.heads}) + keys;
  return check
      .holds(p.edits <= TEPUI_ATTENTION_EDITS,
             fmt::format("expected at most {} edits, found {}", TEPUI_ATTENTION_EDITS, p.edits))
      .holds((p.edits != 0) == (in.size() > slot && in[slot].present()),
             "expected a table of edits exactly where there are some")
      .is_absent_or(slot, DType::u32, shape_of(words));
}

}  // namespace tepui
