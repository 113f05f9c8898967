// SPDX-License-Identifier: MIT
#include "study/recipe_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "study/toml_fields.h"

namespace tepui {

std::vector<std::string> idle_keys(const std::string& file, const toml::table& root,
                                   const TrainRecipe& recipe) {
  std::vector<std::string> notes;
  const auto look = [&](const char* table, std::initializer_list<const char*> keys, bool used,
                        std::string_view why) {
    const toml::table* const fields = root[table].as_table();
    if (used || fields == nullptr) return;
    for (const char* const key : keys)
      if (const toml::node* const found = fields->get(key))
        notes.push_back(
            fmt::format("{}: {} has no effect {}", toml_place(file, found->source()), key, why));
  };
  const ModelRecipe& model = recipe.model;
  const auto varies = [&](std::string_view name) {
    return std::ranges::find(model.variants, name) != model.variants.end();
  };
  look("model", {"clip_alpha"}, varies("clipped"), "without variant = \"clipped\"");
  look("model", {"dyt_alpha_attention", "dyt_alpha_others"}, varies("dyt"),
       "without variant = \"dyt\"");
  look("model", {"window"}, model.window < model.context,
       fmt::format("beside a context of {}: every query sees all keys before it", model.context));
  look("train", {"watch_sites", "watched_sequences"}, recipe.watch_every > 0,
       "without watch_every or zeroing");
  look("train", {"tvr_target", "tvr_above", "tvr_by_depth"}, recipe.tvr.every > 0,
       "without tvr_every");
  look("train", {"least_learning_rate", "decay_steps"},
       recipe.schedule.kind != ScheduleKind::constant, "beside schedule = \"constant\"");
  return notes;
}

}  // namespace tepui
