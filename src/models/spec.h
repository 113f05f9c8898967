// SPDX-License-Identifier: MIT
// What a model is, as data: an architecture is one constant table row (ArchSpec), a model is that
// row with the numbers of its configuration and the form that they give it (ModelSpec). Lowering
// and binding read these; nothing else asks which architecture it has.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op_list.h"
#include "tepui/result.h"

namespace tepui {

// dyt: tanh(alpha x), scaled and shifted by channel, which stands for a norm (S9 of the studies).
enum class NormKind : std::uint8_t { rms, layer, dyt };
enum class PositionKind : std::uint8_t { rotary, learned, alibi, none };
// plain: down act(up x). gated: down (act(gate x) * up x). experts: a mixture of gated ones.
enum class MlpKind : std::uint8_t { gated, plain, experts };

// How attention and MLP meet the residual stream x. n and m are the norms before them.
enum class BlockKind : std::uint8_t {
  sequential,  // x' = x + attn(n x), out = x' + mlp(m x')
  parallel,    // out = x + attn(n x) + mlp(m x); there is no x'
  norm_after,  // x' = n (x + attn x), out = m (x' + mlp x')
};

// Norms of queries and keys before the rotary embedding, of the model's kind and eps.
enum class QkNorm : std::uint8_t {
  none,
  head,       // each head by itself, one weight [d] for all
  each_head,  // each head by itself, a weight [H, d] of its own
  whole,      // all heads together, weight [H * d]
};

// What attention has beside its keys, each key head its own (ops/attention_params.h): nothing; a
// key and a value that every query sees, a key alone, both 0; a value that is added to every
// output.
enum class AttentionExtra : std::uint8_t { none, kv_bias, k_bias, off_by_one, v_bias };

// What the parts are and how they are put together. A row of the architecture table has the usual
// form; a configuration may change it.
struct Form {
  NormKind norm = NormKind::rms;
  PositionKind positions = PositionKind::rotary;
  MlpKind mlp = MlpKind::gated;
  BlockKind block = BlockKind::sequential;
  QkNorm qk_norm = QkNorm::none;
  bool norms_before = true;   // n and m above; OLMo-2 has none
  bool norms_behind = false;  // a norm of what attention and MLP give, before it is added
  bool shared_norm = false;   // parallel: m is n
  bool residual_normed =
      false;  // sequential: x is replaced by n x, and x' by m x' (BLOOM's option)
  bool final_norm = true;
  AttentionExtra extra = AttentionExtra::none;
  bool sigmoid_attention = false;  // no softmax; Dims::score_gamma is added to scores
  bool gated_attention = false;    // z times sigmoid(gate x + offset) of attention's input x
  // z of each head times the sigmoid of a sum over the head's own part of x (S8 of the studies).
  bool gated_heads = false;
  bool embedding_factor = false;  // the tokens' embeddings times a weight of one number (S9)
};

// Rotary embedding: frequencies theta^(-2i / rotary_dim), changed by the scaling
// (models/rope_table.h has the formulas).
enum class RopeScaling : std::uint8_t { none, linear, dynamic, llama3, yarn, longrope };

struct RopeSpec {
  double theta = 10000.0;
  int rotary_dim = 0;        // 0: the whole head
  bool interleaved = false;  // pairs (2i, 2i + 1) instead of (i, i + rotary_dim / 2)
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  double low_freq_factor = 1.0;            // llama3
  double high_freq_factor = 4.0;           // llama3
  int original_context = 0;                // the context before scaling; 0: the model's
  double beta_fast = 32.0;                 // yarn
  double beta_slow = 1.0;                  // yarn
  bool truncate = true;                    // yarn: its ramp begins and ends at whole pairs
  double magnitude = 1.0;                  // yarn, longrope: cosines and sines are multiplied by it
  std::vector<double> short_factors = {};  // longrope: of each pair, up to original_context
  std::vector<double> long_factors = {};   // and beyond
};

// The numbers of a configuration. Sizes are in elements; 0 means "not given" until the reader has
// filled defaults in.
struct Dims {
  int layers = 0;
  int width = 0;       // D
  int heads = 0;       // H
  int kv_heads = 0;    // G
  int head_dim = 0;    // d
  int hidden = 0;      // F
  int vocabulary = 0;  // V
  int context = 0;     // positions the model was made for
  float norm_eps = 1e-5F;
  std::uint32_t act = TEPUI_ACT_NONE;
  bool tied = false;  // the head is the token embedding
  bool attention_bias = false;
  bool mlp_bias = false;
  bool scale_scores = true;             // by 1 / sqrt(head_dim)
  bool scale_by_inverse_layer = false;  // and by 1 / (layer + 1)
  float score_scale = 0;                // instead of both, where it is not 0
  float score_softcap = 0;              // 0: none
  float logit_softcap = 0;              // 0: none
  float logit_scale = 1;
  float embedding_scale = 1;
  float score_gamma = 0;    // of clipped softmax, at most 0, or of sigmoids
  float clip_qkv = 0;       // q, k and v are limited to -clip .. clip; 0: they are not
  int experts = 0;          // E
  int experts_chosen = 0;   // of a token
  int embedding_width = 0;  // of the tables of tokens and the head; projected to and from width
  int prefix = 0;           // keys at the beginning that every query sees (a prefix mask); 0: none
  int position_offset = 0;  // rows of the position table before that of position 0
  double alibi_max = 8.0;   // the exponent of the last of 2^n heads
  bool alibi_rounded = false;  // to bf16, slopes and biases, and scaled with the scores (Falcon)
  RopeSpec rope;
  RopeSpec local_rope;  // of layers that ask for it
};

enum class RopeUse : std::uint8_t { rope, local_rope, none };

struct LayerSpec {
  int window = 0;  // keys that a query sees, its own counted; 0: all
  RopeUse rope = RopeUse::rope;
  bool operator==(const LayerSpec&) const = default;
};

// What a weight is for. A *_bias or a norm is a vector, the embeddings are tables, expert_* are a
// matrix [out, in] for each expert, all others matrices [out, in].
enum class WeightRole : std::uint8_t {
  token_embedding,
  position_embedding,
  embedding_factor,  // one number
  embedding_norm,
  embedding_norm_bias,
  project_in,
  attn_norm,
  attn_norm_bias,
  attn_norm_alpha,  // of dyt, one number
  q,
  q_bias,
  q_norm,
  q_norm_bias,
  k,
  k_bias,
  k_norm,
  k_norm_bias,
  v,
  v_bias,
  extra_key,
  extra_value,
  attn_gate,
  attn_gate_offset,
  head_gate,  // [heads, head_dim] as a vector
  head_gate_offset,
  o,
  o_bias,
  attn_norm_behind,
  mlp_norm,
  mlp_norm_bias,
  mlp_norm_alpha,
  router,
  expert_gate,
  expert_up,
  expert_down,
  gate,
  gate_bias,
  up,
  up_bias,
  down,
  down_bias,
  mlp_norm_behind,
  final_norm,
  final_norm_bias,
  final_norm_alpha,
  project_out,
  head,
  head_bias,
};

enum class Layout : std::uint8_t {
  as_is,         // [out, in]
  transposed,    // [in, out], GPT-2's Conv1D
  rotary_pairs,  // [out, in], rows 2i and 2i + 1 of each head being a rotary pair (GGUF's llama)
};

enum class Need : std::uint8_t {
  required,
  attention_bias,  // there exactly when the configuration says attention_bias
  mlp_bias,        // likewise
  untied,          // there unless the head is tied
};

// Weights that share a tensor along its output axis; the role says which part is meant.
enum class Fused : std::uint8_t {
  no,
  qkv,         // all of q, then k, then v
  qkv_groups,  // for each key head: its queries' rows, its own, its value's
  gate_up,     // gate, then up
};

struct ModelSpec;

// Where a weight stands in the file. With parts > 1 the tensor holds several weights behind one
// another along its output axis (GPT-2: q, k and v in thirds), and this one is the part-th.
struct Binding {
  WeightRole role;
  std::string_view name;  // {} stands for the layer, a second {} for the expert or the head
  Need need = Need::required;
  Layout layout = Layout::as_is;
  std::uint8_t part = 0;
  std::uint8_t parts = 1;
  Fused fused = Fused::no;
  bool (*when)(const ModelSpec&) = nullptr;  // and only where the model is so
};

// A configuration field and the names it goes by, oldest last.
struct IntKey {
  int Dims::*field;
  std::array<std::string_view, 3> names;
  int fallback = kRequired;
  static constexpr int kRequired = -1;  // its absence is an error; 0: derived from the others
};
struct BoolKey {
  bool Dims::*field;
  std::string_view name;
  bool fallback;
};

// How the configuration speaks of rotary positions. The common keys rope_theta, rope_scaling,
// rope_parameters and partial_rotary_factor are always understood.
struct RopeKeys {
  double theta = 10000.0;   // where none is given
  double local_theta = 0;   // likewise of sliding layers; 0: the same
  bool is_partial = false;  // else part of a head is refused
  double part = 1.0;        // of a head that is rotated, where none is given
  bool interleaved = false;
  std::string_view theta_key = {};  // other names
  std::string_view part_key = {};
  bool yarn_is_longrope = false;  // Phi-3's first files
};

class ConfigReader;

struct ArchSpec {
  std::string_view name;
  std::string_view differs;                       // a paragraph: what sets it apart
  std::span<const std::string_view> model_types;  // config.json's model_type
  std::span<const std::string_view> classes;      // config.json's architectures, any spelling
  Form form;
  std::span<const IntKey> ints;
  std::span<const BoolKey> bools;
  std::array<std::string_view, 2> eps_keys;
  float eps_fallback;
  std::array<std::string_view, 2> act_keys;
  std::string_view act_fallback;
  bool gelu_is_tanh = false;  // "gelu" means its tanh form (Gemma)
  bool tied_fallback;         // when tie_word_embeddings is absent
  std::span<const Binding> bindings;
  std::span<const std::string_view> prefixes;  // that tensor names may carry
  // Endings of the names of tensors that files hold and no one needs, or, with a dot at the end,
  // beginnings.
  std::span<const std::string_view> ignored;
  RopeKeys rope = {};
  float norm_offset = 0;  // added to the weights of all norms (Gemma stores w for 1 + w)
  // What the tables do not say: keys that change the form, windows, scales. Sees the defaults
  // filled in.
  Status (*adjust)(const ConfigReader& config, ModelSpec& spec) = nullptr;
};

struct ModelSpec {
  const ArchSpec* arch = nullptr;
  Form form;
  Dims dims;
  std::vector<LayerSpec> layers;  // empty: all alike

  double attention_scale(int layer) const;
  LayerSpec layer(int index) const {
    return layers.empty() ? LayerSpec{} : layers[static_cast<std::size_t>(index)];
  }
};

// Whether every residual stream is the embeddings plus what the sub-layers before it add; not where
// a norm takes the place of the stream itself.
inline bool adds_up(const ModelSpec& spec) {
  return spec.form.block != BlockKind::norm_after && !spec.form.residual_normed;
}

std::span<const ArchSpec* const> all_architectures();

// A hash (hex) of everything in the specification that a result depends on.
std::string configuration_fingerprint(const ModelSpec& spec);

}  // namespace tepui
