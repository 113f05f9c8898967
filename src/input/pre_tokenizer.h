// SPDX-License-Identifier: MIT
// The pre_tokenizer of a tokenizer.json: from a normalized text to the words within which BPE
// merges. Nested sequences are flattened to a list of steps at loading; each step cuts or respells
// what the one before it left.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "input/byte_level.h"
#include "input/json_file.h"
#include "input/split.h"

namespace tepui::input {

// Words as ranges of one buffer.
struct Words {
  struct Word {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool opens_text = false;  // begins at the very start of the text that is being encoded
  };
  std::string text;
  std::vector<Word> words;

  std::string_view view(const Word& word) const {
    return std::string_view(text).substr(word.begin, word.end - word.begin);
  }
};

struct PrefixSpace {};  // a space before every word that has none
struct SpellBytes {};   // every byte as a character of the byte-level alphabet
struct MarkSpaces {     // spaces become the marker, which also opens the text (or every word)
  enum class Prepend { always, first, never };
  std::string marker;
  Prepend prepend = Prepend::always;
};

class PreTokenizer {
 public:
  // From the JSON of the field (null: one word per text); `where` opens error messages.
  static Result<PreTokenizer> create(const Json* description, const std::string& where);
  // GPT-2's own, for vocab.json + merges.txt.
  static Result<PreTokenizer> gpt2(bool add_prefix_space);

  Status apply(Words& words) const;

  bool byte_level() const;                                           // the vocabulary spells bytes
  const std::string& space_marker() const { return space_marker_; }  // empty if there is none

 private:
  using Step = std::variant<Split, PrefixSpace, SpellBytes, MarkSpaces>;

  Status add(const Json& description, const std::string& where, int depth);
  Status add_split(const Json& description, const std::string& where);
  Status add_byte_level(bool add_prefix_space, bool use_regex, const std::string& where);
  Status add_metaspace(const Json& description, const std::string& where);
  Status cut(const Split& split, Words& words) const;
  void respell(const Step& step, Words& words) const;

  std::vector<Step> steps_;
  std::string space_marker_;
  ByteLevelMap byte_map_;
};

// The pattern field of Split and Replace: {"String": ...} or {"Regex": ...}.
Result<Pattern> read_pattern(const Json& description, const std::string& where);

}  // namespace tepui::input
