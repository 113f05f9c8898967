// SPDX-License-Identifier: MIT
// The tables [grid.model], [grid.data] and [grid.train]: each key has a list of what it is to be.
#include <toml++/toml.h>

#include <algorithm>

#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "study/recipe_file.h"
#include "study/toml_fields.h"

namespace tepui {
namespace {

struct GridAxis {
  std::string part;
  std::string key;
  const toml::array* values;
};

constexpr std::size_t kMostRuns = 10000;

Result<std::vector<GridAxis>> axes_of(const toml::table& root, const std::string& file) {
  TomlFields top(root, "the recipe", file);
  const toml::node* const grid = top.node("grid");
  if (grid == nullptr || !grid->is_table())
    return top.wrong("grid", "tables [grid.model], [grid.data] or [grid.train] of lists");
  std::vector<GridAxis> axes;
  for (const auto& [part, table] : *grid->as_table()) {
    const std::string name(part.str());
    const bool known = name == "model" || name == "data" || name == "train";
    if (!known || !table.is_table())
      return fail(ErrorKind::usage,
                  "{}: expected [grid.model], [grid.data] or [grid.train], found {}",
                  toml_place(file, table.source()), printable(name));
    for (const auto& [key, values] : *table.as_table()) {
      if (!values.is_array() || values.as_array()->empty())
        return fail(ErrorKind::usage, "{}: [grid.{}]: {}: expected a list of values, found {}",
                    toml_place(file, values.source()), name, printable(std::string(key.str())),
                    toml_spelling(values));
      axes.push_back({name, std::string(key.str()), values.as_array()});
    }
  }
  return axes;
}

// A value as part of a folder's name.
std::string in_a_name(const toml::node& value) {
  std::string text;
  if (const auto plain = value.value<std::string>()) {
    text = *plain;
  } else if (value.is_array()) {
    for (const toml::node& one : *value.as_array())
      text += (text.empty() ? "" : "+") + in_a_name(one);
  } else {
    text = toml_spelling(value);
  }
  std::ranges::replace_if(
      text, [](char c) { return c == '/' || c == '\\' || c == ' ' || c == '\n'; }, '-');
  return text;
}

}  // namespace

Result<std::vector<GridRecipe>> read_recipe_grid(const std::filesystem::path& file) {
  TEPUI_TRY(const std::string text, read_file(file));
  const std::string name = printable(file.string());
  try {
    toml::table root = toml::parse(text, file.string());
    TEPUI_TRY(const std::vector<GridAxis> axes, axes_of(root, name));
    std::size_t runs = 1;
    for (const GridAxis& axis : axes) {
      runs *= axis.values->size();
      if (runs > kMostRuns)
        return fail(ErrorKind::usage, "{}: [grid]: expected at most {} runs, found more", name,
                    kMostRuns);
    }
    std::vector<GridRecipe> out;
    for (std::size_t run = 0; run < runs; ++run) {
      toml::table own = root;
      own.erase("grid");
      GridRecipe recipe;
      std::size_t rest = run;
      std::size_t below = runs;
      for (const GridAxis& axis : axes) {
        below /= axis.values->size();
        const toml::node& value = (*axis.values)[rest / below];
        rest %= below;
        if (!own[axis.part].is_table())
          return fail(ErrorKind::usage, "{}: expected a table [{}], found none", name, axis.part);
        own[axis.part].as_table()->insert_or_assign(axis.key, value);
        recipe.name +=
            fmt::format("{}{}={}", recipe.name.empty() ? "" : ",", axis.key, in_a_name(value));
      }
      TEPUI_TRY(recipe.file, read_recipe_table(file, own));
      const auto same = std::ranges::find(out, recipe.name, &GridRecipe::name);
      if (same != out.end())
        return fail(ErrorKind::usage, "{}: [grid]: two runs of the same name {}", name,
                    recipe.name);
      out.push_back(std::move(recipe));
    }
    return out;
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::usage, "{}: {}", toml_place(name, error.source()), error.description());
  }
}

}  // namespace tepui
