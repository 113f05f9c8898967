// SPDX-License-Identifier: MIT
#include "study/sensitivity.h"

#include <algorithm>
#include <functional>
#include <map>

#include "store/identity.h"
#include "study/conllu.h"
#include "study/scores.h"

namespace tepui {

namespace {

constexpr Point kLogits{kNoLayer, Site::logits};
// Position bins begin here.
constexpr int kBins[] = {1, 8, 32, 128, 512, 2048, 8192};

std::string bin_of(int position) {
  std::size_t bin = 0;
  while (bin + 1 < std::size(kBins) && kBins[bin + 1] <= position) ++bin;
  if (bin + 1 == std::size(kBins)) return fmt::format("from {} on", kBins[bin]);
  return fmt::format("{} to {}", kBins[bin], kBins[bin + 1] - 1);
}

class Collector {
 public:
  Collector(StoreReader& store, const SensitivityOptions& options)
      : store_(store), options_(options) {}

  Result<Sensitivity> run() {
    Sensitivity out;
    out.options = options_;
    TEPUI_TRY(out.run, store_.run());
    TEPUI_TRY(branches_, store_.branches());
    TEPUI_TRY(sequences_, store_.sequences());
    TEPUI_TRY(const auto scores, store_.likelihoods());
    TEPUI_TRY(const auto identity, store_.identity());
    const std::string command = command_of_identity(identity);
    if (command != "intervene" || branches_.size() < 2 || scores.empty())
      return fail(ErrorKind::data, "{}: expected the results of tepui intervene, found {}",
                  store_.file().string(),
                  command != "intervene" ? "those of tepui " + command
                                         : std::string("a run without branches"));
    TEPUI_TRY(read_words());
    for (const LikelihoodRow& score : scores) {
      if (score.branch != 0) continue;
      TEPUI_TRY(add_sequence(score, out.tokens));
      ++out.sequences;
    }
    TEPUI_TRY(add_likelihoods(scores, out.tokens));
    for (std::size_t branch = 1; branch < branches_.size(); ++branch)
      out.branches.push_back(changes_of(out, branch));
    return out;
  }

 private:
  std::vector<std::string> token_bytes(std::size_t sequence) const {
    const SequenceRow& row = sequences_[sequence];
    std::vector<std::string> bytes;
    for (const std::int32_t id : row.tokens) bytes.push_back(bytes_.at(id));
    if (row.has_bos && !bytes.empty()) bytes.front().clear();
    return bytes;
  }

  Status read_words() {
    TEPUI_TRY(const auto vocabulary, store_.vocabulary());
    for (const VocabularyRow& token : vocabulary) {
      bytes_[token.token_id] = token.bytes;
      pieces_[token.token_id] = token.piece;
    }
    for (const SequenceRow& row : sequences_)
      for (const std::int32_t id : row.tokens)
        if (!bytes_.contains(id))
          return fail(ErrorKind::data, "{}: expected token {} in the vocabulary, found none",
                      store_.file().string(), id);
    classes_.resize(sequences_.size());
    if (!options_.conllu.empty()) return align();
    for (std::size_t s = 0; s < sequences_.size(); ++s)
      classes_[s] = classify_words(token_bytes(s));
    return {};
  }

  // The sequences of a text, one behind the other, against its words.
  Status align() {
    std::vector<std::string> texts;
    for (const SequenceRow& row : sequences_)
      if (std::ranges::find(texts, row.source) == texts.end()) texts.push_back(row.source);
    if (texts.size() != options_.conllu.size())
      return fail(ErrorKind::usage, "--conllu: expected a file for each of the {} texts, found {}",
                  texts.size(), options_.conllu.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      TEPUI_TRY(const auto words, read_conllu(options_.conllu[i]));
      std::vector<std::string> tokens;
      std::vector<std::pair<std::size_t, std::size_t>> where;
      std::int64_t next = 0;
      for (std::size_t s = 0; s < sequences_.size(); ++s) {
        if (sequences_[s].source != texts[i]) continue;
        if (sequences_[s].first_token != next)
          return fail(ErrorKind::unsupported,
                      "--conllu: expected pieces of the text that follow one another, found "
                      "overlaps: run without --stride");
        const auto own = token_bytes(s);
        next += static_cast<std::int64_t>(own.size()) - (sequences_[s].has_bos ? 1 : 0);
        tokens.insert(tokens.end(), own.begin(), own.end());
        where.emplace_back(s, own.size());
      }
      TEPUI_TRY(const auto classes, align_words(words, tokens, options_.conllu[i]));
      auto at = classes.begin();
      for (const auto& [sequence, count] : where) {
        const auto end = at + static_cast<std::ptrdiff_t>(count);
        classes_[sequence].assign(at, end);
        at = end;
      }
    }
    return {};
  }

  Status add_sequence(const LikelihoodRow& score, std::vector<ScoredToken>& out) {
    const auto s = static_cast<std::size_t>(score.sequence);
    const auto& ids = sequences_[s].tokens;
    const auto first = ids.size() - static_cast<std::size_t>(score.tokens);
    int since = 0;
    begin_[score.sequence] = out.size();
    for (std::size_t position = 0; position < ids.size(); ++position) {
      const bool text = position > 0 || !sequences_[s].has_bos;
      since += since > 0 ? 1 : 0;
      if (position >= first) {
        ScoredToken token;
        token.sequence = score.sequence;
        token.position = static_cast<int>(position);
        token.token_id = ids[position];
        token.piece = pieces_.at(ids[position]);
        token.word_class = position == 1 ? WordClass::first : classes_[s][position];
        token.since_boundary = since == 0 ? 0 : since - 1;
        out.push_back(std::move(token));
      }
      if (text && classes_[s][position] == WordClass::sentence_boundary) since = 1;
    }
    return {};
  }

  Status add_likelihoods(const std::vector<LikelihoodRow>& scores, std::vector<ScoredToken>& out) {
    for (const LikelihoodRow& score : scores) {
      const auto size = sequences_[static_cast<std::size_t>(score.sequence)].tokens.size();
      TEPUI_TRY(const auto series, store_.series(score.sequence, kLogits, score.branch));
      if (series.size() != 1 || series.front().values.size() + 1 != size)
        return fail(
            ErrorKind::data,
            "{}: expected the log-likelihoods of the {} tokens of sequence {}, found others",
            store_.file().string(), size, score.sequence);
      for (std::size_t i = 0; i < static_cast<std::size_t>(score.tokens); ++i) {
        ScoredToken& token = out[begin_.at(score.sequence) + i];
        token.log_likelihood.push_back(
            series.front().values[static_cast<std::size_t>(token.position) - 1]);
      }
    }
    return {};
  }

  using GroupOf = std::function<std::string(const ScoredToken&)>;

  // Groups in the order of `names`, which lists those that may occur.
  std::vector<GroupChange> grouped(const Sensitivity& all, std::size_t branch,
                                   const std::vector<std::string>& names,
                                   const GroupOf& group_of) const {
    struct Sums {
      std::vector<double> before, after, change, count;
    };
    const std::size_t n = sequences_.size();
    std::map<std::string, Sums> groups;
    double whole = 0;
    for (const ScoredToken& token : all.tokens) {
      Sums& sums = groups[group_of(token)];
      if (sums.count.empty())
        sums = {std::vector<double>(n), std::vector<double>(n), std::vector<double>(n),
                std::vector<double>(n)};
      const auto s = static_cast<std::size_t>(token.sequence);
      const double before = -double{token.log_likelihood[0]};
      const double after = -double{token.log_likelihood[branch]};
      sums.before[s] += before;
      sums.after[s] += after;
      sums.change[s] += after - before;
      sums.count[s] += 1;
      whole += after - before;
    }
    std::vector<GroupChange> out;
    for (const std::string& name : names) {
      const auto found = groups.find(name);
      if (found == groups.end()) continue;
      out.push_back(change_of(name, found->second.before, found->second.after, found->second.change,
                              found->second.count, whole));
    }
    return out;
  }

  GroupChange change_of(const std::string& name, const std::vector<double>& before,
                        const std::vector<double>& after, const std::vector<double>& change,
                        const std::vector<double>& count, double whole) const {
    // Sequences that are not done yet are not drawn.
    std::vector<std::vector<double>> done(4);
    for (const auto& [sequence, begin] : begin_) {
      const auto s = static_cast<std::size_t>(sequence);
      done[0].push_back(before[s]);
      done[1].push_back(after[s]);
      done[2].push_back(change[s]);
      done[3].push_back(count[s]);
    }
    GroupChange out;
    out.group = name;
    for (const double tokens : count) out.tokens += static_cast<std::int64_t>(tokens);
    out.before = bootstrap_ratio(done[0], done[3], options_.bootstrap);
    out.after = bootstrap_ratio(done[1], done[3], options_.bootstrap);
    out.change = bootstrap_ratio(done[2], done[3], options_.bootstrap);
    out.share = whole == 0 ? 0 : out.change.mean * static_cast<double>(out.tokens) / whole;
    return out;
  }

  BranchSensitivity changes_of(const Sensitivity& all, std::size_t branch) const {
    BranchSensitivity out;
    out.name = branches_[branch].name;
    out.edits = branches_[branch].edits;
    std::vector<std::string> classes;
    for (std::size_t i = 0; i < kWordClasses; ++i)
      classes.emplace_back(word_class_name(static_cast<WordClass>(i)));
    out.classes = grouped(all, branch, classes, [](const ScoredToken& token) {
      return std::string(word_class_name(token.word_class));
    });
    std::vector<std::string> bins;
    for (const int bin : kBins) bins.push_back(bin_of(bin));
    out.positions =
        grouped(all, branch, bins, [](const ScoredToken& token) { return bin_of(token.position); });
    const std::string after = fmt::format("{} after a boundary", options_.after_boundary);
    out.coherence = grouped(all, branch, {after, "elsewhere"}, [&](const ScoredToken& token) {
      const bool near =
          token.since_boundary >= 1 && token.since_boundary <= options_.after_boundary;
      return near ? after : std::string("elsewhere");
    });
    return out;
  }

  StoreReader& store_;
  const SensitivityOptions& options_;
  std::vector<BranchRow> branches_;
  std::vector<SequenceRow> sequences_;
  std::map<std::int32_t, std::string> bytes_;
  std::map<std::int32_t, std::string> pieces_;
  std::vector<std::vector<WordClass>> classes_;  // by sequence
  std::map<int, std::size_t> begin_;             // of a sequence's tokens
};

}  // namespace

Result<Sensitivity> read_sensitivity(StoreReader& store, const SensitivityOptions& options) {
  return Collector(store, options).run();
}

}  // namespace tepui
