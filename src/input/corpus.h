// SPDX-License-Identifier: MIT
// Texts, a prompt or ready token ids to the sequences of a run. Each text file is tokenised on its
// own, without special tokens, and cut into pieces of `context` tokens, BOS included, with BOS
// before every piece; a last short piece is dropped unless it is the only one. A prompt is one
// sequence. Lists of ids are taken as they are. The other options are what protocols differ in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "input/tokenizer.h"

namespace tepui {

enum class BosRule : std::uint8_t { automatic, yes, no };

struct CorpusRequest {
  std::vector<std::filesystem::path> texts;
  std::optional<std::string> prompt;
  std::optional<std::filesystem::path> ids;  // a JSON list of lists of token ids
  int context = 0;                           // tokens of a piece; at least 2 where BOS is added
  int sequences = 0;                         // at most so many in all; 0: all
  BosRule bos = BosRule::automatic;
  int stride = 0;                     // from a piece's first token to the next one's; 0: no overlap
  int pieces = 0;                     // at most so many of each text; 0: all
  std::optional<std::string> joiner;  // the documents are one text, with this between them
  bool line_documents = false;        // a line is a document (an empty one where it is blank)
  bool special_tokens = false;        // the text's first token is BOS, if the tokenizer adds one
};

struct CorpusSequence {
  std::vector<TokenId> ids;
  std::string source;            // the file's path, "prompt" or the ids file with the list's number
  std::int64_t first_token = 0;  // of the piece, among its source's tokens
  bool has_bos = false;
  int first_scored = 1;  // the first token whose likelihood counts: the others are of overlaps
};

struct Corpus {
  std::vector<CorpusSequence> sequences;
  std::string fingerprint;  // of the ids and of the names of what they came from
  std::int64_t tokens() const;
};

// The token that a rule puts before a sequence, if any. A BOS that is asked for where the tokenizer
// has none is its EOS; an error where there is neither.
Result<std::optional<TokenId>> bos_for(const CorpusRequest& request, const Tokenizer& tokenizer);

// `tokenizer` may be null for ids. A BOS that is asked for where the tokenizer has none is its EOS,
// as the field does (GPT-2), and an error where there is neither.
Result<Corpus> load_corpus(const CorpusRequest& request, const Tokenizer* tokenizer);

}  // namespace tepui
