// SPDX-License-Identifier: MIT
#include "study/generate_report.h"

#include <cmath>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/side_by_side.h"
#include "study/text_measures.h"
#include "study/text_table.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kRepetition = 4;  // seq-rep-4
constexpr int kShownToken = 16;

double perplexity_of(const ContinuedText& text) {
  return std::exp(text.nll / static_cast<double>(text.generated.ids.size()));
}

std::optional<double> repetition(const ContinuedText& text) {
  const auto share = distinct(text.generated.ids, kRepetition);
  return share ? std::optional(1 - *share) : std::nullopt;
}

std::string_view end_name(TextEnd end) {
  switch (end) {
    case TextEnd::stop: return "stop";
    case TextEnd::max_tokens: return "max-tokens";
    case TextEnd::context: break;
  }
  return "context";
}

std::string share(std::optional<double> value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string token_at(const ContinuedText& text, int index, Letters letters) {
  const auto at = static_cast<std::size_t>(index);
  if (at >= text.pieces.size()) return "the end";
  return quoted(text.pieces[at], letters, kShownToken);
}

std::string figures(const GenerateResult& result, const ContinuedPrompt& prompt, Letters letters,
                    int width) {
  TextColumn name{"branch", Align::left, 0, {}};
  TextColumn tokens{"tokens", Align::right, 0, {}};
  TextColumn end{"end", Align::left, 0, {}};
  TextColumn perplexity{"perplexity", Align::right, 0, {}};
  TextColumn distinct1{"distinct-1", Align::right, 0, {}};
  TextColumn distinct2{"distinct-2", Align::right, 0, {}};
  TextColumn repeated{"rep-4", Align::right, 0, {}};
  TextColumn parts{"parts at", Align::left, 0, {}};
  const ContinuedText& unedited = prompt.branches.front();
  for (std::size_t i = 0; i < prompt.branches.size(); ++i) {
    const ContinuedText& own = prompt.branches[i];
    const auto& ids = own.generated.ids;
    name.cells.push_back(spelled_out(result.branches[i].name, letters));
    tokens.cells.push_back(fmt::format("{}", ids.size()));
    end.cells.emplace_back(end_name(own.generated.end));
    perplexity.cells.push_back(fmt::format("{:.2f}", perplexity_of(own)));
    distinct1.cells.push_back(share(distinct(ids, 1)));
    distinct2.cells.push_back(share(distinct(ids, 2)));
    repeated.cells.push_back(share(repetition(own)));
    const auto apart = parting(unedited.generated.ids, ids);
    parts.cells.push_back(i == 0 ? ""
                          : !apart
                              ? "nowhere"
                              : fmt::format("{}: {} for {}", *apart, token_at(own, *apart, letters),
                                            token_at(unedited, *apart, letters)));
  }
  std::vector<TextColumn> columns = {name, tokens, end, perplexity, distinct1, distinct2, repeated};
  if (prompt.branches.size() > 1) columns.push_back(parts);
  return folded(columns, 1, width);
}

void put_optional(Json& entry, const char* name, std::optional<double> value) {
  entry[name] = value ? number(*value) : Json(nullptr);
}

Json text_json(const ContinuedText& text) {
  const auto& ids = text.generated.ids;
  Json entry;
  entry["ids"] = ids;
  entry["text"] = valid_utf8(text.text);
  entry["perplexity"] = number(perplexity_of(text));
  entry["nll"] = number(text.nll);
  entry["tokens"] = ids.size();
  entry["end"] = end_name(text.generated.end);
  put_optional(entry, "distinct_1", distinct(ids, 1));
  put_optional(entry, "distinct_2", distinct(ids, 2));
  put_optional(entry, "distinct_3", distinct(ids, 3));
  put_optional(entry, "repetition_4", repetition(text));
  return entry;
}

Json prompt_json(const GenerateResult& result, const ContinuedPrompt& prompt) {
  Json entry;
  entry["source"] = valid_utf8(prompt.source);
  entry["prompt"] = valid_utf8(prompt.text);
  entry["prompt_ids"] = prompt.ids;
  entry.update(text_json(prompt.branches.front()));
  entry["branches"] = Json::array();
  for (std::size_t i = 1; i < prompt.branches.size(); ++i) {
    Json branch;
    branch["name"] = valid_utf8(result.branches[i].name);
    branch["edits"] = valid_utf8(result.branches[i].edits);
    branch.update(text_json(prompt.branches[i]));
    const auto apart =
        parting(prompt.branches.front().generated.ids, prompt.branches[i].generated.ids);
    branch["parts_at"] = apart ? Json(*apart) : Json(nullptr);
    entry["branches"].push_back(std::move(branch));
  }
  return entry;
}

}  // namespace

std::string generate_text(const GenerateResult& result, int columns, Letters letters) {
  std::string out;
  for (const ContinuedPrompt& prompt : result.prompts) {
    if (!out.empty()) out += "\n";
    out += fmt::format("{} ({})\n", spelled_out(prompt.source, letters),
                       counted(static_cast<std::int64_t>(prompt.ids.size()), "token"));
    for (const std::string& line : text_lines(prompt.text, columns, letters)) out += line + "\n";
    out += "\n";
    std::vector<TitledText> texts;
    for (std::size_t i = 0; i < prompt.branches.size(); ++i)
      texts.push_back({result.branches[i].name, prompt.branches[i].text});
    out += side_by_side(texts, columns, letters) + "\n" + figures(result, prompt, letters, columns);
  }
  return out;
}

Json generate_json(const GenerateResult& result) {
  Json document;
  put_run(document, result.run);
  put_protocol(document, nlohmann::json{{"protocol", result.protocol}});
  const SamplingOptions& sampling = result.options.sampling;
  document["generation"] = {{"max_tokens", result.options.max_tokens},
                            {"stops", result.options.stops},
                            {"temperature", sampling.temperature},
                            {"top_k", sampling.top_k},
                            {"top_p", sampling.top_p},
                            {"seed", sampling.seed}};
  document["sequences"] = Json::array();
  for (const ContinuedPrompt& prompt : result.prompts)
    document["sequences"].push_back(prompt_json(result, prompt));
  if (result.prompts.size() == 1) document.update(prompt_json(result, result.prompts.front()));
  return document;
}

}  // namespace tepui
