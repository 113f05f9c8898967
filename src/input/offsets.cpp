// SPDX-License-Identifier: MIT
#include "input/offsets.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "input/utf8.h"

namespace tepui {
namespace {

constexpr std::string_view kMarker = "\u2581";  // reads as a space wherever it stands in a piece
constexpr int kLongestGroup = 32;               // code points that a normalizer may take together
constexpr std::size_t kFarthest = 256;          // bytes that an unknown token may stand for
constexpr std::size_t kEnough = 8;              // bytes that are not taken for others

struct FreeC {
  void operator()(void* pointer) const { std::free(pointer); }
};

std::string normalized(std::string_view text, int form) {
  utf8proc_uint8_t* raw = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &raw,
                                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | form));
  const std::unique_ptr<utf8proc_uint8_t, FreeC> owned(raw);
  if (length < 0) return std::string(text);
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
}

// Whether the character may be composed with, or move before, what stands on its left.
bool clings(char32_t value) {
  const utf8proc_property_t* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(value));
  return property->combining_class != 0 || (value >= 0x1160 && value <= 0x11ff);
}

// What normalizers remove: white space, controls and format characters.
bool may_vanish(char32_t value) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return input::is_white_space(value) || category == UTF8PROC_CATEGORY_CC ||
         category == UTF8PROC_CATEGORY_CF;
}

class Aligner {
 public:
  Aligner(const Tokenizer& tokenizer, std::string_view text, std::span<const TokenId> ids)
      : text_(text) {
    for (const TokenId id : ids) {
      starts_.push_back(bytes_.size());
      bytes_ += tokenizer.piece_bytes(id);
    }
    starts_.push_back(bytes_.size());
  }

  std::vector<std::optional<TokenRange>> run() {
    for (std::size_t token = 0; token + 1 < starts_.size(); ++token) {
      token_begin_ = starts_[token];
      token_end_ = starts_[token + 1];
      ranges_.push_back(align_token(token));
    }
    return std::move(ranges_);
  }

 private:
  std::optional<TokenRange> align_token(std::size_t token) {
    if (lost_ > 0 && !found_again(token)) return lose(token);
    const std::size_t from = at_;
    std::optional<TokenRange> range;
    // A group of characters may have been laid for tokens from this one on.
    if (done_ > token_begin_) range = last_;
    while (done_ < token_end_) {
      if (step(range)) continue;
      at_ = from;
      inside_ = 0;
      return lose(token);
    }
    if (!range) range = {at_, at_};
    return range;
  }

  // A token whose bytes are not the text's: an unknown one, or what a normalizer made that is not
  // understood here. If the next one is found, it stood between.
  std::optional<TokenRange> lose(std::size_t token) {
    lost_ += 1 + token_end_ - token_begin_;
    done_ = token_end_;
    if (token + 2 == starts_.size()) return TokenRange{at_, text_.size()};
    return std::nullopt;
  }

  // Looks for the next few bytes of the tokens further on in the text.
  bool found_again(std::size_t token) {
    const std::string_view next = std::string_view(bytes_).substr(token_begin_, kEnough);
    const std::size_t reach = at_ + kFarthest + 4 * lost_;
    const std::size_t found = text_.substr(0, std::min(reach, text_.size())).find(next, at_);
    if (next.empty() || found == std::string_view::npos) return false;
    if (!ranges_[token - 1] && (token < 2 || ranges_[token - 2])) ranges_[token - 1] = {at_, found};
    at_ = found;
    lost_ = 0;
    return true;
  }

  void extend(std::optional<TokenRange>& range, std::size_t begin, std::size_t end) {
    last_ = {begin, end};
    if (!range)
      range = last_;
    else
      range->end = std::max(range->end, end);
  }

  // Lays the next character, or group of them, of the text beside the tokens' bytes.
  bool step(std::optional<TokenRange>& range) {
    const std::string_view rest = std::string_view(bytes_).substr(done_);
    const CodePoint point = decode_utf8(text_, at_);
    const std::string_view left = text_.substr(at_ + inside_, point.length - inside_);
    if (!left.empty() && rest.starts_with(left)) {
      // A token may end within a character.
      const std::size_t taken = std::min(left.size(), token_end_ - done_);
      extend(range, at_ + inside_, at_ + inside_ + taken);
      done_ += taken;
      inside_ += taken;
      if (inside_ == point.length) {
        at_ += point.length;
        inside_ = 0;
      }
      return true;
    }
    if (inside_ > 0) return false;
    if (group(rest, range)) return true;
    if (rest.front() == ' ' && text_.substr(at_).starts_with(kMarker) &&
        !rest.substr(1).starts_with(kMarker)) {
      extend(range, at_, at_ + kMarker.size());
      at_ += kMarker.size();
      ++done_;
      return true;
    }
    if (rest.front() == ' ' && done_ == token_begin_) {
      extend(range, at_, at_);
      ++done_;
      return true;
    }
    if (point.length > 0 && may_vanish(point.value)) {
      at_ += point.length;
      return true;
    }
    return false;
  }

  // Characters that together became something else.
  bool group(std::string_view rest, std::optional<TokenRange>& range) {
    std::size_t end = at_;
    for (int count = 0; count < kLongestGroup && end < text_.size(); ++count) {
      end += input::sequence_length(text_[end]);
      if (end < text_.size() && clings(decode_utf8(text_, end).value)) continue;
      const std::string_view characters = text_.substr(at_, end - at_);
      for (const int form : {int{UTF8PROC_COMPOSE}, UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                             int{UTF8PROC_DECOMPOSE}, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}) {
        const std::string other = normalized(characters, form);
        if (other.empty() || other == characters || !rest.starts_with(other)) continue;
        extend(range, at_, end);
        at_ = end;
        done_ += other.size();
        return true;
      }
    }
    return false;
  }

  std::string_view text_;
  std::string bytes_;                // of all tokens
  std::vector<std::size_t> starts_;  // of each within bytes_, and the end
  std::size_t token_begin_ = 0;
  std::size_t token_end_ = 0;
  std::size_t done_ = 0;    // bytes_ that are laid
  std::size_t at_ = 0;      // in the text, at the begin of a character
  std::size_t inside_ = 0;  // bytes of that character that are taken
  std::size_t lost_ = 0;    // bytes of the tokens since the last that was laid; 0: none
  TokenRange last_;
  std::vector<std::optional<TokenRange>> ranges_;
};

}  // namespace

std::vector<std::optional<TokenRange>> token_offsets(const Tokenizer& tokenizer,
                                                     std::string_view text,
                                                     std::span<const TokenId> ids) {
  return Aligner(tokenizer, text, ids).run();
}

}  // namespace tepui
