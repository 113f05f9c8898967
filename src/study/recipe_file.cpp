// SPDX-License-Identifier: MIT
#include "study/recipe_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "study/recipe_auxiliary.h"
#include "study/recipe_notes.h"
#include "study/toml_fields.h"
#include "study/zeroing.h"

namespace tepui {
namespace {

constexpr std::int64_t kMostSize = 1 << 24;
constexpr std::int64_t kMostSteps = std::int64_t{1} << 40;

template <class Number, class Found>
void keep(Number& to, const std::optional<Found>& found) {
  if (found) to = static_cast<Number>(*found);
}

class RecipeReader {
 public:
  RecipeReader(const std::filesystem::path& file, const toml::table& root)
      : name_(printable(file.string())), folder_(file.parent_path()), root_(root) {}

  Result<RecipeFile> run() {
    TomlFields top(root_, "the recipe", name_);
    TEPUI_TRY(const auto out, top.text("out"));
    if (out) out_.out = beside(*out);
    TEPUI_TRY(part(top, "model", [&](TomlFields& fields) { return read_model(fields); }));
    TEPUI_TRY(part(top, "data", [&](TomlFields& fields) { return read_data(fields); }));
    TEPUI_TRY(part(top, "train", [&](TomlFields& fields) { return read_train(fields); }));
    TEPUI_TRY(out_.recipe.auxiliary, read_auxiliary(top, name_));
    TEPUI_TRY(top.done());
    toml::table hashed = root_;
    hashed.erase("out");
    std::ostringstream text;
    text << toml::toml_formatter(hashed);  // keys in order, comments gone
    out_.record = {hash_hex(text.str()), toml_as_json(hashed)};
    return std::move(out_);
  }

 private:
  std::filesystem::path beside(const std::string& path) const { return folder_ / path; }

  template <class Read>
  Status part(TomlFields& top, const std::string& key, const Read& read) {
    const toml::node* const found = top.node(key);
    if (found == nullptr)
      return fail(ErrorKind::usage, "{}: expected a table [{}], found none", name_, key);
    if (!found->is_table()) return top.wrong(key, "a table");
    TomlFields fields(*found->as_table(), "[" + key + "]", name_);
    TEPUI_TRY(read(fields));
    return fields.done();
  }

  Status read_model(TomlFields& f) {
    ModelRecipe& m = out_.recipe.model;
    TEPUI_TRY(const auto from, f.text("from"));
    if (from) return read_adopted(f, *from);
    TEPUI_TRY(m.family, f.needed_text("family"));
    if (m.family != "gpt2" && m.family != "llama") return f.wrong("family", "gpt2 or llama");
    const auto size = [&](const char* key, int& to) -> Status {
      TEPUI_TRY(const auto found, f.integer(key, 1, kMostSize));
      keep(to, found);
      return {};
    };
    TEPUI_TRY(size("layers", m.layers));
    TEPUI_TRY(size("heads", m.heads));
    TEPUI_TRY(size("width", m.width));
    TEPUI_TRY(size("hidden", m.hidden));
    TEPUI_TRY(size("context", m.context));
    TEPUI_TRY(size("vocabulary", m.vocabulary));
    if (m.width % m.heads != 0)
      return f.wrong("heads", fmt::format("a divisor of the width of {}", m.width));
    TEPUI_TRY(m.tied, f.truth("tied"));
    TEPUI_TRY(const auto dropout, f.number("dropout", 0, 0.99));
    keep(m.dropout, dropout);
    TEPUI_TRY(const auto deviation, f.positive("initial_deviation"));
    keep(m.deviation, deviation);
    TEPUI_TRY(read_variants(f));
    return m.family == "gpt2" ? read_gpt2(f) : read_llama(f);
  }

  Status read_variants(TomlFields& f) {
    ModelRecipe& m = out_.recipe.model;
    constexpr std::string_view kExtras[] = {"kv_bias", "k_bias", "v_bias", "off_by_one"};
    constexpr std::string_view kOthers[] = {"clipped",    "gated", "gated_heads",  "sigmoid",
                                            "sink_token", "dyt",   "no_positions", "post_norm"};
    TEPUI_TRY(const auto variants, f.texts("variant"));
    int extras = 0;
    for (const std::string& variant : variants) {
      const bool is_extra = std::ranges::find(kExtras, variant) != std::end(kExtras);
      extras += is_extra ? 1 : 0;
      if (variant == "none") continue;
      if (!is_extra && std::ranges::find(kOthers, variant) == std::end(kOthers))
        return f.wrong("variant", fmt::format("some of none, {}, {}", fmt::join(kExtras, ", "),
                                              fmt::join(kOthers, ", ")));
      m.variants.push_back(variant);
    }
    if (extras > 1) return f.wrong("variant", "one extra key or value at most");
    const auto has = [&](std::string_view name) {
      return std::ranges::find(m.variants, name) != m.variants.end();
    };
    if (has("clipped") && (has("sigmoid") || (extras > 0 && !has("v_bias"))))
      return f.wrong("variant", "clipped with a plain softmax");
    if (has("gated") && has("gated_heads")) return f.wrong("variant", "one kind of gate");
    if (has("sink_token")) out_.recipe.data.begin = true;
    TEPUI_TRY(const auto alpha, f.positive("clip_alpha"));
    keep(m.clip_alpha, alpha);
    TEPUI_TRY(const auto attention, f.positive("dyt_alpha_attention"));
    keep(m.dyt_alpha_attention, attention);
    TEPUI_TRY(const auto others, f.positive("dyt_alpha_others"));
    keep(m.dyt_alpha_others, others);
    TEPUI_TRY(const auto window, f.integer("window", 1, kMostSize));
    keep(m.window, window);
    TEPUI_TRY(const auto prefix, f.integer("prefix", 1, m.context - 1));
    keep(m.prefix, prefix);
    if (window && prefix) return f.wrong("prefix", "no window beside it");
    TEPUI_TRY(const auto initial, f.text("initialisation"));
    if (initial && *initial != "lir" && *initial != "usual")
      return f.wrong("initialisation", "usual or lir");
    m.lir = initial == "lir";
    return {};
  }

  Status read_adopted(TomlFields& f, const std::string& from) {
    ModelRecipe& m = out_.recipe.model;
    m.from = beside(from);
    m.family = "that of " + from;
    TEPUI_TRY(const auto context, f.integer("context", 1, kMostSize));
    if (!context) return f.wrong("context", "a whole number of tokens");
    keep(m.context, context);
    TEPUI_TRY(const auto dropout, f.number("dropout", 0, 0.99));
    keep(m.dropout, dropout);
    TEPUI_TRY(const auto bias, f.truth("bias"));
    keep(m.bias, bias);
    return {};
  }

  Status read_gpt2(TomlFields& f) {
    ModelRecipe& m = out_.recipe.model;
    TEPUI_TRY(const auto bias, f.truth("bias"));
    m.bias = bias.value_or(false);
    TEPUI_TRY(const auto activation, f.text("activation"));
    if (!activation) return {};
    if (*activation != "gelu" && *activation != "gelu_new")
      return f.wrong("activation", "gelu (exact) or gelu_new (its tanh form)");
    m.activation = *activation;
    return {};
  }

  Status read_llama(TomlFields& f) {
    ModelRecipe& m = out_.recipe.model;
    TEPUI_TRY(const auto kv_heads, f.integer("kv_heads", 1, kMostSize));
    keep(m.kv_heads, kv_heads);
    if (m.kv_heads != 0 && m.heads % m.kv_heads != 0)
      return f.wrong("kv_heads", fmt::format("a divisor of the {} heads", m.heads));
    if (m.width / m.heads % 2 != 0)
      return f.wrong("heads", "heads of an even width, for rotary positions");
    TEPUI_TRY(const auto theta, f.positive("rope_theta"));
    keep(m.rope_theta, theta);
    return {};
  }

  Status read_data(TomlFields& f) {
    DataRecipe& d = out_.recipe.data;
    TEPUI_TRY(const auto begin, f.truth("begin"));
    if (begin == false && d.begin)
      return f.wrong("begin", "no false beside a variant with a sink token");
    d.begin = d.begin || begin.value_or(false);
    TEPUI_TRY(const auto texts, f.texts("text"));
    for (const std::string& text : texts) d.texts.push_back(beside(text));
    TEPUI_TRY(const auto train, f.text("train_bin"));
    TEPUI_TRY(const auto validation, f.text("validation_bin"));
    TEPUI_TRY(const auto ids, f.texts("ids"));
    for (const std::string& file : ids) d.ids.push_back(beside(file));
    const int kinds = (texts.empty() ? 0 : 1) + (ids.empty() ? 0 : 1) + (train ? 1 : 0);
    if (kinds != 1 || train.has_value() != validation.has_value())
      return fail(ErrorKind::usage,
                  "{}: [data]: expected text, or ids, or both train_bin and validation_bin",
                  f.place());
    std::optional<std::string> tokens;
    if (!train) {
      TEPUI_TRY(tokens, f.text("tokens"));
    }
    if (d.begin && (train || (!ids.empty() && (!tokens || *tokens == "characters"))))
      return fail(ErrorKind::usage,
                  "{}: [data]: expected text, or ids with their tokenizer, for sequences that "
                  "begin with a token",
                  f.place());
    if (train) {
      d.train_bin = beside(*train);
      d.validation_bin = beside(*validation);
      return {};
    }
    if (tokens && *tokens != "characters") d.tokens = beside(*tokens).string();
    TEPUI_TRY(const auto share, f.number("validation", 0.001, 0.999));
    keep(d.validation, share);
    return {};
  }

  Status read_train(TomlFields& f) {
    TrainRecipe& r = out_.recipe;
    TEPUI_TRY(const auto steps, f.integer("steps", 1, kMostSteps));
    if (!steps) return f.wrong("steps", "a whole number");
    r.schedule.steps = *steps;
    const auto whole = [&](const char* key, auto& to, std::int64_t least) -> Status {
      TEPUI_TRY(const auto found, f.integer(key, least, kMostSteps));
      keep(to, found);
      return {};
    };
    TEPUI_TRY(const auto batch, f.integer("batch", 1, kMostSize));
    keep(r.batch, batch);
    TEPUI_TRY(const auto accumulation, f.integer("accumulation", 1, kMostSize));
    keep(r.accumulation, accumulation);
    TEPUI_TRY(whole("seed", r.seed, 0));
    TEPUI_TRY(whole("evaluate_every", r.evaluate_every, 1));
    TEPUI_TRY(whole("checkpoint_every", r.checkpoint_every, 1));
    TEPUI_TRY(whole("watch_every", r.watch_every, 1));
    TEPUI_TRY(const auto watched, f.integer("watched_sequences", 1, kMostSize));
    keep(r.watched_sequences, watched);
    TEPUI_TRY(const auto sites, f.text("watch_sites"));
    if (sites) r.watch_sites = *sites;
    TEPUI_TRY(const auto zeroing, f.truth("zeroing"));
    if (zeroing == true) look_at_the_end(r);
    TEPUI_TRY(const auto batches, f.integer("evaluation_batches", 1, kMostSize));
    keep(r.evaluation_batches, batches);
    TEPUI_TRY(const auto above, f.positive("stop_above"));
    keep(r.stop_above, above);
    TEPUI_TRY(read_tvr(f));
    TEPUI_TRY(read_optimiser(f));
    return read_schedule(f);
  }

  Status read_tvr(TomlFields& f) {
    TvrSettings& t = out_.recipe.tvr;
    TEPUI_TRY(const auto every, f.integer("tvr_every", 1, kMostSteps));
    keep(t.every, every);
    TEPUI_TRY(const auto target, f.positive("tvr_target"));
    keep(t.target, target);
    TEPUI_TRY(const auto above, f.number("tvr_above", 1, 1e6));
    keep(t.above, above);
    TEPUI_TRY(const auto depth, f.truth("tvr_by_depth"));
    t.by_depth = depth.value_or(false);
    return {};
  }

  Status read_optimiser(TomlFields& f) {
    OptimiserSettings& o = out_.recipe.optimiser;
    const auto number = [&](const char* key, double& to, double most) -> Status {
      TEPUI_TRY(const auto found, f.number(key, 0, most));
      keep(to, found);
      return {};
    };
    TEPUI_TRY(number("beta1", o.beta1, 0.999999));
    TEPUI_TRY(number("beta2", o.beta2, 0.999999));
    TEPUI_TRY(number("eps", o.eps, 1));
    TEPUI_TRY(number("weight_decay", o.weight_decay, 1e6));
    return number("clip", o.clip, 1e30);
  }

  Status read_schedule(TomlFields& f) {
    ScheduleSettings& s = out_.recipe.schedule;
    TEPUI_TRY(const auto kind, f.text("schedule"));
    if (kind == "constant")
      s.kind = ScheduleKind::constant;
    else if (kind == "wsd")
      s.kind = ScheduleKind::wsd;
    else if (kind && kind != "cosine")
      return f.wrong("schedule", "cosine, constant or wsd");
    TEPUI_TRY(const auto rate, f.positive("learning_rate"));
    keep(s.rate, rate);
    s.least = s.rate / 10;
    TEPUI_TRY(const auto least, f.number("least_learning_rate", 0, s.rate));
    keep(s.least, least);
    TEPUI_TRY(const auto warmup, f.integer("warmup", 0, s.steps));
    keep(s.warmup, warmup);
    TEPUI_TRY(const auto decay, f.integer("decay_steps", 1, kMostSteps));
    s.decay_steps = s.kind == ScheduleKind::wsd ? std::max<std::int64_t>(1, s.steps / 5) : s.steps;
    keep(s.decay_steps, decay);
    if (s.kind == ScheduleKind::wsd && s.decay_steps > s.steps)
      return f.wrong("decay_steps", fmt::format("at most the {} steps", s.steps));
    return {};
  }

  std::string name_;
  std::filesystem::path folder_;
  const toml::table& root_;
  RecipeFile out_;
};

}  // namespace

Result<RecipeFile> read_recipe_table(const std::filesystem::path& file, const toml::table& root) {
  return RecipeReader(file, root).run();
}

Result<RecipeFile> read_recipe(const std::filesystem::path& file) {
  TEPUI_TRY(const std::string text, read_file(file));
  try {
    const toml::table root = toml::parse(text, file.string());
    if (root.contains("grid"))
      return fail(ErrorKind::usage, "{}: a recipe with a [grid] is many runs: expected --grid",
                  printable(file.string()));
    TEPUI_TRY(RecipeFile out, RecipeReader(file, root).run());
    out.notes = idle_keys(printable(file.string()), root, out.recipe);
    return out;
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::usage, "{}: {}", toml_place(printable(file.string()), error.source()),
                error.description());
  }
}

}  // namespace tepui
