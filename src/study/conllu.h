// SPDX-License-Identifier: MIT
// Words and their tags from a CoNLL-U file (universaldependencies.org/format.html), instead of the
// rules of word_class.h: of each line the columns ID, FORM and UPOS are read. The forms must follow
// one another in the text, whatever white space stands between them.
//
// ADP AUX CCONJ DET PART PRON SCONJ are function words, NUM numbers; PUNCT is a sentence boundary
// where it ends a sentence, a delimiter where it is , ; or :, else punctuation, and so is SYM; all
// other tags are content words. A form that several words share (IDs 3-4) has the tag of the first.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "study/word_class.h"
#include "tepui/result.h"

namespace tepui {

struct TaggedWord {
  std::string form;
  WordClass word_class = WordClass::content_word;
  int line = 0;
  std::string tag = {};  // UPOS as it stands, or whatever else a file of words says of them
};

// An error names the line that is not what it should be.
Result<std::vector<TaggedWord>> read_conllu(const std::filesystem::path& file);

// By token the word that its first visible byte belongs to; -1 for a token without any. An error
// where text and forms part; the words may go on where the text ends.
Result<std::vector<std::ptrdiff_t>> align_to_words(std::span<const TaggedWord> words,
                                                   std::span<const std::string> tokens,
                                                   const std::filesystem::path& file);

// Each token takes the class of the word that its first visible byte belongs to; one without any is
// white space.
Result<std::vector<WordClass>> align_words(std::span<const TaggedWord> words,
                                           std::span<const std::string> tokens,
                                           const std::filesystem::path& file);

}  // namespace tepui
