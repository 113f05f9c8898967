// SPDX-License-Identifier: MIT
#include "study/choice_scorer.h"

#include <algorithm>

#include "exec/decoder.h"
#include "models/tables.h"

namespace tepui {

namespace {

// A choice, and the beginning that it goes on with.
struct Piece {
  std::size_t item = 0;
  std::size_t choice = 0;
  const ChoiceTokens* tokens = nullptr;
  int prefix = 0;  // among the beginnings
};

// What is computed once, and who goes on from it.
struct Plan {
  std::vector<std::vector<TokenId>> prefixes;
  std::vector<Piece> pieces;
};

// The tokens that all choices have before any of them begins.
int shared_length(const ChoiceItem& item) {
  const ChoiceTokens& front = item.choices.front();
  int shared = front.first;
  for (const ChoiceTokens& choice : item.choices) {
    const auto apart = std::ranges::mismatch(front.ids, choice.ids).in1 - front.ids.begin();
    shared = std::min({shared, choice.first, static_cast<int>(apart)});
  }
  return shared;
}

Plan plan_of(std::span<const ChoiceItem> items) {
  Plan plan;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const int shared = shared_length(items[i]);
    for (std::size_t c = 0; c < items[i].choices.size(); ++c) {
      const ChoiceTokens& choice = items[i].choices[c];
      if (shared == 0 || c == 0) {
        const int own = shared == 0 ? choice.first : shared;
        plan.prefixes.emplace_back(choice.ids.begin(), choice.ids.begin() + own);
      }
      plan.pieces.push_back({i, c, &choice, static_cast<int>(plan.prefixes.size()) - 1});
    }
  }
  return plan;
}

ChoiceScorer::Scores nothing_yet(std::span<const ChoiceItem> items, std::size_t branches) {
  ChoiceScorer::Scores scores;
  for (const ChoiceItem& item : items)
    scores.emplace_back(branches, std::vector<double>(item.choices.size()));
  return scores;
}

// What each row of the tokens [first, last) of a choice's sequence is asked for: the token behind
// it, where that is the choice's.
void add_targets(const ChoiceTokens& choice, int first, int last,
                 std::vector<std::int32_t>& targets) {
  for (int position = first; position < last; ++position) {
    const auto next = static_cast<std::size_t>(position) + 1;
    const bool scored = position + 1 >= choice.first && next < choice.ids.size();
    targets.push_back(scored ? choice.ids[next] : -1);
  }
}

// A token that a prefix mask shows cannot be asked for.
Status check_shown(const Model& model, std::span<const ChoiceItem> items) {
  const int shown = model.spec.dims.prefix;
  for (const ChoiceItem& item : items) {
    for (const ChoiceTokens& choice : item.choices) {
      if (choice.first < shown)
        return fail(ErrorKind::data,
                    "{}: every token sees the first {} (a prefix mask): expected choices behind at "
                    "least as many tokens, found one behind {}",
                    model.path, shown, choice.first);
    }
  }
  return {};
}

// Whether beginnings hold what a prefix mask shows, and may share tables of positions with whole
// choices.
bool may_go_on(const ModelSpec& spec, std::span<const ChoiceItem> items, const Plan& plan) {
  const auto wanted = length_classes(spec, static_cast<int>(plan.prefixes.front().size()));
  const auto same = [&](std::size_t length) {
    return length_classes(spec, static_cast<int>(length)) == wanted;
  };
  for (const auto& prefix : plan.prefixes) {
    if (static_cast<int>(prefix.size()) < spec.dims.prefix || !same(prefix.size())) return false;
  }
  for (const ChoiceItem& item : items) {
    for (const ChoiceTokens& choice : item.choices) {
      if (!same(choice.ids.size() - 1)) return false;
    }
  }
  return true;
}

}  // namespace

bool needs_whole_sequence(const Edit& edit) {
  if (edit.tokens.kind == TokenSelector::Kind::largest ||
      edit.tokens.kind == TokenSelector::Kind::massive ||
      edit.channels.kind == ChannelSelector::Kind::massive)
    return true;
  switch (edit.rule.kind) {
    case RuleKind::clip_quantile:
    case RuleKind::clip_median:
    case RuleKind::patch: return true;
    case RuleKind::round_fp8:
    case RuleKind::round_int8: return edit.rule.grain != Grain::token;
    case RuleKind::constant:
    case RuleKind::mean:
    case RuleKind::clip:
    case RuleKind::scale:
    case RuleKind::round_f16:
    case RuleKind::round_bf16: break;
  }
  return false;
}

ChoiceScorer::ChoiceScorer(Backend& backend, const Model& model, Executor& executor, Head& head,
                           std::span<const Branch> branches, const MassiveRule& massive,
                           bool may_share)
    : backend_(backend),
      model_(model),
      executor_(executor),
      head_(head),
      branches_(branches),
      massive_(massive),
      shares_(may_share) {
  for (const Branch& branch : branches)
    shares_ = shares_ && std::ranges::none_of(branch.edits, needs_whole_sequence);
}

Result<ChoiceScorer::Scores> ChoiceScorer::score(std::span<const ChoiceItem> items) {
  TEPUI_TRY(check_shown(model_, items));
  if (!shares_) return score_whole(items);
  const std::size_t branches = branches_.size() + 1;
  const Plan plan = plan_of(items);
  if (!may_go_on(model_.spec, items, plan)) return score_whole(items);
  TEPUI_TRY(const Schedule schedule, make_schedule(branches_, model_.spec.dims.layers));
  TEPUI_TRY(const auto prefixes,
            compute_prefixes(executor_, backend_, model_, plan.prefixes, &schedule, nullptr));
  for (const auto& prefix : plan.prefixes) rows_ += static_cast<std::int64_t>(prefix.size());
  // Rows in the order in which their losses are added: those of beginnings, then the choices' own.
  std::vector<float> states;
  std::vector<std::int32_t> first_targets;
  std::vector<Continuation> continuations;
  std::vector<std::int32_t> targets;
  for (const Piece& piece : plan.pieces) {
    const auto& beginnings = prefixes[static_cast<std::size_t>(piece.prefix)];
    const ChoiceTokens& choice = *piece.tokens;
    const int shared = beginnings.front().length;
    const int end = static_cast<int>(choice.ids.size()) - 1;  // the last token is only predicted
    rows_ += end - shared;
    for (std::size_t branch = 0; branch < branches; ++branch) {
      const std::vector<float>& last = beginnings[branch].final_norm;
      states.insert(states.end(), last.begin(), last.end());
      add_targets(choice, shared - 1, shared, first_targets);
      if (end == shared) continue;
      const int kept = piece.prefix * static_cast<int>(branches) + static_cast<int>(branch);
      continuations.push_back({kept,
                               static_cast<int>(branch),
                               {choice.ids.begin() + shared, choice.ids.begin() + end}});
      add_targets(choice, shared, end, targets);
    }
  }
  const auto bytes = std::as_bytes(std::span<const float>(states));
  TEPUI_TRY(const Buffer there, backend_.allocate(bytes.size(), Memory::device));
  TEPUI_TRY(backend_.wait(backend_.upload(BufferSlice::whole(there), bytes, {})));
  TEPUI_TRY(const std::vector<double> first_losses,
            head_.losses(BufferSlice::whole(there), static_cast<int>(first_targets.size()),
                         first_targets));
  std::vector<double> losses;
  if (!continuations.empty()) {
    Decoder decoder(backend_, model_, executor_.weights(), branches_, massive_);
    std::vector<const Prefix*> kept;
    for (const auto& of_sequence : prefixes)
      for (const Prefix& prefix : of_sequence) kept.push_back(&prefix);
    TEPUI_TRY(decoder.keep(kept));
    TEPUI_TRY(const BufferSlice state, decoder.run(continuations));
    TEPUI_TRY(losses, head_.losses(state, static_cast<int>(targets.size()), targets));
  }
  Scores scores = nothing_yet(items, branches);
  std::size_t first = 0;
  std::size_t row = 0;
  for (const Piece& piece : plan.pieces) {
    const int shared = prefixes[static_cast<std::size_t>(piece.prefix)].front().length;
    const std::size_t own = piece.tokens->ids.size() - 1 - static_cast<std::size_t>(shared);
    for (std::size_t branch = 0; branch < branches; ++branch) {
      double sum = first_losses[first++];
      for (std::size_t i = 0; i < own; ++i) sum += losses[row++];
      scores[piece.item][branch][piece.choice] = -sum;
    }
  }
  return scores;
}

Result<ChoiceScorer::Scores> ChoiceScorer::score_whole(std::span<const ChoiceItem> items) {
  std::vector<std::vector<TokenId>> sequences;
  std::vector<Piece> pieces;
  std::vector<int> asked;  // the last rows of each
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (std::size_t c = 0; c < items[i].choices.size(); ++c) {
      const ChoiceTokens& choice = items[i].choices[c];
      sequences.emplace_back(choice.ids.begin(), choice.ids.end() - 1);
      asked.push_back(static_cast<int>(choice.ids.size()) - std::max(choice.first, 1));
      pieces.push_back({i, c, &choice, 0});
      rows_ += static_cast<std::int64_t>(sequences.back().size());
    }
  }
  Scores scores = nothing_yet(items, branches_.size() + 1);
  const OnChunk on_chunk = [&](const ChunkResult& chunk) -> Status {
    std::vector<std::int32_t> targets;
    const auto base = static_cast<std::size_t>(chunk.first_sequence);
    for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
      const ChoiceTokens& choice = *pieces[base + s].tokens;
      const int end = static_cast<int>(choice.ids.size()) - 1;
      add_targets(choice, end - chunk.shape->lengths[s], end, targets);
    }
    TEPUI_TRY(const auto found, head_.scores(chunk.branches, chunk.shape->rows(), targets));
    for (std::size_t branch = 0; branch < found.size(); ++branch) {
      std::size_t row = 0;
      for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
        const Piece& piece = pieces[base + s];
        double sum = 0;
        for (int i = 0; i < chunk.shape->lengths[s]; ++i) sum += found[branch].losses[row++];
        scores[piece.item][branch][piece.choice] = -sum;
      }
    }
    return {};
  };
  TEPUI_TRY(const Schedule schedule, make_schedule(branches_, model_.spec.dims.layers));
  class Nothing final : public RowSink {
   public:
    Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
    Status add(const Observation& /*row*/) override { return {}; }
    Status add(const Series& /*row*/) override { return {}; }
    Status end_unit() override { return {}; }
  } nothing;
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  TEPUI_TRY(executor_.run(sequences, all, {}, nothing, nullptr, {on_chunk, asked}, {}, &schedule));
  return scores;
}

}  // namespace tepui
