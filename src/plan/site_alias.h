// SPDX-License-Identifier: MIT
// The names that other tools have for sites, where they mean exactly the same:
//   TransformerLens  blocks.5.hook_resid_post, blocks.5.attn.hook_z, blocks.5.hook_out, ...
//   Hugging Face     model.layers.5 (a block: its output), model.layers.5.self_attn, ...mlp
//   llama.cpp        l_out-5, ffn_inp-5, attn_norm-5, ...
// A name that means different things by model or version (Qcur, hook_normalized) is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tepui/site.h"

namespace tepui {

// Nothing if the text is no such name, or its layer none of `layers`.
std::optional<Point> point_from_alias(std::string_view text, int layers);

// "resid_post.5", "final_norm"
std::string point_name(Point point);

}  // namespace tepui
