// SPDX-License-Identifier: MIT
// What a model is, as data: an architecture is one constant table row (ArchSpec), a model is that
// row with the numbers of its configuration (ModelSpec). Lowering and binding read these; nothing
// else asks which architecture it has.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op_list.h"

namespace tepui {

enum class NormKind : std::uint8_t { rms, layer };
enum class PositionKind : std::uint8_t { rotary, learned };
enum class MlpKind : std::uint8_t { gated, plain };

// Rotary embedding: frequencies theta^(-2i / rotary_dim), changed by the scaling
// (models/rope_table.h has the formulas).
enum class RopeScaling : std::uint8_t { none, linear, dynamic, llama3 };

struct RopeSpec {
  double theta = 10000.0;
  int rotary_dim = 0;        // 0: the whole head
  bool interleaved = false;  // pairs (2i, 2i + 1) instead of (i, i + rotary_dim / 2)
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  double low_freq_factor = 1.0;   // llama3
  double high_freq_factor = 4.0;  // llama3
  int original_context = 0;       // llama3, dynamic: the context before scaling; 0: the model's
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
  RopeSpec rope;
};

// What a weight is for. A *_bias or a norm is a vector, the embeddings are tables, all others
// matrices [out, in].
enum class WeightRole : std::uint8_t {
  token_embedding,
  position_embedding,
  attn_norm,
  attn_norm_bias,
  q,
  q_bias,
  k,
  k_bias,
  v,
  v_bias,
  o,
  o_bias,
  mlp_norm,
  mlp_norm_bias,
  gate,
  gate_bias,
  up,
  up_bias,
  down,
  down_bias,
  final_norm,
  final_norm_bias,
  head,
};

enum class Layout : std::uint8_t {
  as_is,       // [out, in]
  transposed,  // [in, out], GPT-2's Conv1D
};

enum class Need : std::uint8_t {
  required,
  attention_bias,  // there exactly when the configuration says attention_bias
  mlp_bias,        // likewise
  untied,          // there unless the head is tied
};

// Where a weight stands in the file. With parts > 1 the tensor holds several weights behind one
// another along its output axis (GPT-2: q, k and v in thirds), and this one is the part-th.
struct Binding {
  WeightRole role;
  std::string_view name;  // {} stands for the layer
  Need need = Need::required;
  Layout layout = Layout::as_is;
  std::uint8_t part = 0;
  std::uint8_t parts = 1;
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

struct ArchSpec {
  std::string_view name;
  std::string_view differs;                       // a paragraph: what sets it apart
  std::span<const std::string_view> model_types;  // config.json's model_type
  std::span<const std::string_view> classes;      // config.json's architectures, any spelling
  NormKind norm;
  PositionKind positions;
  MlpKind mlp;
  std::span<const IntKey> ints;
  std::span<const BoolKey> bools;
  std::string_view eps_key;
  float eps_fallback;
  std::array<std::string_view, 2> act_keys;
  std::string_view act_fallback;
  bool tied_fallback;  // when tie_word_embeddings is absent
  std::span<const Binding> bindings;
  std::span<const std::string_view> prefixes;  // that tensor names may carry
  std::span<const std::string_view> ignored;  // endings of tensors that files hold and no one needs
};

struct ModelSpec {
  const ArchSpec* arch = nullptr;
  Dims dims;

  double attention_scale(int layer) const;
};

std::span<const ArchSpec* const> all_architectures();

// A hash (hex) of everything in the specification that a result depends on.
std::string configuration_fingerprint(const ModelSpec& spec);

}  // namespace tepui
