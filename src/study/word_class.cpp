// SPDX-License-Identifier: MIT
#include "study/word_class.h"

#include <algorithm>

#include "input/utf8.h"
#include "study/function_words.h"

namespace tepui {

namespace {

struct Character {
  char32_t value = 0;  // 0: a byte that is no text
  std::size_t at = 0;
};

std::vector<Character> characters_of(std::string_view text) {
  std::vector<Character> out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    out.push_back({point.length > 0 ? point.value : 0, at});
    at += std::max<std::size_t>(point.length, 1);
  }
  return out;
}

bool is_digit(char32_t value) { return input::is_numeric(value); }
bool is_letter(char32_t value) {
  return value != U'_' && input::is_word(value) && !input::is_numeric(value);
}
bool is_apostrophe(char32_t value) { return value == U'\'' || value == U'\u2019'; }

// Whether the character belongs to a word, by itself or by its neighbours.
bool in_word(const std::vector<Character>& text, std::size_t i) {
  const char32_t value = text[i].value;
  if (is_letter(value) || is_digit(value)) return true;
  if (i == 0 || i + 1 == text.size()) return false;
  const char32_t before = text[i - 1].value;
  const char32_t after = text[i + 1].value;
  if (is_apostrophe(value)) return is_letter(before) && is_letter(after);
  return (value == U'.' || value == U',') && is_digit(before) && is_digit(after);
}

std::string lower_case(const std::vector<Character>& text, std::size_t begin, std::size_t end) {
  std::string word;
  for (std::size_t i = begin; i < end; ++i) {
    char32_t value = text[i].value;
    if (value >= U'A' && value <= U'Z') value += U'a' - U'A';
    input::append_utf8(word, is_apostrophe(value) ? U'\'' : value);
  }
  return word;
}

WordClass class_of_word(const std::vector<Character>& text, std::size_t begin, std::size_t end) {
  const auto first = text.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto last = text.begin() + static_cast<std::ptrdiff_t>(end);
  if (std::none_of(first, last, [](const Character& c) { return is_letter(c.value); }))
    return WordClass::number;
  const std::string word = lower_case(text, begin, end);
  const bool closed = is_function_word(word) || is_function_word(word.substr(0, word.find('\'')));
  // "won't", "can't", "n't": what is left of them is no word of its own.
  const bool negated = word.ends_with("n't");
  return closed || negated ? WordClass::function_word : WordClass::content_word;
}

WordClass class_of_marks(const std::vector<Character>& text, std::size_t begin, std::size_t end) {
  bool boundary = false;
  bool delimiter = false;
  bool mark = false;
  int breaks = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const char32_t value = text[i].value;
    breaks += value == U'\n' ? 1 : 0;
    boundary = boundary || value == U'.' || value == U'!' || value == U'?' || breaks > 1;
    delimiter = delimiter || value == U',' || value == U';' || value == U':' || value == U'\n';
    mark = mark || !input::is_white_space(value);
  }
  if (boundary) return WordClass::sentence_boundary;
  if (delimiter) return WordClass::delimiter;
  return mark ? WordClass::punctuation : WordClass::white_space;
}

}  // namespace

std::string_view word_class_name(WordClass word_class) {
  static constexpr std::array<std::string_view, kWordClasses> kNames = {
      "first token", "function word",     "content word", "number",
      "delimiter",   "sentence boundary", "punctuation",  "white space"};
  return kNames[static_cast<std::size_t>(word_class)];
}

std::vector<WordClass> classify_words(std::span<const std::string> tokens) {
  std::string text;
  std::vector<std::size_t> begins;  // of the tokens, in bytes
  for (const std::string& token : tokens) {
    begins.push_back(text.size());
    text += token;
  }
  begins.push_back(text.size());
  const std::vector<Character> characters = characters_of(text);
  std::vector<bool> word(characters.size());
  for (std::size_t i = 0; i < characters.size(); ++i) word[i] = in_word(characters, i);
  std::vector<WordClass> out;
  std::size_t at = 0;  // the first character that begins in the token
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    while (at < characters.size() && characters[at].at < begins[t]) ++at;
    std::size_t end = at;
    while (end < characters.size() && characters[end].at < begins[t + 1]) ++end;
    // A token that only continues a character belongs with it.
    const std::size_t begin = at == end && at > 0 ? at - 1 : at;
    const std::size_t stop = std::max(end, std::min(begin + 1, characters.size()));
    std::size_t anchor = begin;
    while (anchor < stop && !word[anchor]) ++anchor;
    if (anchor == stop) {
      out.push_back(class_of_marks(characters, begin, stop));
      continue;
    }
    std::size_t first = anchor;
    while (first > 0 && word[first - 1]) --first;
    std::size_t last = anchor;
    while (last < characters.size() && word[last]) ++last;
    out.push_back(class_of_word(characters, first, last));
  }
  return out;
}

}  // namespace tepui
