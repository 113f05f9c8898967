// SPDX-License-Identifier: MIT
// What kind of word each token of a sequence belongs to: by rules for English, or by a CoNLL-U
// file.
//
// A word is a longest run of letters, digits and combining marks, with apostrophes between letters
// and with '.' and ',' between digits. Every token takes the class of the word that its first such
// character belongs to: a number if the word holds no letter, a function word if the list of closed
// classes (function_words.h) has it in lower case, or has what stands before its apostrophe, else a
// content word. A token without such a character is a sentence boundary if it holds one of . ! ? or
// an empty line, a delimiter if it holds one of , ; : or a line break, punctuation if it holds
// another mark, else white space. The first token that a sequence predicts is of the class `first`,
// whatever it is: only one token, often BOS, stands before it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tepui {

enum class WordClass : std::uint8_t {
  first,
  function_word,
  content_word,
  number,
  delimiter,
  sentence_boundary,
  punctuation,
  white_space,
};
inline constexpr std::size_t kWordClasses = 8;
std::string_view word_class_name(WordClass word_class);

// Of a sequence's tokens, from their bytes in running text; special tokens give none. The class
// `first` is not given here: which token is scored first is not the text's business.
std::vector<WordClass> classify_words(std::span<const std::string> tokens);

}  // namespace tepui
