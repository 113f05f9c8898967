// SPDX-License-Identifier: MIT
#include "input/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "input/utf8.h"
#include "input/vocabulary.h"

namespace tepui::input {
namespace {

constexpr int kDeepest = 16;

// Runs of word characters and runs of neither words nor white space; UTS 18's \w (see is_word),
// which is not Oniguruma's.
constexpr std::string_view kWordCharacters =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}\x{24b6}-\x{24e9})"
    R"(\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

Result<SplitBehavior> read_behavior(const Json& description, const std::string& where) {
  if (member(description, "behavior") == nullptr) return SplitBehavior::isolated;
  TEPUI_TRY(const std::string name, string_field(description, "behavior", where));
  const auto behavior = split_behavior(name);
  if (!behavior)
    return fail(ErrorKind::unsupported, "{}: split behavior '{}' is not supported", where,
                quotable(name));
  return *behavior;
}

}  // namespace

Result<Pattern> read_pattern(const Json& description, const std::string& where) {
  const Json* pattern = member(description, "pattern");
  if (pattern != nullptr && member(*pattern, "Regex") != nullptr) {
    TEPUI_TRY(const std::string text, string_field(*pattern, "Regex", where));
    TEPUI_TRY(Regex regex, Regex::compile(text, where));
    return Pattern(std::move(regex));
  }
  if (pattern == nullptr || member(*pattern, "String") == nullptr)
    return fail(ErrorKind::data, "{}: expected 'pattern' to hold 'String' or 'Regex'", where);
  TEPUI_TRY(std::string literal, string_field(*pattern, "String", where));
  if (literal.empty())
    return fail(ErrorKind::unsupported, "{}: an empty 'pattern' is not supported", where);
  return Pattern(std::move(literal));
}

Result<PreTokenizer> PreTokenizer::create(const Json* description, const std::string& where) {
  PreTokenizer pre_tokenizer;
  if (description != nullptr)
    TEPUI_TRY(pre_tokenizer.add(*description, where + ": pre_tokenizer", 0));
  return pre_tokenizer;
}

Result<PreTokenizer> PreTokenizer::gpt2(bool add_prefix_space) {
  PreTokenizer pre_tokenizer;
  TEPUI_TRY(pre_tokenizer.add_byte_level(add_prefix_space, true, "GPT-2's pre-tokenizer"));
  return pre_tokenizer;
}

Status PreTokenizer::add(const Json& description, const std::string& where, int depth) {
  TEPUI_TRY(const std::string type, string_field(description, "type", where));
  const auto by_class = [&](CharacterClass which, SplitBehavior behavior) {
    steps_.emplace_back(Split{which, behavior, false});
    return Status();
  };
  if (type == "Sequence") {
    const Json* list = member(description, "pretokenizers");
    if (list == nullptr || !list->is_array() || depth >= kDeepest)
      return fail(ErrorKind::data, "{}: expected a list 'pretokenizers', nested at most {} deep",
                  where, kDeepest);
    for (const Json& part : *list) TEPUI_TRY(add(part, where, depth + 1));
    return {};
  }
  if (type == "Split") return add_split(description, where);
  if (type == "Metaspace") return add_metaspace(description, where);
  if (type == "ByteLevel") {
    TEPUI_TRY(const bool prefix, bool_field(description, "add_prefix_space", true, where));
    TEPUI_TRY(const bool use_regex, bool_field(description, "use_regex", true, where));
    return add_byte_level(prefix, use_regex, where);
  }
  if (type == "Digits") {
    TEPUI_TRY(const bool each, bool_field(description, "individual_digits", false, where));
    return by_class(CharacterClass::numeric,
                    each ? SplitBehavior::isolated : SplitBehavior::contiguous);
  }
  if (type == "Punctuation") {
    TEPUI_TRY(const SplitBehavior behavior, read_behavior(description, where));
    return by_class(CharacterClass::punctuation, behavior);
  }
  if (type == "WhitespaceSplit")
    return by_class(CharacterClass::white_space, SplitBehavior::removed);
  if (type == "Whitespace") {
    const std::string pattern = fmt::format("[{0}]+|[^{0}\\s]+", kWordCharacters);
    TEPUI_TRY(Regex regex, Regex::compile(pattern, where));
    steps_.emplace_back(Split{std::move(regex), SplitBehavior::removed, true});
    return {};
  }
  if (type == "CharDelimiterSplit") {
    TEPUI_TRY(std::string delimiter, string_field(description, "delimiter", where));
    if (delimiter.empty()) return fail(ErrorKind::data, "{}: expected a delimiter", where);
    steps_.emplace_back(Split{std::move(delimiter), SplitBehavior::removed, false});
    return {};
  }
  return fail(ErrorKind::unsupported, "{} type '{}' is not supported", where, quotable(type));
}

Status PreTokenizer::add_split(const Json& description, const std::string& where) {
  TEPUI_TRY(Pattern pattern, read_pattern(description, where));
  TEPUI_TRY(const SplitBehavior behavior, read_behavior(description, where));
  TEPUI_TRY(const bool invert, bool_field(description, "invert", false, where));
  steps_.emplace_back(Split{std::move(pattern), behavior, invert});
  return {};
}

Status PreTokenizer::add_byte_level(bool add_prefix_space, bool use_regex,
                                    const std::string& where) {
  if (add_prefix_space) steps_.emplace_back(PrefixSpace{});
  if (use_regex) {
    TEPUI_TRY(Regex regex, Regex::compile(kGpt2Regex, where));
    steps_.emplace_back(Split{std::move(regex), SplitBehavior::isolated, false});
  }
  steps_.emplace_back(SpellBytes{});
  return {};
}

Status PreTokenizer::add_metaspace(const Json& description, const std::string& where) {
  TEPUI_TRY(const std::string marker, string_field(description, "replacement", where));
  if (decode_utf8(marker, 0).length != marker.size() || marker.empty())
    return fail(ErrorKind::data, "{}: expected 'replacement' to be one character", where);
  using Prepend = MarkSpaces::Prepend;
  // Files older than prepend_scheme say add_prefix_space.
  TEPUI_TRY(const bool prefix, bool_field(description, "add_prefix_space", true, where));
  Prepend prepend = prefix ? Prepend::always : Prepend::never;
  if (member(description, "prepend_scheme") != nullptr) {
    TEPUI_TRY(const std::string scheme, string_field(description, "prepend_scheme", where));
    if (scheme != "always" && scheme != "first" && scheme != "never")
      return fail(ErrorKind::unsupported, "{}: prepend_scheme '{}' is not supported", where,
                  quotable(scheme));
    prepend = scheme == "always"  ? Prepend::always
              : scheme == "first" ? Prepend::first
                                  : Prepend::never;
  }
  TEPUI_TRY(const bool split, bool_field(description, "split", true, where));
  steps_.emplace_back(MarkSpaces{marker, prepend});
  if (split) steps_.emplace_back(Split{marker, SplitBehavior::merged_with_next, false});
  space_marker_ = marker;
  return {};
}

bool PreTokenizer::byte_level() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return std::holds_alternative<SpellBytes>(step); });
}

Status PreTokenizer::apply(Words& words) const {
  for (const Step& step : steps_) {
    if (const auto* split = std::get_if<Split>(&step))
      TEPUI_TRY(cut(*split, words));
    else
      respell(step, words);
  }
  return {};
}

Status PreTokenizer::cut(const Split& split, Words& words) const {
  std::vector<Words::Word> parts;
  std::vector<Match> ranges;
  for (const Words::Word& word : words.words) {
    ranges.clear();
    TEPUI_TRY(split_text(split, words.view(word), ranges));
    for (const Match& range : ranges)
      parts.push_back(
          {word.begin + range.begin, word.begin + range.end, word.opens_text && range.begin == 0});
  }
  words.words = std::move(parts);
  return {};
}

void PreTokenizer::respell(const Step& step, Words& words) const {
  std::string text;
  text.reserve(words.text.size() + words.text.size() / 4 + words.words.size());
  for (Words::Word& word : words.words) {
    const std::string_view old = words.view(word);
    const std::size_t begin = text.size();
    if (std::holds_alternative<SpellBytes>(step)) {
      byte_map_.append_spelled(old, text);
    } else if (const auto* mark = std::get_if<MarkSpaces>(&step)) {
      const std::string marked = replace_all(old, " ", mark->marker);
      const bool wanted = mark->prepend == MarkSpaces::Prepend::always ||
                          (mark->prepend == MarkSpaces::Prepend::first && word.opens_text);
      if (wanted && !marked.starts_with(mark->marker)) text += mark->marker;
      text += marked;
    } else {
      if (!old.starts_with(' ')) text += ' ';
      text += old;
    }
    word.begin = begin;
    word.end = text.size();
  }
  words.text = std::move(text);
}

}  // namespace tepui::input
