// SPDX-License-Identifier: MIT
// tepui tokenize
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "commands.h"
#include "input/offsets.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

struct TokenizeArguments {
  std::string model;
  std::optional<std::string> text;
  std::optional<std::string> prompt;
  std::string bos = "auto";
  bool json = false;
};

// A token of the sequence; BOS stands at no place of the text.
struct ShownToken {
  TokenId id = 0;
  std::optional<TokenRange> range;
};

struct Tokenized {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string text;
  std::vector<ShownToken> tokens;
  bool has_bos = false;
};

Status add_bos(const std::string& rule, Tokenized& out) {
  if (rule == "no" || (rule == "auto" && !out.tokenizer->adds_bos())) return {};
  // As a scan does it: where there is no BOS, the EOS.
  const auto id = out.tokenizer->bos() ? out.tokenizer->bos() : out.tokenizer->eos();
  if (!id)
    return fail(ErrorKind::usage,
                "--bos yes: the tokenizer has neither a BOS nor an EOS that could stand for it");
  out.tokens.push_back({*id, std::nullopt});
  out.has_bos = true;
  return {};
}

Result<Tokenized> tokenize(const TokenizeArguments& arguments) {
  if (arguments.text.has_value() == arguments.prompt.has_value())
    return fail(ErrorKind::usage,
                "expected one of --text FILE and --prompt STRING, found {} (tepui tokenize --help "
                "tells what there is)",
                arguments.text ? "both" : "none");
  Tokenized out;
  TEPUI_TRY(out.tokenizer, load_tokenizer(arguments.model));
  if (arguments.prompt) {
    out.text = *arguments.prompt;
  } else {
    TEPUI_TRY(out.text, read_file(*arguments.text));
  }
  auto ids = out.tokenizer->encode(out.text);
  if (!ids)
    return fail(ids.error().kind, "{}: {}", arguments.text.value_or("--prompt"),
                ids.error().message);
  TEPUI_TRY(add_bos(arguments.bos, out));
  const auto ranges = token_offsets(*out.tokenizer, out.text, *ids);
  for (std::size_t i = 0; i < ids->size(); ++i) out.tokens.push_back({(*ids)[i], ranges[i]});
  return out;
}

std::string bos_rule(const Tokenizer& tokenizer) {
  if (!tokenizer.bos()) return "no BOS";
  return fmt::format(
      "BOS {} ({}) {}", quoted(tokenizer.piece(*tokenizer.bos()), terminal_letters()),
      *tokenizer.bos(), tokenizer.adds_bos() ? "before every text" : "not before a text by itself");
}

void print_table(const Tokenized& result) {
  const Tokenizer& tokenizer = *result.tokenizer;
  fmt::print("{:>7} {:>7}  {:<15} {}\n", "token", "id", "bytes", "piece");
  std::string out;
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    const ShownToken& token = result.tokens[i];
    const bool bos = result.has_bos && i == 0;
    const std::string range = token.range
                                  ? fmt::format("{}-{}", token.range->begin, token.range->end)
                              : bos ? ""
                                    : "?";
    const std::string piece = quoted(tokenizer.piece(token.id), terminal_letters());
    const std::string bytes = quoted(tokenizer.piece_bytes(token.id), terminal_letters());
    out += fmt::format("{:>7} {:>7}  {:<15} {}{}\n", i, token.id, range, piece,
                       bos              ? "  BOS"
                       : bytes == piece ? ""
                                        : "  stands for " + bytes);
    if (out.size() < 1 << 16) continue;
    std::fwrite(out.data(), 1, out.size(), stdout);
    out.clear();
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  fmt::print("\n{} tokens{} of {} bytes; {}, {} tokens in all; {}\n", result.tokens.size(),
             result.has_bos ? ", BOS included," : "", result.text.size(), tokenizer.kind(),
             tokenizer.vocabulary_size(), bos_rule(tokenizer));
}

// Written token by token: a text may have millions.
void print_json(const Tokenized& result) {
  const Tokenizer& tokenizer = *result.tokenizer;
  const auto number = [](std::optional<TokenId> id) { return id ? Json(*id) : Json(nullptr); };
  Json head;
  head["tokenizer"] = tokenizer.kind();
  head["tokenizer_fingerprint"] = tokenizer.fingerprint();
  head["vocabulary"] = tokenizer.vocabulary_size();
  head["bos"] = number(tokenizer.bos());
  head["eos"] = number(tokenizer.eos());
  head["adds_bos"] = tokenizer.adds_bos();
  head["bytes"] = result.text.size();
  std::string out = head.dump();
  out.pop_back();
  out += ",\"tokens\":[";
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    const ShownToken& token = result.tokens[i];
    Json entry;
    entry["id"] = token.id;
    entry["piece"] = valid_utf8(tokenizer.piece(token.id));
    entry["text"] = valid_utf8(tokenizer.piece_bytes(token.id));
    entry["begin"] = token.range ? Json(token.range->begin) : Json(nullptr);
    entry["end"] = token.range ? Json(token.range->end) : Json(nullptr);
    out += (i == 0 ? "\n" : ",\n") + entry.dump();
    if (out.size() < 1 << 16) continue;
    std::fwrite(out.data(), 1, out.size(), stdout);
    out.clear();
  }
  out += "\n]}\n";
  std::fwrite(out.data(), 1, out.size(), stdout);
}

Status run(const TokenizeArguments& arguments) {
  TEPUI_TRY(const Tokenized result, tokenize(arguments));
  arguments.json ? print_json(result) : print_table(result);
  return flush_output();
}

}  // namespace

void add_tokenize(CLI::App& app, int& code) {
  auto a = std::make_shared<TokenizeArguments>();
  CLI::App* command =
      app.add_subcommand("tokenize", "A text as token ids, with pieces and byte offsets");
  command
      ->add_option("MODEL", a->model,
                   "A model folder, a .gguf file, or a tokenizer file\n(tokenizer.json, "
                   "tokenizer.model, llama2.c's tokenizer.bin)")
      ->required()
      ->type_name("");
  command->add_option("--text", a->text, "A text file, tokenised as a whole")->type_name("FILE");
  command->add_option("--prompt", a->prompt, "A text on the command line")->type_name("STRING");
  command
      ->add_option("--bos", a->bos,
                   "BOS before the text: auto (the tokenizer's own rule),\nyes or no")
      ->check(one_of({"auto", "yes", "no"}))
      ->type_name("WHEN")
      ->capture_default_str();
  command->add_flag("--json", a->json, "Print one JSON document instead of the table");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
