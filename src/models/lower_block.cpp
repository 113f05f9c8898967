// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "models/block_lowering.h"
#include "models/lower.h"

namespace tepui {

int ChunkShape::rows() const { return std::accumulate(lengths.begin(), lengths.end(), 0); }

int ChunkShape::longest() const { return lengths.empty() ? 0 : *std::ranges::max_element(lengths); }

std::vector<std::int32_t> ChunkShape::offsets() const {
  std::vector<std::int32_t> out{0};
  for (const int length : lengths) out.push_back(out.back() + length);
  return out;
}

std::vector<std::int32_t> ChunkShape::positions() const {
  std::vector<std::int32_t> out;
  for (const int length : lengths) {
    for (int position = 0; position < length; ++position) out.push_back(position);
  }
  return out;
}

Result<Lowered> BlockLowering::run() {
  out_.hidden = builder_.input({DType::f32, Shape{rows_, dims_.width}}, "resid_pre");
  out_.offsets = builder_.input({DType::i32, Shape{chunk_.sequences() + 1}}, "offsets");
  const Value resid_pre = site(Site::resid_pre, out_.hidden);
  switch (form_.block) {
    case BlockKind::sequential: out_.result = sequential(resid_pre); break;
    case BlockKind::parallel: out_.result = parallel(resid_pre); break;
    case BlockKind::norm_after: out_.result = norm_after(resid_pre); break;
  }
  site(Site::resid_post, out_.result);
  builder_.mark_output(out_.result);
  TEPUI_TRY(out_.program, builder_.finish());
  return std::move(out_);
}

Value BlockLowering::sequential(Value x) {
  const Value attn_in = norm_before(Site::attn_in, x);
  const Value own_in = last_rows(attn_in);
  const Value attn_out = behind(Site::attn_out_post, attention(attn_in, own_in));
  const Value kept = form_.residual_normed || attn_in == x ? own_in : last_rows(x);
  const Value mid = site(Site::resid_mid, builder_.add(kept, attn_out, "resid_mid"));
  const Value mlp_in = norm_before(Site::mlp_in, mid);
  const Value mlp_out = behind(Site::mlp_out_post, mlp(mlp_in));
  return builder_.add(form_.residual_normed ? mlp_in : mid, mlp_out, "resid_post");
}

// The sums are made in the order attention, MLP, so that both can ride on their last products.
Value BlockLowering::parallel(Value x) {
  const Value attn_in = norm_before(Site::attn_in, x);
  const Value own = last_rows(x);
  const Value own_in = attn_in == x ? own : last_rows(attn_in);
  const Value attn_out = behind(Site::attn_out_post, attention(attn_in, own_in));
  const Value mlp_in =
      form_.shared_norm ? site(Site::mlp_in, own_in) : norm_before(Site::mlp_in, own);
  const Value mlp_out = behind(Site::mlp_out_post, mlp(mlp_in));
  return builder_.add(builder_.add(own, attn_out, "resid_pre + attn_out"), mlp_out, "resid_post");
}

Value BlockLowering::norm_after(Value x) {
  const Value own = last_rows(x);
  const Value attn_out = site(Site::attn_out_post, attention(x, own));
  const Value first = builder_.add(own, attn_out, "resid_pre + attn_out");
  const Value mid = site(
      Site::resid_mid, norm(first, WeightRole::attn_norm, WeightRole::attn_norm_bias, "resid_mid"));
  const Value mlp_out = site(Site::mlp_out_post, mlp(mid));
  const Value second = builder_.add(mid, mlp_out, "resid_mid + mlp_out");
  return norm(second, WeightRole::mlp_norm, WeightRole::mlp_norm_bias, "resid_post");
}

Value BlockLowering::norm_before(Site where, Value x) {
  if (!form_.norms_before) return x;
  if (where == Site::attn_in)
    return site(where, norm(x, WeightRole::attn_norm, WeightRole::attn_norm_bias, "attn_in"));
  return site(where, norm(x, WeightRole::mlp_norm, WeightRole::mlp_norm_bias, "mlp_in"));
}

Value BlockLowering::behind(Site where, Value x) {
  if (!form_.norms_behind) return site(where, x);
  const bool of_attention = where == Site::attn_out_post;
  const WeightRole gain = of_attention ? WeightRole::attn_norm_behind : WeightRole::mlp_norm_behind;
  const Value w = weight(gain);
  std::string name(site_name(where));
  if (form_.norm == NormKind::rms)
    return site(where, builder_.rms_norm(x, w, dims_.norm_eps, std::move(name)));
  return site(where, builder_.layer_norm(x, w, kNone, dims_.norm_eps, std::move(name)));
}

Value BlockLowering::last_rows(Value x) {
  if (last_ == nullptr) return x;
  if (!out_.last.rows.present())
    out_.last.rows = builder_.input({DType::i32, Shape{last_->rows()}}, "last rows");
  return builder_.embed(out_.last.rows, x, "last of " + builder_.program().info(x).name);
}

Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk) {
  return BlockLowering(model, layer, chunk, nullptr, nullptr).run();
}

Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk,
                            const CacheShape& cache) {
  return BlockLowering(model, layer, chunk, &cache, nullptr).run();
}

Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk,
                            const ChunkShape& last) {
  return BlockLowering(model, layer, chunk, nullptr, &last).run();
}

bool has_all_rows(Site site) {
  switch (site) {
    case Site::resid_pre:
    case Site::attn_in:
    case Site::k_pre:
    case Site::k:
    case Site::v: return true;
    default: return false;
  }
}

std::string layer_kind(const ModelSpec& spec, int layer) {
  const LayerSpec own = spec.layer(layer);
  return fmt::format("{} {} {}", spec.attention_scale(layer), own.window,
                     static_cast<int>(own.rope));
}

}  // namespace tepui
