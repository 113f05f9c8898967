// SPDX-License-Identifier: MIT
#include <algorithm>

#include "metrics/watch.h"
#include "train/initial_model.h"
#include "train/run_check.h"
#include "train/token_data.h"
#include "train/train_checkpoint.h"
#include "train/trainer.h"

namespace tepui {

namespace {

// Whether the model has what watch_sites names.
Status check_watch(const TrainRecipe& recipe, const ModelSpec& spec) {
  if (recipe.watch_every > 0) TEPUI_TRY(make_watch_work(spec, recipe.watch_sites));
  return {};
}

}  // namespace

Result<TrainPlan> plan_training(const TrainRequest& request) {
  TEPUI_TRY(const TokenData data, load_token_data(request.recipe.data));
  return plan_training(request, data);
}

Result<TrainPlan> plan_training(const TrainRequest& request, const TokenData& data) {
  const TrainRecipe& recipe = request.recipe;
  TEPUI_TRY(const std::optional<CheckpointPlace> last, last_checkpoint(request.out));
  RecipeRecord record = request.record;
  record.data = data_hash(data);
  if (last) TEPUI_TRY(check_recipe(*last, record));
  TrainPlan plan;
  ModelSizes sizes{recipe.model.layers, recipe.model.width};
  plan.vocabulary = std::max(recipe.model.vocabulary, data.vocabulary);
  if (recipe.model.from) {
    TEPUI_TRY(const Model model, open_model(*recipe.model.from));
    TEPUI_TRY(const std::vector<Parameter> parameters, parameters_of(model));
    TEPUI_TRY(check_same_tokens(recipe, data));
    TEPUI_TRY(check_watch(recipe, model.spec));
    sizes = {model.spec.dims.layers, model.spec.dims.width};
    for (const Parameter& parameter : parameters)
      plan.parameters += static_cast<std::int64_t>(parameter.elements());
  } else {
    plan.parameters = initial_parameters(recipe.model, plan.vocabulary);
    TEPUI_TRY(const ModelSpec spec, initial_spec(recipe.model, plan.vocabulary));
    TEPUI_TRY(check_watch(recipe, spec));
  }
  TEPUI_TRY(check_run(recipe, sizes, data));
  plan.training_tokens = static_cast<std::int64_t>(data.train.size());
  plan.validation_tokens = static_cast<std::int64_t>(data.validation.size());
  plan.tokens_per_step = std::int64_t{recipe.batch} * recipe.accumulation * recipe.model.context;
  if (last) plan.first = last->step;
  return plan;
}

}  // namespace tepui
