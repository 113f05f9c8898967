// SPDX-License-Identifier: MIT
#include "study/probe_targets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/assert.h"
#include "base/utf8_text.h"
#include "study/massive_groups.h"
#include "study/word_class.h"

namespace tepui {

namespace {

constexpr TargetKind kTargetKinds[] = {
    {"massive", "holds a massive activation in the unedited run"},
    {"first", "is the sequence's first"},
    {"delimiter", "a . , ; : ! ? or line break", true},
    {"first-delimiter", "the sequence's first delimiter behind its first token", true},
    {"punctuation", "which mark it begins with, or none", true},
    {"sentence-end", "a . ! ? or an empty line", true},
    {"next-delimiter", "the next token is a delimiter", true},
    {"position", "a value: its position in the sequence"},
    {"position-bins", "its position as 0, 1, 2-3, 4-7, ..."},
    {"frequency", "how frequent the token is in the text, in five bins"},
    {"word-class", "function word, content word, number, ...", true},
    {"sink", "a value: the attention it receives, mean over layers and heads"},
    {"labels", "what --labels says of it"},
};

// By token of the whole text: its sequence's ids and texts at hand.
class TargetMaker {
 public:
  TargetMaker(const TargetSources& sources, ProbeTarget& target)
      : sources_(sources), target_(target) {}

  void yes_no(const char* no, const char* yes) { target_.classes = {no, yes}; }
  void add(bool yes) { target_.labels.push_back(yes ? 1 : 0); }
  void add_class(const std::string& name) {
    const auto [at, is_new] = numbers_.try_emplace(name, static_cast<int>(target_.classes.size()));
    if (is_new) target_.classes.push_back(name);
    target_.labels.push_back(at->second);
  }
  void add_none() { target_.labels.push_back(-1); }
  void add_value(double value) { target_.values.push_back(value); }

  template <class Body>
  void by_sequence(const Body& body) {
    for (std::size_t s = 0; s < sources_.opened.sequences.size(); ++s)
      body(s, sources_.opened.sequences[s]);
  }
  template <class Body>
  void by_text(const Body& body) {
    for (std::size_t s = 0; s < sources_.opened.sequences.size(); ++s)
      body(text_of_tokens(sources_.opened, s));
  }

 private:
  const TargetSources& sources_;
  ProbeTarget& target_;
  std::map<std::string, int> numbers_;
};

std::string punctuation_of(const std::string& bytes) {
  const std::size_t at = bytes.find_first_not_of(" \t\r");
  if (at == std::string::npos) return "none";
  const std::string_view rest = std::string_view(bytes).substr(at);
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kWide = {
      {{"\u2013", "dash"},
       {"\u2014", "dash"},
       {"\u2018", "quote"},
       {"\u2019", "quote"},
       {"\u201c", "quote"},
       {"\u201d", "quote"}}};
  for (const auto& [mark, name] : kWide)
    if (rest.starts_with(mark)) return std::string(name);
  const char first = rest.front();
  if (first == '\n') return "line break";
  if (std::string_view(".,;:!?").find(first) != std::string_view::npos) return {first};
  if (std::string_view("\"'`").find(first) != std::string_view::npos) return "quote";
  if (std::string_view("()[]{}<>").find(first) != std::string_view::npos) return "bracket";
  if (first == '-') return "dash";
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 && std::ispunct(byte) != 0 ? "other mark" : "none";
}

std::string position_bin(std::size_t position) {
  if (position < 2) return std::to_string(position);
  std::size_t low = 2;
  while (position >= 2 * low) low *= 2;
  return fmt::format("{}-{}", low, 2 * low - 1);
}

// Tokens in order of how often their type occurs, cut into five bins of nearly equal size; types
// that occur equally often share the bin of the first of them.
void frequency_bins(const ScanInput& opened, TargetMaker& make) {
  static constexpr std::array<const char*, 5> kBins = {"1, rarest", "2", "3", "4",
                                                       "5, most frequent"};
  std::map<TokenId, std::int64_t> counts;
  for (const auto& sequence : opened.sequences)
    for (const TokenId id : sequence) ++counts[id];
  std::map<std::int64_t, std::int64_t> tokens_of_count;
  for (const auto& [id, count] : counts) tokens_of_count[count] += count;
  const std::int64_t all = opened.corpus.tokens();
  std::map<std::int64_t, const char*> bin_of_count;
  std::int64_t before = 0;
  for (const auto& [count, tokens] : tokens_of_count) {
    bin_of_count[count] = kBins[static_cast<std::size_t>(before * 5 / all)];
    before += tokens;
  }
  make.by_sequence([&](std::size_t, const std::vector<TokenId>& ids) {
    for (const TokenId id : ids) make.add_class(bin_of_count.at(counts.at(id)));
  });
}

void word_classes(TargetMaker& make, const ScanInput& opened) {
  std::size_t s = 0;
  make.by_text([&](const std::vector<std::string>& text) {
    const auto classes = classify_words(text);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool bos = i == 0 && opened.corpus.sequences[s].has_bos;
      make.add_class(std::string(word_class_name(bos ? WordClass::first : classes[i])));
    }
    ++s;
  });
}

std::optional<double> number_of(const std::string& tag) {
  double value = 0;
  const char* const end = tag.data() + tag.size();
  const auto read = std::from_chars(tag.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Values where all are numbers, else classes. Of many numbers and some words neither is meant.
Status from_tags(const TokenTags& tags, TargetMaker& make, ProbeTarget& target) {
  constexpr std::size_t kMostNumberedClasses = 100;
  std::vector<double> values;
  std::set<double> numbers;
  const std::string* word = nullptr;
  for (const std::string& tag : tags) {
    const auto number = number_of(tag);
    if (number) numbers.insert(*number);
    if (!number && !tag.empty() && word == nullptr) word = &tag;
    values.push_back(number.value_or(std::nan("")));
  }
  if (word != nullptr && numbers.size() > kMostNumberedClasses)
    return fail(ErrorKind::data,
                "--labels: expected numbers alone or the names of classes, found {} different "
                "numbers and \"{}\"",
                numbers.size(), printable(*word));
  if (word == nullptr && !values.empty()) {
    target.values = std::move(values);
    return {};
  }
  for (const std::string& tag : tags) {
    if (tag.empty())
      make.add_none();
    else
      make.add_class(tag);
  }
  return {};
}

Status derive(std::string_view name, const TargetSources& sources, ProbeTarget& target) {
  const ScanInput& opened = sources.opened;
  TargetMaker make(sources, target);
  if (name == "massive") {
    make.yes_no("other", "massive");
    make.by_sequence([&](std::size_t s, const std::vector<TokenId>& ids) {
      std::vector<bool> massive(ids.size());
      for (const MassiveActivation& one : (*sources.massive)[s])
        massive[static_cast<std::size_t>(one.position)] = true;
      for (const bool yes : massive) make.add(yes);
    });
  } else if (name == "first" || name == "position" || name == "position-bins") {
    if (name == "first") make.yes_no("other", "first");
    make.by_sequence([&](std::size_t, const std::vector<TokenId>& ids) {
      for (std::size_t i = 0; i < ids.size(); ++i) {
        if (name == "first") make.add(i == 0);
        if (name == "position") make.add_value(static_cast<double>(i));
        if (name == "position-bins") make.add_class(position_bin(i));
      }
    });
  } else if (name == "delimiter" || name == "first-delimiter" || name == "next-delimiter") {
    make.yes_no("other", "delimiter");
    make.by_text([&](const std::vector<std::string>& text) {
      bool before = false;
      for (std::size_t i = 0; i < text.size(); ++i) {
        const bool own = is_delimiter(text[i]);
        if (name == "delimiter") make.add(own);
        if (name == "first-delimiter") make.add(own && i > 0 && !before);
        if (name == "next-delimiter" && i + 1 < text.size()) make.add(is_delimiter(text[i + 1]));
        if (name == "next-delimiter" && i + 1 == text.size()) make.add_none();
        before = before || (own && i > 0);
      }
    });
  } else if (name == "punctuation") {
    make.by_text([&](const std::vector<std::string>& text) {
      for (const std::string& bytes : text) make.add_class(punctuation_of(bytes));
    });
  } else if (name == "sentence-end") {
    make.yes_no("other", "sentence end");
    make.by_text([&](const std::vector<std::string>& text) {
      for (const WordClass one : classify_words(text))
        make.add(one == WordClass::sentence_boundary);
    });
  } else if (name == "frequency") {
    frequency_bins(opened, make);
  } else if (name == "word-class") {
    word_classes(make, opened);
  } else if (name == "sink") {
    target.values = *sources.sink;
  } else {
    return from_tags(*sources.tags, make, target);
  }
  return {};
}

// In the order of their names, so that it does not hang on the text; yes and no as they are.
void order_classes(ProbeTarget& target) {
  std::vector<std::string> sorted = target.classes;
  std::ranges::sort(sorted);
  std::vector<int> number;
  for (const std::string& name : target.classes)
    number.push_back(static_cast<int>(std::ranges::find(sorted, name) - sorted.begin()));
  for (int& label : target.labels)
    if (label >= 0) label = number[static_cast<std::size_t>(label)];
  target.classes = std::move(sorted);
}

}  // namespace

bool ProbeTarget::has(std::size_t token) const {
  return real() ? !std::isnan(values[token]) : labels[token] >= 0;
}

std::span<const TargetKind> probe_target_kinds() { return kTargetKinds; }

Result<ProbeTarget> make_target(std::string_view name, const TargetSources& sources) {
  const auto kind = std::ranges::find(kTargetKinds, name, &TargetKind::name);
  if (kind == std::end(kTargetKinds)) {
    std::vector<std::string_view> names;
    for (const TargetKind& one : kTargetKinds) names.push_back(one.name);
    return fail(ErrorKind::usage, "--target {}: expected one of {}", valid_utf8(name),
                fmt::join(names, ", "));
  }
  if (kind->needs_text && sources.opened.tokenizer == nullptr)
    return fail(ErrorKind::usage,
                "--target {}: is told by the text: expected a model with a tokenizer", name);
  ProbeTarget target;
  target.name = name;
  TEPUI_TRY(derive(name, sources, target));
  const auto tokens = static_cast<std::size_t>(sources.opened.corpus.tokens());
  if (target.classes.empty()) {
    TEPUI_ASSERT(target.values.size() == tokens);
    return target;
  }
  TEPUI_ASSERT(target.labels.size() == tokens);
  if (name != "massive" && name != "position-bins" &&
      name.find("first") == std::string_view::npos &&
      name.find("delimiter") == std::string_view::npos && name != "sentence-end")
    order_classes(target);
  std::vector<bool> there(target.classes.size());
  for (const int label : target.labels)
    if (label >= 0) there[static_cast<std::size_t>(label)] = true;
  const auto classes = std::ranges::count(there, true);
  if (classes < 2)
    return fail(ErrorKind::usage,
                "--target {}: expected tokens of two classes or more in the text, found {}{}", name,
                classes, name == "massive" ? ": lower --min-ratio and --min-abs" : "");
  return target;
}

}  // namespace tepui
