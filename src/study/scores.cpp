// SPDX-License-Identifier: MIT
#include "study/scores.h"

#include <algorithm>
#include <cmath>

namespace tepui {

namespace {

// Lists of a file of ids are numbered; together they are one text.
std::string text_of(const std::string& source, const std::vector<std::string>& texts) {
  if (std::ranges::find(texts, source) != texts.end()) return source;
  return source.substr(0, source.rfind('#'));
}

std::vector<std::string> texts_of(const nlohmann::json& identity) {
  std::vector<std::string> texts;
  const auto text = identity.find("text");
  if (text == identity.end() || !text->is_object()) return texts;
  const auto from = text->find("from");
  if (from == text->end() || !from->is_array()) return texts;
  for (const auto& name : *from) {
    if (name.is_string()) texts.push_back(name.get<std::string>());
  }
  return texts;
}

void add(Score& score, const LikelihoodRow& row) {
  ++score.sequences;
  score.tokens += row.tokens;
  score.nll += row.nll;
  score.kl += row.kl;
}

Score& score_of(std::vector<Score>& scores, const std::string& text) {
  const auto found = std::ranges::find(scores, text, &Score::text);
  if (found != scores.end()) return *found;
  return scores.emplace_back(Score{text, 0, 0, 0, 0});
}

}  // namespace

double Score::perplexity() const { return std::exp(nll / static_cast<double>(tokens)); }
double Score::mean_kl() const { return kl / static_cast<double>(tokens); }

Result<ScoredRun> read_scores(StoreReader& store) {
  ScoredRun out;
  TEPUI_TRY(out.run, store.run());
  TEPUI_TRY(out.identity, store.identity());
  TEPUI_TRY(const auto sequences, store.sequences());
  TEPUI_TRY(const auto branches, store.branches());
  TEPUI_TRY(const auto rows, store.likelihoods());
  if (branches.empty() || rows.empty())
    return fail(ErrorKind::data,
                "{}: expected likelihoods of a text, found none: the run did not "
                "score its text, or has not finished any of it",
                store.file().string());
  const std::vector<std::string> texts = texts_of(out.identity);
  out.sequences = static_cast<int>(sequences.size());
  for (const BranchRow& branch : branches)
    out.branches.push_back({branch.name, branch.edits, {}, {}});
  for (const LikelihoodRow& row : rows) {
    const auto branch = static_cast<std::size_t>(row.branch);
    const auto sequence = static_cast<std::size_t>(row.sequence);
    if (branch >= branches.size() || sequence >= sequences.size())
      return fail(
          ErrorKind::data, "{}: a likelihood of branch {} and sequence {}: there are {} and {}",
          store.file().string(), row.branch, row.sequence, branches.size(), sequences.size());
    add(out.branches[branch].all, row);
    add(score_of(out.branches[branch].texts, text_of(sequences[sequence].source, texts)), row);
  }
  if (out.branches.front().all.tokens == 0)
    return fail(ErrorKind::data,
                "{}: there is nothing to predict: expected sequences of at least "
                "2 tokens",
                out.run.text);
  return out;
}

}  // namespace tepui
