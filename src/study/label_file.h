// SPDX-License-Identifier: MIT
// Labels of a text from a file: CoNLL-U (its UPOS tags), or a table with tabs, either a word and
// its label a line, the words in the order of the text, or, under the head line "sequence position
// label", those of single tokens. Blank lines and lines that begin with # are passed over. Labels
// that are all numbers are values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "study/scan_input.h"

namespace tepui {

// One a token of all sequences, one behind the other; empty: none.
using TokenTags = std::vector<std::string>;

// `files`: one for each text, in their order; of tokens one for all. An error where words and text
// part, or a place is named twice or does not exist.
Result<TokenTags> read_labels(const std::vector<std::filesystem::path>& files,
                              const ScanInput& opened);

// The bytes of each token of a sequence in running text; those of BOS and of tokens that have no
// text are empty.
std::vector<std::string> text_of_tokens(const ScanInput& opened, std::size_t sequence);

}  // namespace tepui
