// SPDX-License-Identifier: MIT
#include "input/score_bpe.h"

#include <limits>

#include "input/utf8.h"

namespace tepui::input {

ScoreBpe::ScoreBpe(const ScoreVocabulary& vocabulary)
    : unk_(vocabulary.unk),
      byte_fallback_(vocabulary.byte_fallback),
      byte_ids_(vocabulary.byte_ids) {
  entries_.reserve(vocabulary.pieces.size());
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const ScorePiece& piece = vocabulary.pieces[id];
    if (!piece.mergeable) continue;
    entries_.emplace(piece.text, Entry{static_cast<TokenId>(id), piece.score, piece.unused});
    segmenter_.add_token(piece.text);
    if (piece.user_defined) user_defined_.add(piece.text, {});
  }
}

std::size_t ScoreBpe::user_defined_at(std::string_view text, std::size_t at) const {
  return user_defined_.longest_length(text, at);
}

Status ScoreBpe::encode(std::string_view text, std::vector<TokenId>& ids) const {
  MergeScratch scratch;
  SegmentCache cache;
  const std::size_t before = ids.size();
  const auto compute = [&](std::string_view segment, std::vector<TokenId>& out) {
    return encode_segment(segment, scratch, out);
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = segmenter_.segment_end(text, at);
    TEPUI_TRY(cache.append(text.substr(at, end - at), ids, compute));
    at = end;
  }
  // A run of unknown characters is one unknown token.
  std::size_t kept = before;
  for (std::size_t i = before; i < ids.size(); ++i) {
    if (ids[i] == unk_ && kept > before && ids[kept - 1] == unk_) continue;
    ids[kept++] = ids[i];
  }
  ids.resize(kept);
  return {};
}

void ScoreBpe::add_symbols(std::string_view segment, MergeScratch& scratch) const {
  scratch.symbols.clear();
  for (std::size_t at = 0; at < segment.size();) {
    const std::size_t whole = user_defined_at(segment, at);
    const std::size_t length = whole > 0 ? whole : sequence_length(segment[at]);
    scratch.add(at, length, -1, whole > 0);
    at += length;
  }
}

Status ScoreBpe::encode_segment(std::string_view segment, MergeScratch& scratch,
                                std::vector<TokenId>& ids) const {
  if (segment.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    return fail(ErrorKind::unsupported, "a piece of {} bytes is longer than the limit of 2 GiB",
                segment.size());
  add_symbols(segment, scratch);
  const auto text_of = [&](const Symbol& symbol) {
    return segment.substr(static_cast<std::size_t>(symbol.begin),
                          static_cast<std::size_t>(symbol.length));
  };
  Halves halves;
  merge_symbols(scratch, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const auto begin = static_cast<std::size_t>(left.begin);
    const std::string_view both =
        segment.substr(begin, static_cast<std::size_t>(left.length + right.length));
    const auto found = entries_.find(both);
    if (found == entries_.end()) return std::nullopt;
    if (found->second.unused) halves[both] = static_cast<std::size_t>(left.length);
    return Merge{-static_cast<double>(found->second.score), found->second.id};
  });
  const auto& symbols = scratch.symbols;
  for (std::int32_t i = symbols.empty() ? -1 : 0; i >= 0;
       i = symbols[static_cast<std::size_t>(i)].next)
    append(text_of(symbols[static_cast<std::size_t>(i)]), halves, ids);
  return {};
}

void ScoreBpe::append(std::string_view piece, const Halves& halves,
                      std::vector<TokenId>& ids) const {
  const auto found = entries_.find(piece);
  if (found != entries_.end()) {
    const auto half = found->second.unused ? halves.find(piece) : halves.end();
    if (half == halves.end()) {
      ids.push_back(found->second.id);
    } else {
      append(piece.substr(0, half->second), halves, ids);
      append(piece.substr(half->second), halves, ids);
    }
  } else if (byte_fallback_) {
    for (const char c : piece) ids.push_back(byte_ids_[static_cast<unsigned char>(c)]);
  } else {
    ids.push_back(unk_);
  }
}

}  // namespace tepui::input
