// SPDX-License-Identifier: MIT
#include "study/conllu.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/mapped_file.h"
#include "base/utf8_text.h"

namespace tepui {

namespace {

constexpr std::size_t kColumns = 10;
constexpr std::string_view kFunction[] = {"ADP", "AUX", "CCONJ", "DET", "PART", "PRON", "SCONJ"};

WordClass class_of(std::string_view tag, std::string_view form) {
  if (std::ranges::find(kFunction, tag) != std::end(kFunction)) return WordClass::function_word;
  if (tag == "NUM") return WordClass::number;
  if (tag != "PUNCT" && tag != "SYM") return WordClass::content_word;
  return form == "," || form == ";" || form == ":" ? WordClass::delimiter : WordClass::punctuation;
}

std::vector<std::string_view> columns_of(std::string_view line) {
  std::vector<std::string_view> columns;
  for (;;) {
    const std::size_t tab = std::min(line.find('\t'), line.size());
    columns.push_back(line.substr(0, tab));
    if (tab == line.size()) return columns;
    line.remove_prefix(tab + 1);
  }
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file.string()) {}

  Status take(std::string_view line) {
    ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#')) return {};
    if (line.empty()) {
      end_sentence();
      return {};
    }
    const auto columns = columns_of(line);
    if (columns.size() != kColumns)
      return fail(ErrorKind::data, "{}: line {}: expected {} columns separated by tabs, found {}",
                  file_, line_, kColumns, columns.size());
    return take_word(columns[0], columns[1], columns[3]);
  }

  std::vector<TaggedWord> finish() {
    end_sentence();
    return std::move(words_);
  }

 private:
  Status take_word(std::string_view id, std::string_view form, std::string_view tag) {
    if (id.find('.') != std::string_view::npos) return {};  // a word that the text does not show
    int first = 0;
    int last = 0;
    const char* const end = id.data() + id.size();
    const auto [next, error] = std::from_chars(id.data(), end, first);
    bool good = error == std::errc() && first > 0;
    if (good && next != end && *next == '-') {
      const auto rest = std::from_chars(next + 1, end, last);
      good = rest.ec == std::errc() && rest.ptr == end && last > first;
    } else {
      good = good && next == end;
    }
    if (!good || form.empty())
      return fail(ErrorKind::data,
                  "{}: line {}: expected a word's ID and FORM, found \"{}\" and "
                  "\"{}\"",
                  file_, line_, valid_utf8(id), valid_utf8(form));
    if (last > 0) {
      words_.push_back({std::string(form), WordClass::content_word, line_, ""});
      shared_until_ = last;
      untagged_ = true;
      return {};
    }
    if (untagged_) {
      words_.back().word_class = class_of(tag, words_.back().form);
      words_.back().tag = tag;
      untagged_ = false;
    }
    if (first <= shared_until_) return {};
    words_.push_back({std::string(form), class_of(tag, form), line_, std::string(tag)});
    return {};
  }

  void end_sentence() {
    shared_until_ = 0;
    untagged_ = false;
    if (words_.size() == done_) return;
    WordClass& last = words_.back().word_class;
    if (last == WordClass::punctuation || last == WordClass::delimiter)
      last = WordClass::sentence_boundary;
    done_ = words_.size();
  }

  std::string file_;
  std::vector<TaggedWord> words_;
  std::size_t done_ = 0;  // words of sentences that ended
  int line_ = 0;
  int shared_until_ = 0;   // IDs up to here have the form of a range
  bool untagged_ = false;  // the range's form waits for its first word
};

bool is_blank(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

}  // namespace

Result<std::vector<TaggedWord>> read_conllu(const std::filesystem::path& file) {
  TEPUI_TRY(const std::string content, read_file(file));
  Reader reader(file);
  std::string_view rest = content;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    TEPUI_TRY(reader.take(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::vector<TaggedWord> words = reader.finish();
  if (words.empty())
    return fail(ErrorKind::data, "{}: expected words in CoNLL-U, found none", file.string());
  return words;
}

Result<std::vector<std::ptrdiff_t>> align_to_words(std::span<const TaggedWord> words,
                                                   std::span<const std::string> tokens,
                                                   const std::filesystem::path& file) {
  std::vector<std::ptrdiff_t> out;
  std::size_t word = 0;
  std::size_t byte = 0;  // of the word's form
  for (const std::string& token : tokens) {
    std::ptrdiff_t own = -1;
    for (const char c : token) {
      if (is_blank(c)) continue;
      while (word < words.size() && byte == words[word].form.size()) {
        ++word;
        byte = 0;
      }
      while (word < words.size() && is_blank(words[word].form[byte])) ++byte;
      if (word == words.size())
        return fail(ErrorKind::data, "{}: the words end before the text, at token {} (\"{}\")",
                    file.string(), out.size(), valid_utf8(token));
      if (words[word].form[byte] != c)
        return fail(ErrorKind::data,
                    "{}: line {}: expected the word that follows in the text, at token {} "
                    "(\"{}\"), found \"{}\"",
                    file.string(), words[word].line, out.size(), valid_utf8(token),
                    valid_utf8(words[word].form));
      if (own < 0) own = static_cast<std::ptrdiff_t>(word);
      ++byte;
    }
    out.push_back(own);
  }
  return out;
}

Result<std::vector<WordClass>> align_words(std::span<const TaggedWord> words,
                                           std::span<const std::string> tokens,
                                           const std::filesystem::path& file) {
  TEPUI_TRY(const auto index, align_to_words(words, tokens, file));
  std::vector<WordClass> out;
  for (const std::ptrdiff_t word : index)
    out.push_back(word < 0 ? WordClass::white_space
                           : words[static_cast<std::size_t>(word)].word_class);
  return out;
}

}  // namespace tepui
