// SPDX-License-Identifier: MIT
// The closed word classes of English: articles, determiners, pronouns, prepositions, conjunctions,
// auxiliaries, particles and the adverbs that behave like them.
#pragma once

#include <string_view>

namespace tepui {

// `word` in lower case.
bool is_function_word(std::string_view word);

}  // namespace tepui
