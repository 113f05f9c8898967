// SPDX-License-Identifier: MIT
// What a run was: model, tokenizer, text, device, options, times, and the command that repeats it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "show/sections.h"
#include "study/text_table.h"

namespace tepui {

namespace {

constexpr int kLeastValue = 24;

struct Fact {
  std::string name;
  std::string value;
};

// Lines of at most `columns`, cut anywhere.
std::vector<std::string> cut(const std::string& text, int columns) {
  std::vector<std::string> lines;
  std::string line;
  int width = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t next = at + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xc0) == 0x80) ++next;
    const std::string letter = text.substr(at, next - at);
    const int letter_width = display_width(letter);
    if (width + letter_width > columns && !line.empty()) {
      lines.push_back(line);
      line.clear();
      width = 0;
    }
    line += letter;
    width += letter_width;
    at = next;
  }
  lines.push_back(line);
  return lines;
}

std::string facts_table(const std::vector<Fact>& facts, const Style& style) {
  int names = 0;
  for (const Fact& fact : facts) names = std::max(names, display_width(fact.name));
  const bool beside = style.columns - names - 2 >= kLeastValue;
  const int room = beside ? style.columns - names - 2 : style.columns - 2;
  std::string text;
  for (const Fact& fact : facts) {
    std::string margin = padded(fact.name, names, Align::left) + "  ";
    if (!beside) {
      text += fact.name + "\n";
      margin = "  ";
    }
    std::string filled = wrapped(spelled_out(fact.value, style.letters), room);
    for (std::size_t begin = 0; begin <= filled.size();) {
      const std::size_t end = std::min(filled.find('\n', begin), filled.size());
      for (const std::string& line : cut(filled.substr(begin, end - begin), room)) {
        text += margin + line + "\n";
        margin.assign(beside ? static_cast<std::size_t>(names) + 2 : 2, ' ');
      }
      begin = end + 1;
    }
  }
  return text;
}

std::string command_of(const RunInfo& run) {
  const auto options = nlohmann::json::parse(run.options, nullptr, false);
  if (!options.is_object() || !options.contains("command") || !options["command"].is_string())
    return {};
  return options["command"].get<std::string>();
}

// Cut at blanks outside quotes, with a backslash at the ends of lines, so that a shell takes it as
// it stands. What is longer than a line and has no such blank stays whole: the terminal wraps it.
std::string folded_command(const std::string& command, const Style& style) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char letter : command) {
    if (letter == '\'') quoted = !quoted;
    if (letter == ' ' && !quoted) {
      words.push_back(std::move(word));
      word.clear();
    } else {
      word += letter;
    }
  }
  words.push_back(word);
  std::string text;
  int width = 0;
  for (const std::string& raw : words) {
    const std::string shown = spelled_out(raw, style.letters);
    const int wide = display_width(shown);
    if (width > 0 && width + 1 + wide + 2 > style.columns) {
      text += " \\\n    ";
      width = 4;
    } else if (width > 0) {
      text += ' ';
      ++width;
    } else {
      text += "  ";
      width = 2;
    }
    text += shown;
    width += wide;
  }
  return text + "\n";
}

// The options that results depend on, as the store remembers them.
std::string options_of(const nlohmann::json& identity) {
  std::string text;
  for (const char* name :
       {"sites", "top", "quantiles", "keep_ratio", "keep_floor", "keep_capacity", "isa"}) {
    const auto found = identity.find(name);
    if (found == identity.end()) continue;
    std::string value;
    if (found->is_array() && !found->empty() && found->front().is_string()) {
      value = fmt::format("{} places, {} to {}", found->size(), found->front().get<std::string>(),
                          found->back().is_string() ? found->back().get<std::string>() : "?");
    } else {
      value = found->is_string() ? found->get<std::string>() : found->dump();
    }
    text += fmt::format("{}{} = {}", text.empty() ? "" : "; ", name, value);
  }
  return text;
}

std::string with_hash(const std::string& what, const std::string& hash) {
  if (hash.empty()) return what;
  return fmt::format("{} ({})", what, hash);
}

std::string times_of(const RunRecord& record) {
  return fmt::format(
      "{} to {}", record.started,
      record.finished.empty() ? "? (interrupted, or still at work)" : record.finished);
}

}  // namespace

std::string facts_section(const ScanSummary& scan, std::span<const RunRecord> records,
                          const nlohmann::json& identity, const Style& style) {
  const RunInfo& run = scan.run;
  std::int64_t tokens = 0;
  for (const int sequence : scan.finished)
    tokens +=
        static_cast<std::int64_t>(scan.sequences[static_cast<std::size_t>(sequence)].tokens.size());
  std::vector<Fact> facts = {
      {"model", with_hash(run.model, run.model_fingerprint)},
      {"path", run.model_path},
      {"tokenizer", with_hash(run.tokenizer, run.tokenizer_fingerprint)},
      {"text", with_hash(run.text, run.text_fingerprint)},
      {"sequences",
       fmt::format(
           "{} of {} scanned, {} tokens, {} BOS", scan.finished.size(), scan.sequences.size(),
           tokens,
           std::ranges::any_of(scan.sequences, &SequenceRow::has_bos) ? "with" : "without")},
      {"backend", run.backend},
      {"device", run.device},
      {"detail", run.detail},
      {"tepui", run.version},
      {"options", options_of(identity)},
      {"rule", fmt::format("|x| > {:g} and |x| > {:g} times the median", scan.options.rule.min_abs,
                           scan.options.rule.min_ratio)},
  };
  for (std::size_t at = 0; at < records.size(); ++at)
    facts.push_back({records.size() == 1 ? "time" : fmt::format("time, run {}", at + 1),
                     times_of(records[at])});
  std::erase_if(facts, [](const Fact& fact) { return fact.value.empty(); });
  std::string text = heading("Run", "", style) + facts_table(facts, style);
  const std::string command = command_of(run);
  if (!command.empty()) text += "Repeat it with\n" + folded_command(command, style);
  return text;
}

}  // namespace tepui
