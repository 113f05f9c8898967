// SPDX-License-Identifier: MIT
// channel_max_abs and token_max_abs: the largest |x| of each channel over a sequence, and of each
// token.
#include "ops/check.h"
#include "ops/selection.h"

namespace tepui {

namespace {

Result<Types> infer_channel(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return Check("channel_max_abs", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .is(1, "offsets", i32({std::int64_t{p.sequences} + 1}))
      .gives({f32({p.sequences, p.dim}), u32({p.sequences, p.dim})});
}

Result<Types> infer_token(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return Check("token_max_abs", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .gives({f32({p.rows}), u32({p.rows})});
}

// Takes x[i] as the maximum at `slot` if it is larger; of equal ones the first stays.
void fold(float x, std::uint32_t place, float& value, std::uint32_t& index) {
  if (index != kNoIndex && magnitude_bits(x) <= magnitude_bits(value)) return;
  value = x;
  index = place;
}

void channel_reference(std::span<const HostView> in, std::span<const MutableHostView> out,
                       const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const auto x = sequence_of(in[0], in[1], s, p.dim);
    const auto values = out[0].as<float>().subspan(s * p.dim, p.dim);
    const auto positions = out[1].as<std::uint32_t>().subspan(s * p.dim, p.dim);
    for (std::size_t d = 0; d < p.dim; ++d) {
      values[d] = 0.0F;
      positions[d] = kNoIndex;
      for (std::size_t t = 0; t * p.dim < x.size(); ++t)
        fold(x[t * p.dim + d], static_cast<std::uint32_t>(t), values[d], positions[d]);
    }
  }
}

void token_reference(std::span<const HostView> in, std::span<const MutableHostView> out,
                     const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  const auto x = in[0].as<float>();
  const auto values = out[0].as<float>();
  const auto channels = out[1].as<std::uint32_t>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    values[r] = 0.0F;
    channels[r] = kNoIndex;
    for (std::size_t d = 0; d < p.dim; ++d)
      fold(x[r * p.dim + d], static_cast<std::uint32_t>(d), values[r], channels[r]);
  }
}

const Op kChannel{"channel_max_abs", 2, infer_channel, channel_reference, nullptr, nullptr};
const Op kToken{"token_max_abs", 1, infer_token, token_reference, nullptr, nullptr};

}  // namespace

const Op& channel_max_abs_op() { return kChannel; }
const Op& token_max_abs_op() { return kToken; }

}  // namespace tepui
