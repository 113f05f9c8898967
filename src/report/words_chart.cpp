// SPDX-License-Identifier: MIT
#include "report/words_chart.h"

#include <algorithm>
#include <map>

#include "base/utf8_text.h"
#include "study/sensitivity.h"

namespace tepui {

namespace {

ChartJson groups_json(const std::vector<GroupChange>& groups) {
  ChartJson out = ChartJson::array();
  for (const GroupChange& group : groups) {
    ChartJson json;
    json["group"] = group.group;
    json["tokens"] = group.tokens;
    json["before"] = chart_number(group.before.mean, 4);
    json["after"] = chart_number(group.after.mean, 4);
    json["change"] = chart_number(group.change.mean, 4);
    json["low"] = chart_number(group.change.low, 4);
    json["high"] = chart_number(group.change.high, 4);
    json["share"] = chart_number(group.share, 4);
    out.push_back(std::move(json));
  }
  return out;
}

// Whether a character begins in the last bytes and does not end there.
bool ends_within_character(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return false;
    if (byte < 0xC0) continue;
    const std::size_t length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    return back < length;
  }
  return false;
}

// What each token adds to the text that is seen: a character that several tokens spell belongs to
// the last of them.
class RunningText {
 public:
  std::string next(std::string_view bytes) {
    held_ += bytes;
    if (ends_within_character(held_)) return "";
    std::string text = valid_utf8(held_);
    held_.clear();
    return text;
  }
  void restart() { held_.clear(); }

 private:
  std::string held_;
};

ChartJson tokens_json(const Sensitivity& words, const std::map<std::int32_t, std::string>& bytes,
                      std::size_t count, ChartJson json) {
  for (const char* list : {"sequences", "text", "class", "loss", "change"})
    json[list] = ChartJson::array();
  for (std::size_t branch = 0; branch < words.branches.size(); ++branch)
    json["change"].push_back(ChartJson::array());
  RunningText text;
  int sequence = -1;
  for (std::size_t at = 0; at < count; ++at) {
    const ScoredToken& token = words.tokens[at];
    if (token.sequence != sequence) {
      sequence = token.sequence;
      text.restart();
      json["sequences"].push_back(
          {{"sequence", sequence}, {"position", token.position}, {"count", 0}});
    }
    ChartJson& listed = json["sequences"].back()["count"];
    listed = listed.get<int>() + 1;
    const auto found = bytes.find(token.token_id);
    json["text"].push_back(text.next(found == bytes.end() ? "" : found->second));
    json["class"].push_back(static_cast<int>(token.word_class));
    json["loss"].push_back(chart_number(-double{token.log_likelihood[0]}, 3));
    for (std::size_t branch = 0; branch < words.branches.size(); ++branch)
      json["change"][branch].push_back(chart_number(
          double{token.log_likelihood[0]} - double{token.log_likelihood[branch + 1]}, 3));
  }
  return json;
}

}  // namespace

Result<ChartJson> words_chart(StoreReader& store, std::size_t numbers) {
  TEPUI_TRY(const auto branches, store.branches());
  TEPUI_TRY(const auto likelihoods, store.likelihoods());
  if (branches.size() < 2 || likelihoods.empty()) return ChartJson(nullptr);
  TEPUI_TRY(const Sensitivity words, read_sensitivity(store, {}));
  TEPUI_TRY(const auto vocabulary, store.vocabulary());
  std::map<std::int32_t, std::string> bytes;
  for (const VocabularyRow& row : vocabulary) bytes[row.token_id] = row.bytes;
  ChartJson json;
  json["branches"] = ChartJson::array();
  for (const BranchSensitivity& branch : words.branches)
    json["branches"].push_back({{"name", valid_utf8(branch.name)},
                                {"classes", groups_json(branch.classes)},
                                {"positions", groups_json(branch.positions)},
                                {"coherence", groups_json(branch.coherence)}});
  json["names"] = ChartJson::array();
  for (std::size_t i = 0; i < kWordClasses; ++i)
    json["names"].push_back(word_class_name(static_cast<WordClass>(i)));
  json["all"] = words.tokens.size();
  const std::size_t most = std::max<std::size_t>(numbers / words.branches.size(), 1);
  return tokens_json(words, bytes, std::min(most, words.tokens.size()), std::move(json));
}

}  // namespace tepui
