// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "base/utf8_text.h"
#include "models/site_width.h"
#include "plan/edit.h"
#include "plan/site_alias.h"
#include "plan/text_cursor.h"

namespace tepui {

namespace {

class EditParser : TextCursor {
 public:
  EditParser(std::string_view text, const ModelSpec& spec, std::string_view option)
      : TextCursor(text, option), spec_(spec) {}

  Result<EditSpec> run() {
    EditSpec edit;
    if (const auto point = accept_alias()) {
      edit.site = point->site;
      edit.layers.layers = {point->layer};
      TEPUI_TRY(check_site(edit.site, 0));
    } else {
      TEPUI_TRY(edit.site, parse_site());
      TEPUI_TRY(edit.layers, parse_layers(edit.site));
    }
    const std::size_t where = at_;
    TEPUI_TRY(take(":", "':' and TOKENS"));
    const std::size_t tokens = at_;
    TEPUI_TRY(edit.tokens, parse_tokens());
    if (is_inside_attention(edit.site) && edit.tokens.kind != TokenSelector::Kind::listed)
      return expected_at(tokens, "keys by all, a position or id:N");
    TEPUI_TRY(take(":", "':' and CHANNELS"));
    TEPUI_TRY(edit.channels, parse_channels(edit.site));
    TEPUI_TRY(take("=", "'=' and RULE"));
    const std::size_t rule = at_;
    TEPUI_TRY(edit.rule, parse_rule());
    if (is_inside_attention(edit.site) && !reaches_attention(edit.rule.kind))
      return expected_at(rule, "zero, const:V, clip:V or scale:S: attention is never held whole");
    if (at_ != text_.size()) return expected("the end of the edit");
    edit.where = text_.substr(where);
    return edit;
  }

  Result<TokenSelector> run_tokens() {
    TEPUI_TRY(TokenSelector tokens, parse_tokens());
    if (at_ != text_.size()) return expected("the end of the tokens");
    return tokens;
  }

 private:
  // Another tool's name for a site and layer.
  std::optional<Point> accept_alias() {
    const std::size_t end = std::min(text_.find(':'), text_.size());
    const auto point = point_from_alias(text_.substr(0, end), spec_.dims.layers);
    if (point) at_ = end;
    return point;
  }

  Result<Site> parse_site() {
    std::size_t end = text_.find_first_of(".:=,");
    if (end == std::string_view::npos) end = text_.size();
    const std::optional<Site> site = site_from_name(text_.substr(0, end));
    if (!site)
      return expected(fmt::format("a site ({}, attn_scores, attn_probs)", sites_with_width(spec_)));
    TEPUI_TRY(check_site(*site, at_));
    at_ = end;
    return *site;
  }

  // Rules that need nothing of a score or probability but itself.
  static bool reaches_attention(RuleKind rule) {
    return rule == RuleKind::constant || rule == RuleKind::clip || rule == RuleKind::scale;
  }

  Status check_site(Site site, std::size_t at) const {
    if (is_inside_attention(site)) return {};
    if (site_width(spec_, site)) return {};
    const std::string_view why = why_no_site(spec_, site);
    return expected_at(at, fmt::format("a site of this model{}{}", why.empty() ? "" : ": ", why));
  }

  Result<LayerSelector> parse_layers(Site site) {
    LayerSelector out;
    if (!site_has_layer(site)) {
      if (at_ < text_.size() && text_[at_] == '.')
        return expected(fmt::format("':' ({} has no layers)", site_name(site)));
      out.layers = {kNoLayer};
      return out;
    }
    const int layers = spec_.dims.layers;
    TEPUI_TRY(take(".", "'.' and LAYERS"));
    const bool found = !is_inside_attention(site);  // by what is massive there
    if (found && accept_word("first-massive")) {
      out.kind = LayerSelector::Kind::first_massive;
    } else if (found && accept_word("massive")) {
      out.kind = LayerSelector::Kind::massive;
    } else if (accept_word("all") || accept_word("*")) {
      for (int layer = 0; layer < layers; ++layer) out.layers.push_back(layer);
    } else {
      const std::string what = fmt::format("all, {}a layer from 0 to {}",
                                           found ? "first-massive, massive or " : "", layers - 1);
      do {
        TEPUI_TRY(const IntRange range, parse_range(layers, false, what));
        for (int layer = range.first; layer <= range.last; ++layer) out.layers.push_back(layer);
      } while (accept(","));
      std::sort(out.layers.begin(), out.layers.end());
      out.layers.erase(std::unique(out.layers.begin(), out.layers.end()), out.layers.end());
    }
    return out;
  }

  Result<TokenSelector> parse_tokens() {
    TokenSelector out;
    if (accept_word("all")) {
      out.positions = {{0, kOpenEnd}};
    } else if (accept_word("largest")) {
      out.kind = TokenSelector::Kind::largest;
    } else if (accept_word("massive")) {
      out.kind = TokenSelector::Kind::massive;
    } else if (accept("above:")) {
      out.kind = TokenSelector::Kind::above;
      TEPUI_TRY(const double threshold, parse_number("a number that is not negative", false));
      out.threshold = static_cast<float>(threshold);
    } else {
      do {
        TEPUI_TRY(parse_token(out));
      } while (accept(","));
    }
    return out;
  }

  Status parse_token(TokenSelector& out) {
    if (accept("id:")) {
      const int vocabulary = spec_.dims.vocabulary;
      TEPUI_TRY(const int id,
                parse_int(vocabulary, fmt::format("a token id below {}", vocabulary)));
      out.ids.push_back(id);
      return {};
    }
    TEPUI_TRY(const IntRange range,
              parse_range(INT_MAX, true, "all, largest, massive, above:T, id:N or a position"));
    out.positions.push_back(range);
    return {};
  }

  Result<ChannelSelector> parse_channels(Site site) {
    ChannelSelector out;
    const bool heads = is_inside_attention(site);
    const int width = heads ? spec_.dims.heads : *site_width(spec_, site);
    if (accept_word("all")) return out;
    if (!heads && accept_word("massive")) {
      out.kind = ChannelSelector::Kind::massive;
      return out;
    }
    out.kind = ChannelSelector::Kind::listed;
    do {
      TEPUI_TRY(
          const IntRange range,
          parse_range(width, false,
                      fmt::format("all{} from 0 to {}",
                                  heads ? " or a head" : ", massive or a channel", width - 1)));
      out.ranges.push_back(range);
    } while (accept(","));
    return out;
  }

  Result<Rule> parse_rule() {
    Rule rule;
    if (accept_word("zero")) return rule;
    if (accept_word("mean")) {
      rule.kind = RuleKind::mean;
    } else if (accept("const:")) {
      TEPUI_TRY(rule.value, parse_number("a number", true));
    } else if (accept("scale:")) {
      rule.kind = RuleKind::scale;
      TEPUI_TRY(rule.value, parse_number("a number", true));
    } else if (accept("clip:")) {
      return parse_clip();
    } else if (accept("patch:")) {
      rule.kind = RuleKind::patch;
      rule.branch = text_.substr(at_);
      if (rule.branch.empty()) return expected("the name of a branch");
      at_ = text_.size();
    } else if (accept("round:")) {
      return parse_round();
    } else {
      return expected(
          "zero, const:V, mean, clip:V, clip:qQ, clip:kM, scale:S, patch:BRANCH or "
          "round:FORMAT");
    }
    return rule;
  }

  Result<Rule> parse_clip() {
    Rule rule;
    rule.kind = RuleKind::clip;
    if (accept("q")) {
      rule.kind = RuleKind::clip_quantile;
      const std::size_t begin = at_;
      TEPUI_TRY(rule.value, parse_number("a fraction from 0 to 1", false));
      if (rule.value > 1) return expected_at(begin, "a fraction from 0 to 1");
      return rule;
    }
    if (accept("k")) rule.kind = RuleKind::clip_median;
    TEPUI_TRY(rule.value, parse_number("a number that is not negative, qQ or kM", false));
    return rule;
  }

  Result<Rule> parse_round() {
    Rule rule;
    if (accept_word("f16")) {
      rule.kind = RuleKind::round_f16;
    } else if (accept_word("bf16")) {
      rule.kind = RuleKind::round_bf16;
    } else if (accept_word("fp8")) {
      rule.kind = RuleKind::round_fp8;
    } else if (accept_word("int8")) {
      rule.kind = RuleKind::round_int8;
    } else {
      return expected("f16, bf16, fp8 or int8");
    }
    const bool scaled = rule.kind == RuleKind::round_fp8 || rule.kind == RuleKind::round_int8;
    if (at_ == text_.size()) return rule;
    if (!scaled) return expected("the end of the edit (f16 and bf16 have no scale)");
    TEPUI_TRY(take(":", "':' and tensor, token or channel"));
    if (accept_word("token")) {
      rule.grain = Grain::token;
    } else if (accept_word("channel")) {
      rule.grain = Grain::channel;
    } else if (!accept_word("tensor")) {
      return expected("tensor, token or channel");
    }
    return rule;
  }

  const ModelSpec& spec_;
};

}  // namespace

Result<EditSpec> parse_edit(std::string_view text, const ModelSpec& spec, std::string_view option) {
  return EditParser(text, spec, option).run();
}

Result<TokenSelector> parse_token_selector(std::string_view text, const ModelSpec& spec,
                                           std::string_view option) {
  return EditParser(text, spec, option).run_tokens();
}

Result<std::vector<EditSpec>> parse_edits(std::string_view text, const ModelSpec& spec,
                                          std::string_view option) {
  const std::string_view whole = text;
  std::vector<EditSpec> edits;
  for (;;) {
    const std::size_t end = std::min(text.find(';'), text.size());
    if (text.substr(0, end).find_first_not_of(' ') == std::string_view::npos && !edits.empty())
      return fail(ErrorKind::usage,
                  "{} \"{}\": expected an edit behind each ';', found none behind "
                  "that of {}",
                  option, printable(whole), printable(edits.back().text()));
    TEPUI_TRY(EditSpec edit, parse_edit(text.substr(0, end), spec, option));
    edits.push_back(std::move(edit));
    if (end == text.size()) return edits;
    text.remove_prefix(end + 1);
  }
}

}  // namespace tepui
