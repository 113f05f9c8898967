// SPDX-License-Identifier: MIT
#include "study/recipe_file.h"

#include <gtest/gtest.h>

#include "support/paths.h"

namespace tepui::test {
namespace {

const std::string kModel = "[model]\nfamily = \"gpt2\"\nlayers = 2\nheads = 2\nwidth = 8\n";
const std::string kData = "[data]\ntext = \"a.txt\"\n";
const std::string kTrain = "[train]\nsteps = 100\nlearning_rate = 1e-3\n";

Result<RecipeFile> read_text_recipe(const TemporaryFolder& folder, const std::string& text) {
  write_file(folder.path() / "r.toml", text);
  return read_recipe(folder.path() / "r.toml");
}

std::string recipe_error(const std::string& text) {
  const TemporaryFolder folder;
  const auto recipe = read_text_recipe(folder, text);
  if (recipe) return "none";
  const std::string prefix = folder.path().string() + "/";
  const std::string& message = recipe.error().message;
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

TEST(RecipeFile, DefaultsAndPaths) {
  const TemporaryFolder folder;
  const auto file = read_text_recipe(folder, "out = \"run\"\n" + kModel + kData + kTrain);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file->out, folder.path() / "run");
  const TrainRecipe& recipe = file->recipe;
  EXPECT_EQ(recipe.data.texts.front(), folder.path() / "a.txt");
  EXPECT_FALSE(recipe.model.bias);
  EXPECT_EQ(recipe.schedule.decay_steps, 100);
  EXPECT_DOUBLE_EQ(recipe.schedule.least, 1e-4);
  EXPECT_DOUBLE_EQ(recipe.optimiser.beta2, 0.95);
}

// A run goes on under the same recipe, wherever it is kept and whatever is said about it.
TEST(RecipeFile, HashIsOfWhatMatters) {
  const TemporaryFolder folder;
  const auto hash = [&](const std::string& text) {
    return read_text_recipe(folder, text).value().record.hash;
  };
  const std::string first = hash("out = \"a\"\n" + kModel + kData + kTrain);
  EXPECT_EQ(first, hash("# other\nout = \"b\"\n" + kTrain + kModel + "\n" + kData));
  EXPECT_NE(first, hash(kModel + kData + kTrain + "seed = 2\n"));
}

TEST(RecipeFile, VariantsTermsAndGrids) {
  const TemporaryFolder folder;
  const std::string terms =
      "tvr_every = 50\n[[auxiliary]]\nkind = \"spike\"\nlayers = [0, 1]\nchannels = [1, 2]\n"
      "ratio = [3, 4.5]\nuntil = 7\n";
  const auto file =
      read_text_recipe(folder, kModel + "variant = [\"sink_token\", \"dyt\"]\nwindow = 4\n" +
                                   kData + kTrain + terms);
  ASSERT_TRUE(file) << file.error().message;
  const TrainRecipe& recipe = file->recipe;
  EXPECT_EQ(recipe.model.variants, (std::vector<std::string>{"sink_token", "dyt"}));
  EXPECT_TRUE(recipe.data.begin);
  EXPECT_EQ(recipe.tvr.every, 50);
  ASSERT_EQ(recipe.auxiliary.size(), 1U);
  EXPECT_EQ(recipe.auxiliary[0].last, 1);
  EXPECT_EQ(recipe.auxiliary[0].ratios, (std::vector<double>{3, 4.5}));
  EXPECT_EQ(recipe.auxiliary[0].until, 7);
  EXPECT_EQ(recipe_error(kModel + "variant = \"kv\"\n" + kData + kTrain).substr(0, 61),
            "r.toml:6: variant of [model]: expected some of none, kv_bias,");
  EXPECT_EQ(recipe_error(kModel + kData + kTrain + "[[auxiliary]]\nkind = \"sink\"\nlayers = 1\n"),
            "r.toml:11: share of [[auxiliary]]: expected a share from 0 to 1, and neither channels "
            "nor a ratio, found nothing");

  write_file(folder.path() / "g.toml", kModel + kData + kTrain +
                                           "[grid.model]\nvariant = [\"none\", [\"dyt\", "
                                           "\"gated\"]]\n[grid.train]\nseed = [1, 2]\n");
  const auto grid = read_recipe_grid(folder.path() / "g.toml");
  ASSERT_TRUE(grid) << grid.error().message;
  std::vector<std::string> names;
  for (const GridRecipe& one : *grid) names.push_back(one.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"variant=none,seed=1", "variant=none,seed=2",
                                      "variant=dyt+gated,seed=1", "variant=dyt+gated,seed=2"}));
  EXPECT_EQ((*grid)[3].file.recipe.seed, 2U);
  EXPECT_NE((*grid)[0].file.record.hash, (*grid)[1].file.record.hash);
}

// Of a grid each run would have its own; there such keys may be meant for others of its runs.
TEST(RecipeFile, NotesKeysWithoutEffect) {
  const TemporaryFolder folder;
  const auto notes = [&](const std::string& text) {
    auto file = read_text_recipe(folder, text);
    EXPECT_TRUE(file) << file.error().message;
    for (std::string& note : file->notes) note = note.substr(note.find("r.toml"));
    return file->notes;
  };
  using Notes = std::vector<std::string>;
  EXPECT_EQ(notes(kModel + kData + kTrain), Notes());
  EXPECT_EQ(notes(kModel + "variant = \"clipped\"\nclip_alpha = 4\nwindow = 4\n" + kData + kTrain +
                  "tvr_every = 5\ntvr_target = 0.1\nwatch_every = 5\nwatch_sites = \"all\"\n"
                  "decay_steps = 50\n"),
            Notes());
  EXPECT_EQ(notes(kModel + "clip_alpha = 4\nwindow = 1024\n" + kData + kTrain +
                  "tvr_target = 0.1\nwatch_sites = \"all\"\nschedule = \"constant\"\n"
                  "decay_steps = 50\n"),
            (Notes{"r.toml:6: clip_alpha has no effect without variant = \"clipped\"",
                   "r.toml:7: window has no effect beside a context of 1024: every query sees all "
                   "keys before it",
                   "r.toml:14: watch_sites has no effect without watch_every or zeroing",
                   "r.toml:13: tvr_target has no effect without tvr_every",
                   "r.toml:16: decay_steps has no effect beside schedule = \"constant\""}));
}

TEST(RecipeFile, APowerOfTenIsAWholeNumber) {
  const TemporaryFolder folder;
  const auto found =
      read_text_recipe(folder, kModel + kData + "[train]\nsteps = 2e4\nlearning_rate = 1e-3\n");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->recipe.schedule.steps, 20000);
}

TEST(RecipeFile, ErrorsNameTheLine) {
  EXPECT_EQ(recipe_error(kModel + kData + "[train]\nsteps = 0\n"),
            "r.toml:9: steps of [train]: expected a whole number from 1 to 1099511627776, found 0");
  EXPECT_EQ(
      recipe_error(kModel + kData + "[train]\nsteps = 1.5\n"),
      "r.toml:9: steps of [train]: expected a whole number from 1 to 1099511627776, found 1.5");
  EXPECT_EQ(recipe_error(kModel + kData + "[train]\nsteps = 1e13\n"),
            "r.toml:9: steps of [train]: expected a whole number from 1 to 1099511627776, found "
            "10000000000000.0");
  // What is wrong in a list, not that it is one.
  EXPECT_EQ(recipe_error(kModel + "[data]\ntext = [\"a.txt\", 7]\n" + kTrain),
            "r.toml:7: text of [data]: expected a text or a list of texts, found 7");
  EXPECT_EQ(recipe_error(kModel + kData + kTrain +
                         "[[auxiliary]]\nkind = \"spike\"\nlayers = [1, 2.5]\n"),
            "r.toml:13: layers of [[auxiliary]]: expected numbers from 0 to 1000000, found 2.5");
  EXPECT_EQ(recipe_error(kModel + "heights = 3\n" + kData + kTrain).substr(0, 23),
            "r.toml:6: expected one ");
  EXPECT_EQ(recipe_error("[model]\nfamily = \"bert\"\n" + kData + kTrain),
            "r.toml:2: family of [model]: expected gpt2 or llama, found \"bert\"");
  EXPECT_EQ(recipe_error("[model]\nfamily = \"gpt2\"\nwidth = 8\nheads = 3\n" + kData + kTrain),
            "r.toml:4: heads of [model]: expected a divisor of the width of 8, found 3");
  EXPECT_EQ(recipe_error(kModel + "[data]\n" + kTrain),
            "r.toml:6: [data]: expected text, or ids, or both train_bin and validation_bin");
  EXPECT_EQ(recipe_error(kModel + kData + kTrain + "schedule = \"steps\"\n"),
            "r.toml:11: schedule of [train]: expected cosine, constant or wsd, found \"steps\"");
  EXPECT_EQ(recipe_error(kData + kTrain), "r.toml: expected a table [model], found none");
  EXPECT_EQ(recipe_error("[model\n").substr(0, 9), "r.toml:1:");
}

}  // namespace
}  // namespace tepui::test
