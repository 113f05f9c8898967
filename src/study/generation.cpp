// SPDX-License-Identifier: MIT
#include "study/generation.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "exec/decoder.h"
#include "models/rope_table.h"
#include "models/tables.h"
#include "plan/schedule.h"

namespace tepui {

namespace {

// One text that is being written.
struct Writing {
  int sequence = 0;
  int branch = 0;
  int longest = 0;  // with its prompt
  Sampler sampler;
  GeneratedText text;
  bool done = false;
};

class Generation {
 public:
  // `numbers` are those of the prompts among all.
  Generation(const Model& model, Backend& backend, Head& head, Sequences prompts,
             std::span<const std::size_t> numbers, std::span<const Branch> branches,
             const GenerationOptions& options)
      : backend_(backend),
        head_(head),
        prompts_(prompts),
        numbers_(numbers),
        branches_(branches),
        options_(options) {
    for (int s = 0; s < static_cast<int>(prompts.size()); ++s) {
      const int prompt = static_cast<int>(prompts[static_cast<std::size_t>(s)].size());
      for (int branch = 0; branch <= static_cast<int>(branches.size()); ++branch)
        texts_.push_back({s,
                          branch,
                          longest_text(model.spec, prompt),
                          Sampler(options.sampling, static_cast<std::uint32_t>(number(s))),
                          {},
                          false});
    }
    for (std::size_t i = 0; i < texts_.size(); ++i) live_.push_back(i);
  }

  // `on_tokens` is told how many were written since it was last called.
  Status run(Decoder& decoder, std::vector<std::vector<Prefix>> prefixes,
             const std::function<void(std::int64_t)>& on_tokens) {
    std::vector<const Prefix*> kept;
    std::vector<float> state;
    for (const auto& of_prompt : prefixes) {
      for (const Prefix& prefix : of_prompt) {
        kept.push_back(&prefix);
        state.insert(state.end(), prefix.final_norm.begin(), prefix.final_norm.end());
      }
    }
    TEPUI_TRY(decoder.keep(kept));
    const auto bytes = std::as_bytes(std::span<const float>(state));
    TEPUI_TRY(const Buffer first, backend_.allocate(bytes.size(), Memory::device));
    TEPUI_TRY(backend_.wait(backend_.upload(BufferSlice::whole(first), bytes, {})));
    prefixes.clear();
    BufferSlice last = BufferSlice::whole(first);
    for (int done = 1; done <= options_.max_tokens; ++done) {
      TEPUI_TRY(write(last));
      if (on_tokens) on_tokens(static_cast<std::int64_t>(live_.size()));
      const std::vector<Continuation> next = continuations();
      if (next.empty()) break;
      TEPUI_TRY(last, decoder.run(next));
    }
    return {};
  }

  std::vector<std::vector<GeneratedText>> result() && {
    std::vector<std::vector<GeneratedText>> out(prompts_.size());
    for (Writing& one : texts_)
      out[static_cast<std::size_t>(one.sequence)].push_back(std::move(one.text));
    return out;
  }

 private:
  // The next token of every live text, from the rows of the final norm.
  Status write(BufferSlice state) {
    TEPUI_TRY(const auto logits, head_.logits(state, static_cast<int>(live_.size())));
    const std::size_t vocabulary = logits.size() / live_.size();
    for (std::size_t row = 0; row < live_.size(); ++row) {
      const auto own = logits.subspan(row * vocabulary, vocabulary);
      TEPUI_TRY(add_token(texts_[live_[row]], own));
    }
    return {};
  }

  Status add_token(Writing& one, std::span<const float> logits) {
    const auto& prompt = prompts_[static_cast<std::size_t>(one.sequence)];
    if (const auto bad = first_not_finite(logits))
      return fail(ErrorKind::data,
                  "sequence {}, {}: the logit of token {} behind position {} is {}: expected "
                  "finite values",
                  number(one.sequence), branch_name(one.branch), *bad,
                  prompt.size() + one.text.ids.size() - 1,
                  std::isnan(logits[*bad]) ? "nan" : "infinite");
    const TokenId id = one.sampler.next(logits);
    one.text.ids.push_back(id);
    one.text.losses.push_back(loss_of(logits, id));
    const std::size_t length = prompt.size() + one.text.ids.size();
    one.done = true;
    if (std::ranges::find(options_.stops, id) != options_.stops.end())
      one.text.end = TextEnd::stop;
    else if (one.text.ids.size() >= static_cast<std::size_t>(options_.max_tokens))
      one.text.end = TextEnd::max_tokens;
    else if (length >= static_cast<std::size_t>(one.longest))
      one.text.end = TextEnd::context;
    else
      one.done = false;
    return {};
  }

  std::size_t number(int sequence) const { return numbers_[static_cast<std::size_t>(sequence)]; }

  std::string branch_name(int branch) const {
    if (branch == 0) return std::string(kUnedited);
    return "branch " + branches_[static_cast<std::size_t>(branch) - 1].name;
  }

  // Of the texts that go on; the decoder has kept those that were live before.
  std::vector<Continuation> continuations() {
    std::vector<Continuation> next;
    std::vector<std::size_t> live;
    for (std::size_t row = 0; row < live_.size(); ++row) {
      const Writing& one = texts_[live_[row]];
      if (one.done) continue;
      next.push_back({static_cast<int>(row), one.branch, {one.text.ids.back()}});
      live.push_back(live_[row]);
    }
    live_ = std::move(live);
    return next;
  }

  Backend& backend_;
  Head& head_;
  Sequences prompts_;
  std::span<const std::size_t> numbers_;
  std::span<const Branch> branches_;
  const GenerationOptions& options_;
  std::vector<Writing> texts_;
  std::vector<std::size_t> live_;
};

// That a text may be given behind its prompt; one is written in any case.
std::int64_t most_tokens(const ModelSpec& spec, const std::vector<TokenId>& prompt,
                         const GenerationOptions& options) {
  const int length = static_cast<int>(prompt.size());
  return std::clamp(longest_text(spec, length) - length, 1, options.max_tokens);
}

}  // namespace

int longest_text(const ModelSpec& spec, int prompt) {
  const int context = longest_context(spec.dims);
  const std::vector<int> own = length_classes(spec, prompt);
  // Classes are intervals of lengths.
  int low = prompt;
  int high = context;
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    if (length_classes(spec, middle) == own)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

Result<std::vector<std::vector<GeneratedText>>> generate(
    Backend& backend, const Model& model, Executor& executor, Head& head, Sequences prompts,
    std::span<const Branch> branches, const MassiveRule& massive, const GenerationOptions& options,
    const OnToken& on_token) {
  // Texts whose rotary frequencies differ cannot share a table.
  std::map<std::vector<int>, std::vector<std::size_t>> classes;
  for (std::size_t s = 0; s < prompts.size(); ++s)
    classes[length_classes(model.spec, static_cast<int>(prompts[s].size()))].push_back(s);
  TEPUI_TRY(const Schedule schedule, make_schedule(branches, model.spec.dims.layers));
  std::int64_t written = 0;
  std::int64_t most = 0;
  for (const auto& prompt : prompts)
    most += most_tokens(model.spec, prompt, options) * (static_cast<int>(branches.size()) + 1);
  const auto on_tokens = [&](std::int64_t more) {
    written += more;
    if (on_token) on_token(written, most);
  };
  std::vector<std::vector<GeneratedText>> texts(prompts.size());
  for (const auto& [lengths, members] : classes) {
    std::vector<std::vector<TokenId>> own;
    for (const std::size_t s : members) own.push_back(prompts[s]);
    Generation generation(model, backend, head, own, members, branches, options);
    TEPUI_TRY(auto prefixes, compute_prefixes(executor, backend, model, own, &schedule, nullptr));
    Decoder decoder(backend, model, executor.weights(), branches, massive);
    TEPUI_TRY(generation.run(decoder, std::move(prefixes), on_tokens));
    auto own_texts = std::move(generation).result();
    for (std::size_t i = 0; i < members.size(); ++i) texts[members[i]] = std::move(own_texts[i]);
  }
  return texts;
}

}  // namespace tepui
