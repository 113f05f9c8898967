// SPDX-License-Identifier: MIT
#include "study/recipe_auxiliary.h"

#include <optional>

namespace tepui {
namespace {

template <class Number>
Result<std::vector<Number>> numbers(TomlFields& f, const char* key, double least, double most) {
  std::vector<Number> out;
  const toml::node* const node = f.node(key);
  if (node == nullptr) return out;
  const auto add = [&](const toml::node& one) -> Status {
    const std::optional<double> number = one.is_number() ? one.value<double>() : std::nullopt;
    const bool good = number && *number >= least && *number <= most &&
                      static_cast<double>(static_cast<Number>(*number)) == *number;
    if (!good) return f.wrong(key, fmt::format("numbers from {} to {}", least, most), &one);
    out.push_back(static_cast<Number>(*number));
    return {};
  };
  if (!node->is_array()) {
    TEPUI_TRY(add(*node));
    return out;
  }
  for (const toml::node& one : *node->as_array()) TEPUI_TRY(add(one));
  return out;
}

Result<AuxiliaryTerm> read_term(TomlFields& f) {
  AuxiliaryTerm term;
  TEPUI_TRY(const std::string kind, f.needed_text("kind"));
  if (kind != "spike" && kind != "others" && kind != "sink")
    return f.wrong("kind", "spike, others or sink");
  term.kind = kind == "spike"    ? AuxiliaryKind::spike
              : kind == "others" ? AuxiliaryKind::others
                                 : AuxiliaryKind::sink;
  TEPUI_TRY(const auto layers, numbers<int>(f, "layers", 0, 1e6));
  if (layers.empty() || layers.size() > 2 || layers.back() < layers.front())
    return f.wrong("layers", "a layer, or a first and a last one");
  term.first = layers.front();
  term.last = layers.back();
  TEPUI_TRY(term.channels, numbers<int>(f, "channels", 0, 1 << 24));
  TEPUI_TRY(term.ratios, numbers<double>(f, "ratio", 0, 1e9));
  TEPUI_TRY(const auto share, f.number("share", 0, 1));
  term.share = share.value_or(0);
  if (kind == "spike" && (term.channels.empty() || term.channels.size() != term.ratios.size()))
    return f.wrong("ratio", "as many ratios as there are channels");
  if (kind == "others" && term.ratios.size() != 1) return f.wrong("ratio", "one ratio");
  if (kind == "sink" && (!share || !term.channels.empty() || !term.ratios.empty()))
    return f.wrong("share", "a share from 0 to 1, and neither channels nor a ratio");
  TEPUI_TRY(const auto weight, f.positive("weight"));
  term.weight = weight.value_or(1);
  TEPUI_TRY(const auto until, f.integer("until", 1, std::int64_t{1} << 40));
  if (until) term.until = *until;
  return term;
}

}  // namespace

Result<std::vector<AuxiliaryTerm>> read_auxiliary(TomlFields& recipe, const std::string& file) {
  std::vector<AuxiliaryTerm> terms;
  const toml::node* const found = recipe.node("auxiliary");
  if (found == nullptr) return terms;
  if (!found->is_array_of_tables()) return recipe.wrong("auxiliary", "tables [[auxiliary]]");
  for (const toml::node& one : *found->as_array()) {
    TomlFields fields(*one.as_table(), "[[auxiliary]]", file);
    TEPUI_TRY(terms.emplace_back(), read_term(fields));
    TEPUI_TRY(fields.done());
  }
  return terms;
}

}  // namespace tepui
