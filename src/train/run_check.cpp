// SPDX-License-Identifier: MIT
#include "train/run_check.h"

#include <set>
#include <string_view>

#include "input/tokenizer.h"

namespace tepui {
namespace {

Status check_term(const AuxiliaryTerm& term, const ModelSizes& model) {
  if (term.last >= model.layers)
    return fail(ErrorKind::usage, "layers of [[auxiliary]]: expected layers below {}, found {}",
                model.layers, term.last);
  std::set<int> seen;
  for (const int channel : term.channels) {
    if (channel >= model.width)
      return fail(ErrorKind::usage,
                  "channels of [[auxiliary]]: expected channels below {}, found {}", model.width,
                  channel);
    if (!seen.insert(channel).second)
      return fail(ErrorKind::usage, "channels of [[auxiliary]]: expected each once, found {} twice",
                  channel);
  }
  return {};
}

}  // namespace

Status check_run(const TrainRecipe& recipe, const ModelSizes& model, const TokenData& data) {
  for (const AuxiliaryTerm& term : recipe.auxiliary) TEPUI_TRY(check_term(term, model));
  const auto length = static_cast<std::size_t>(recipe.model.context);
  for (const auto* tokens : {&data.train, &data.validation}) {
    if (tokens->size() <= length)
      return fail(ErrorKind::data,
                  "the {} data: expected more tokens than the context of {}, found {}",
                  tokens == &data.train ? "training" : "validation", length, tokens->size());
  }
  const auto watched = static_cast<std::size_t>(recipe.watched_sequences) * length;
  if (recipe.watch_every > 0 && data.validation.size() <= watched)
    return fail(ErrorKind::data,
                "the validation data: expected more tokens than the {} that are watched, found {}",
                watched, data.validation.size());
  return {};
}

Status check_same_tokens(const TrainRecipe& recipe, const TokenData& data) {
  if (!recipe.model.from || data.pieces.empty()) return {};
  const auto own = load_tokenizer(*recipe.model.from);
  if (!own) return {};
  for (std::size_t id = 0; id < data.pieces.size(); ++id) {
    const std::string piece = (*own)->piece(static_cast<TokenId>(id));
    if (piece == data.pieces[id]) continue;
    return fail(ErrorKind::data,
                "tokens of [data]: expected the ids of {}, which the run goes on from, found token "
                "{} to be \"{}\" there and \"{}\" here; tokens = \"{}\" takes its own",
                recipe.model.from->string(), id, piece, data.pieces[id],
                recipe.model.from->string());
  }
  return {};
}

}  // namespace tepui
