// SPDX-License-Identifier: MIT
#include "input/sentencepiece_normalizer.h"

#include <cstring>

#include "input/utf8.h"

namespace tepui::input {
namespace {

// A unit of the double array: for a node the offset to its children, the label that leads to it
// and whether a value hangs below it; for a leaf the value.
bool has_leaf(std::uint32_t unit) { return ((unit >> 8) & 1) == 1; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7fffffffU; }
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000ffU; }
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200U) >> 6); }

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

}  // namespace

Result<CharsMap> CharsMap::create(std::string_view blob, const std::string& file) {
  CharsMap map;
  const std::size_t size = blob.size() < 4 ? 0 : read_u32(blob, 0);
  if (size == 0 || size % 4 != 0 || size > blob.size() - 4)
    return fail(ErrorKind::data,
                "{}: precompiled_charsmap: expected a trie within {} bytes, found a size of {}",
                file, blob.size(), size);
  for (std::size_t at = 4; at < 4 + size; at += 4) map.units_.push_back(read_u32(blob, at));
  map.replacements_ = blob.substr(4 + size);
  if (map.replacements_.empty() || map.replacements_.back() != '\0')
    return fail(ErrorKind::data, "{}: precompiled_charsmap: the last replacement does not end",
                file);
  for (std::size_t at = 0; at < map.replacements_.size();) {
    const std::string_view text(map.replacements_.data() + at);
    if (first_invalid_utf8(text))
      return fail(ErrorKind::data, "{}: precompiled_charsmap: a replacement is not valid UTF-8",
                  file);
    at += text.size() + 1;
  }
  return map;
}

CharsMap::Hit CharsMap::longest(std::string_view text) const {
  Hit hit;
  std::uint64_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) break;
    const std::size_t value = value_of(units_[node]);
    // A value that points into the middle of a character would make invalid UTF-8.
    if (value >= replacements_.size() ||
        (static_cast<unsigned char>(replacements_[value]) & 0xc0) == 0x80)
      break;
    hit = {i + 1, std::string_view(replacements_.data() + value)};
  }
  return hit;
}

Result<SentencePieceNormalizer> SentencePieceNormalizer::create(const SentencePieceModel& model,
                                                                const std::string& file) {
  SentencePieceNormalizer normalizer;
  normalizer.has_map_ = !model.charsmap.empty();
  if (normalizer.has_map_) {
    TEPUI_TRY(normalizer.map_, CharsMap::create(model.charsmap, file));
  }
  normalizer.add_dummy_prefix_ = model.add_dummy_prefix;
  normalizer.remove_extra_whitespaces_ = model.remove_extra_whitespaces;
  normalizer.space_ = model.escape_whitespaces ? "\xe2\x96\x81" : " ";
  return normalizer;
}

std::string SentencePieceNormalizer::apply(std::string_view text,
                                           const UserDefined& user_defined) const {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + space_.size());
  bool begun = false;
  bool after_space = false;  // the text so far ends with a space that was written
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = user_defined(text, at);
    std::string_view replacement = text.substr(at, length);
    if (length == 0 && has_map_) {
      const CharsMap::Hit hit = map_.longest(text.substr(at));
      length = hit.length;
      replacement = hit.replacement;
    }
    if (length == 0) {
      length = sequence_length(text[at]);
      replacement = text.substr(at, length);
    }
    at += length;
    if (remove_extra_whitespaces_ && !begun && replacement == " ") continue;
    if (!begun && add_dummy_prefix_) out += space_;
    if (!begun) after_space = remove_extra_whitespaces_;
    begun = true;
    while (after_space && replacement.starts_with(' ')) replacement.remove_prefix(1);
    for (const char c : replacement) {
      if (c == ' ')
        out += space_;
      else
        out += c;
    }
    if (!replacement.empty()) after_space = remove_extra_whitespaces_ && replacement.ends_with(' ');
  }
  while (remove_extra_whitespaces_ && out.ends_with(space_)) out.resize(out.size() - space_.size());
  return out;
}

}  // namespace tepui::input
