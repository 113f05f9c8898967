// SPDX-License-Identifier: MIT
#include "study/label_file.h"

#include <algorithm>
#include <charconv>

#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "study/conllu.h"

namespace tepui {

namespace {

constexpr std::string_view kTokenHead = "sequence\tposition\tlabel";

struct LabelLine {
  std::string_view text;
  int number = 0;
};

std::vector<LabelLine> label_lines(std::string_view content) {
  std::vector<LabelLine> lines;
  for (int number = 1; !content.empty(); ++number) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    std::string_view line = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    // A word may be "#": then a tab follows.
    if (!line.empty() && (line[0] != '#' || line.starts_with("#\t")))
      lines.push_back({line, number});
  }
  return lines;
}

Result<std::vector<TaggedWord>> read_word_table(const std::vector<LabelLine>& lines,
                                                const std::filesystem::path& file) {
  std::vector<TaggedWord> words;
  for (const LabelLine& line : lines) {
    const std::size_t tab = line.text.find('\t');
    if (tab == 0 || tab == std::string_view::npos || tab + 1 == line.text.size() ||
        line.text.find('\t', tab + 1) != std::string_view::npos)
      return fail(ErrorKind::data,
                  "{}: line {}: expected a word, a tab and its label, found \"{}\"", file.string(),
                  line.number, valid_utf8(line.text));
    words.push_back({std::string(line.text.substr(0, tab)), WordClass::content_word, line.number,
                     std::string(line.text.substr(tab + 1))});
  }
  if (words.empty())
    return fail(ErrorKind::data, "{}: expected words and labels, found none", file.string());
  return words;
}

class TokenLabelReader {
 public:
  TokenLabelReader(const ScanInput& opened, const std::filesystem::path& file) : file_(file) {
    std::size_t at = 0;
    for (const auto& sequence : opened.sequences) {
      first_.push_back(at);
      at += sequence.size();
    }
    first_.push_back(at);
    tags_.resize(at);
  }

  Status take(const LabelLine& line) {
    std::size_t sequence = 0;
    std::size_t position = 0;
    const char* const end = line.text.data() + line.text.size();
    auto read = std::from_chars(line.text.data(), end, sequence);
    bool good = read.ec == std::errc() && read.ptr != end && *read.ptr == '\t';
    if (good) {
      read = std::from_chars(read.ptr + 1, end, position);
      good = read.ec == std::errc() && read.ptr != end && *read.ptr == '\t' && read.ptr + 1 != end;
    }
    if (!good)
      return fail(ErrorKind::data,
                  "{}: line {}: expected the number of a sequence, a position and a label with "
                  "tabs between them, found \"{}\"",
                  file_.string(), line.number, valid_utf8(line.text));
    if (sequence + 1 >= first_.size() || position >= first_[sequence + 1] - first_[sequence])
      return fail(ErrorKind::data,
                  "{}: line {}: expected a token of the text, found position {} of sequence {}, of "
                  "{} sequences",
                  file_.string(), line.number, position, sequence, first_.size() - 1);
    std::string& tag = tags_[first_[sequence] + position];
    if (!tag.empty())
      return fail(ErrorKind::data, "{}: line {}: position {} of sequence {} has a label already",
                  file_.string(), line.number, position, sequence);
    tag = std::string(read.ptr + 1, end);
    return {};
  }

  TokenTags finish() { return std::move(tags_); }

 private:
  const std::filesystem::path& file_;
  std::vector<std::size_t> first_;
  TokenTags tags_;
};

// The sequences of one text, one behind the other, against its words.
Status tag_by_words(const std::vector<TaggedWord>& words, const std::string& source,
                    const std::filesystem::path& file, const ScanInput& opened, TokenTags& tags) {
  std::vector<std::string> tokens;
  std::vector<std::size_t> where;  // in `tags`
  std::int64_t next = 0;
  std::size_t at = 0;
  const auto& sequences = opened.corpus.sequences;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::vector<std::string> own = text_of_tokens(opened, s);
    if (sequences[s].source == source) {
      if (sequences[s].first_token != next)
        return fail(ErrorKind::unsupported,
                    "{}: expected pieces of the text that follow one another, found overlaps",
                    file.string());
      next += static_cast<std::int64_t>(own.size()) - (sequences[s].has_bos ? 1 : 0);
      for (std::size_t i = 0; i < own.size(); ++i) {
        tokens.push_back(own[i]);
        where.push_back(at + i);
      }
    }
    at += own.size();
  }
  TEPUI_TRY(const auto index, align_to_words(words, tokens, file));
  for (std::size_t i = 0; i < index.size(); ++i)
    if (index[i] >= 0) tags[where[i]] = words[static_cast<std::size_t>(index[i])].tag;
  return {};
}

}  // namespace

std::vector<std::string> text_of_tokens(const ScanInput& opened, std::size_t sequence) {
  const CorpusSequence& own = opened.corpus.sequences[sequence];
  std::vector<std::string> out;
  for (const TokenId id : own.ids) {
    const bool known = opened.tokenizer != nullptr && id < opened.tokenizer->vocabulary_size();
    out.push_back(known ? opened.tokenizer->piece_bytes(id) : "");
  }
  if (own.has_bos && !out.empty()) out.front().clear();
  return out;
}

Result<TokenTags> read_labels(const std::vector<std::filesystem::path>& files,
                              const ScanInput& opened) {
  std::vector<std::string> texts;
  for (const CorpusSequence& sequence : opened.corpus.sequences)
    if (std::ranges::find(texts, sequence.source) == texts.end()) texts.push_back(sequence.source);
  TokenTags tags(static_cast<std::size_t>(opened.corpus.tokens()));
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::vector<TaggedWord> words;
    if (files[i].extension() == ".conllu") {
      TEPUI_TRY(words, read_conllu(files[i]));
    } else {
      TEPUI_TRY(const std::string content, read_file(files[i]));
      const auto lines = label_lines(content);
      if (!lines.empty() && lines.front().text == kTokenHead) {
        if (files.size() > 1)
          return fail(ErrorKind::usage,
                      "{}: expected one file of labels by sequence and position, found {} files",
                      files[i].string(), files.size());
        TokenLabelReader reader(opened, files[i]);
        for (std::size_t at = 1; at < lines.size(); ++at) TEPUI_TRY(reader.take(lines[at]));
        return reader.finish();
      }
      TEPUI_TRY(words, read_word_table(lines, files[i]));
    }
    if (opened.tokenizer == nullptr)
      return fail(ErrorKind::usage,
                  "{}: words can be told in a text alone: expected a model with a tokenizer",
                  files[i].string());
    if (texts.size() != files.size())
      return fail(ErrorKind::usage, "--labels: expected a file for each of the {} texts, found {}",
                  texts.size(), files.size());
    TEPUI_TRY(tag_by_words(words, texts[i], files[i], opened, tags));
  }
  return tags;
}

}  // namespace tepui
