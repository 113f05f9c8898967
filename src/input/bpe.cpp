// SPDX-License-Identifier: MIT
#include "input/bpe.h"

#include <algorithm>
#include <limits>

#include "input/utf8.h"

namespace tepui::input {
namespace {

std::uint64_t pair_key(TokenId left, TokenId right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

}  // namespace

Result<Bpe> Bpe::create(BpeDescription description, const std::string& where) {
  Bpe bpe;
  bpe.description_ = std::move(description);
  if (const auto& name = bpe.description_.unk_token) {
    bpe.unk_ = bpe.find(*name);
    if (!bpe.unk_)
      return fail(ErrorKind::data, "{}: unk_token '{}' is not in the vocabulary", where,
                  quotable(*name));
  }
  bool all_bytes = true;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto id = bpe.find(byte_token_name(static_cast<unsigned char>(byte)));
    bpe.byte_ids_[byte] = id.value_or(-1);
    all_bytes = all_bytes && id;
  }
  if (bpe.description_.byte_fallback && all_bytes) bpe.segmenter_.emplace();
  TEPUI_TRY(bpe.add_merges(where));
  return bpe;
}

Status Bpe::add_merges(const std::string& where) {
  rules_.add("bpe").add(description_.unk_token.value_or(""));
  rules_.add((description_.byte_fallback ? 1U : 0U) | (description_.fuse_unk ? 2U : 0U) |
             (description_.ignore_merges ? 4U : 0U));
  merges_.reserve(description_.merges.size());
  for (std::size_t rank = 0; rank < description_.merges.size(); ++rank) {
    const auto& [left, right] = description_.merges[rank];
    const std::string whole = left + right;
    rules_.add(left).add(right);
    const auto left_id = find(left);
    const auto right_id = find(right);
    const auto id = find(whole);
    if (!left_id || !right_id || !id)
      return fail(ErrorKind::data,
                  "{}: merge {} ('{}' + '{}') needs the token '{}', which is not in the vocabulary",
                  where, rank, quotable(left), quotable(right),
                  quotable(!left_id    ? left
                           : !right_id ? right
                                       : whole));
    merges_[pair_key(*left_id, *right_id)] = {static_cast<double>(rank), *id};
    // Merges of byte tokens or of <unk> join what the characters of the text do not show.
    const bool hidden = byte_of_token_name(left) || byte_of_token_name(right) || left_id == unk_ ||
                        right_id == unk_;
    if (hidden) segmenter_.reset();
    if (segmenter_) segmenter_->add_token(whole);
  }
  description_.merges = {};
  return {};
}

std::optional<TokenId> Bpe::find(std::string_view piece) const {
  const auto found = description_.vocabulary.find(piece);
  if (found == description_.vocabulary.end()) return std::nullopt;
  return found->second;
}

Status Bpe::encode(std::string_view word, State& state, std::vector<TokenId>& ids) const {
  if (description_.ignore_merges) {
    if (const auto id = find(word)) {
      ids.push_back(*id);
      return {};
    }
  }
  const auto compute = [&](std::string_view segment, std::vector<TokenId>& out) {
    return encode_word(segment, state.scratch, out);
  };
  if (!segmenter_) return state.cache.append(word, ids, compute);
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t end = segmenter_->segment_end(word, at);
    TEPUI_TRY(state.cache.append(word.substr(at, end - at), ids, compute));
    at = end;
  }
  return {};
}

Status Bpe::encode_word(std::string_view word, MergeScratch& scratch,
                        std::vector<TokenId>& ids) const {
  if (word.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    return fail(ErrorKind::unsupported, "a word of {} bytes is longer than the limit of 2 GiB",
                word.size());
  scratch.symbols.clear();
  TEPUI_TRY(add_symbols(word, scratch));
  merge_symbols(scratch, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const auto found = merges_.find(pair_key(left.id, right.id));
    if (found == merges_.end()) return std::nullopt;
    return found->second;
  });
  const auto& symbols = scratch.symbols;
  for (std::int32_t i = symbols.empty() ? -1 : 0; i >= 0;
       i = symbols[static_cast<std::size_t>(i)].next)
    ids.push_back(symbols[static_cast<std::size_t>(i)].id);
  return {};
}

// One symbol for each character; what has none becomes its bytes, or <unk>. An <unk> is held back
// until the next character that has a token, and fuses with those between, as the reference does.
Status Bpe::add_symbols(std::string_view word, MergeScratch& scratch) const {
  std::size_t unknown_begin = 0;
  std::size_t unknown_length = 0;
  const auto flush = [&] {
    if (unknown_length > 0) scratch.add(unknown_begin, unknown_length, *unk_);
    unknown_length = 0;
  };
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t length = sequence_length(word[at]);
    const std::string_view character = word.substr(at, length);
    const auto byte_id = [&](char c) { return byte_ids_[static_cast<unsigned char>(c)]; };
    if (const auto id = find(character)) {
      flush();
      scratch.add(at, length, *id);
    } else if (description_.byte_fallback && std::all_of(character.begin(), character.end(),
                                                         [&](char c) { return byte_id(c) >= 0; })) {
      for (std::size_t i = 0; i < length; ++i) scratch.add(at + i, 1, byte_id(character[i]));
    } else if (unk_) {
      if (!description_.fuse_unk) flush();
      if (unknown_length == 0) unknown_begin = at;
      unknown_length += length;
    } else {
      return fail(ErrorKind::data,
                  "the character '{}' has no token in the vocabulary, which has no unk_token",
                  quotable(character));
    }
    at += length;
  }
  flush();
  return {};
}

}  // namespace tepui::input
