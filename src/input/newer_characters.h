// SPDX-License-Identifier: MIT
// The normalizers of HF tokenizers work by the tables of Unicode 9: characters that came later, and
// that newer tables would decompose or reorder, stay where and as they are. Ids agree only if ours
// leave them alone too.
#pragma once

namespace tepui::input {

// Whether normalization must not touch the character (and so never looks across it).
bool newer_than_normalizers(char32_t value);

}  // namespace tepui::input
