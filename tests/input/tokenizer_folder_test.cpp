// SPDX-License-Identifier: MIT
// Which files of a folder make the tokenizer, and what its settings say of BOS and EOS.
#include <gtest/gtest.h>

#include <thread>

#include "base/utf8_text.h"
#include "input/tokenizer.h"
#include "input/tokenizer_json.h"
#include "support/tokenizer_cases.h"

namespace tepui {
namespace {

using test::TemporaryFolder;
using Json = nlohmann::json;

std::filesystem::path write(const TemporaryFolder& folder, const std::string& name,
                            const std::string& content) {
  const auto path = folder.path() / name;
  test::write_file(path, content);
  return path;
}

std::unique_ptr<Tokenizer> load(const std::filesystem::path& path) {
  auto tokenizer = load_tokenizer(path);
  EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().message);
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

std::string error_of(const std::filesystem::path& path) {
  const auto tokenizer = load_tokenizer(path);
  return tokenizer ? "no error" : tokenizer.error().message;
}

// GPT-2's pair of files from the shared byte-level model, with <|endoftext|> at the end.
void write_gpt2(const TemporaryFolder& folder) {
  Json model = test::tokenizer_case_model("byte");
  model["vocab"]["<|endoftext|>"] = model["vocab"].size();
  write(folder, "vocab.json", model["vocab"].dump());
  std::string merges = "#version: 0.2\n";
  for (const auto& pair : model["merges"])
    merges += pair[0].get<std::string>() + " " + pair[1].get<std::string>() + "\n";
  write(folder, "merges.txt", merges);
}

test::TokenizerCase case_named(const std::string& name) {
  for (auto& one : test::tokenizer_cases())
    if (one.name == name) return one;
  ADD_FAILURE() << name;
  return {};
}

TEST(TokenizerFolder, VocabAndMergesGiveGpt2sIds) {
  const TemporaryFolder folder;
  write_gpt2(folder);
  const auto tokenizer = load(folder.path());
  const auto texts = test::tokenizer_case_texts();
  const auto expected = case_named("gpt2").ids;
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(tokenizer->encode(texts[i]).value(), expected[i]) << texts[i];
  EXPECT_EQ(tokenizer->bos(), 400);
  EXPECT_EQ(tokenizer->eos(), 400);
  EXPECT_FALSE(tokenizer->adds_bos());
  EXPECT_EQ(tokenizer->encode("a<|endoftext|>").value().back(), 400);
  EXPECT_EQ(tokenizer->piece_bytes(400), "<|endoftext|>");
  EXPECT_EQ(load(folder.path() / "vocab.json")->fingerprint(), tokenizer->fingerprint());
}

TEST(TokenizerFolder, AddedTokensAndPrefixSpaceOfGpt2) {
  const TemporaryFolder folder;
  write_gpt2(folder);
  write(folder, "added_tokens.json", R"({"<|pad|>": 401})");
  write(folder, "tokenizer_config.json", R"({"add_prefix_space": true, "add_bos_token": true,
    "bos_token": {"content": "<|pad|>", "lstrip": false}, "tokenizer_class": "GPT2Tokenizer"})");
  const auto tokenizer = load(folder.path());
  EXPECT_EQ(tokenizer->bos(), 401);
  EXPECT_TRUE(tokenizer->adds_bos());
  EXPECT_EQ(tokenizer->vocabulary_size(), 402);
  EXPECT_EQ(tokenizer->encode("a<|pad|>").value().back(), 401);
  EXPECT_EQ(test::decode(*tokenizer, tokenizer->encode("a").value()), " a");
}

TEST(TokenizerFolder, SettingsDecideOverThePostProcessor) {
  const TemporaryFolder folder;
  write(folder, "tokenizer.json", case_named("llama3").tokenizer_json);
  EXPECT_TRUE(load(folder.path())->adds_bos());
  EXPECT_EQ(load(folder.path())->bos(), 403);
  EXPECT_EQ(load(folder.path())->eos(), std::nullopt);
  write(folder, "config.json", R"({"bos_token_id": 7, "eos_token_id": [404, 9]})");
  EXPECT_EQ(load(folder.path())->bos(), 403);
  EXPECT_EQ(load(folder.path())->eos(), 404);
  write(folder, "special_tokens_map.json", R"({"eos_token": {"content": "<s>"}})");
  EXPECT_EQ(load(folder.path())->eos(), 403);
  write(folder, "tokenizer_config.json", R"({"add_bos_token": false, "eos_token": "<|end|>"})");
  EXPECT_FALSE(load(folder.path())->adds_bos());
  EXPECT_EQ(load(folder.path())->eos(), 404);
  write(folder, "tokenizer_config.json", R"({"add_bos_token": "yes"})");
  EXPECT_EQ(error_of(folder.path()), (folder.path() / "tokenizer_config.json").string() +
                                         ": expected 'add_bos_token' to be true or false, found a "
                                         "string");
}

TEST(TokenizerFolder, BosByClassByConfigAndByNull) {
  const TemporaryFolder folder;
  write(folder, "tokenizer.json", case_named("llama2").tokenizer_json);
  EXPECT_FALSE(load(folder.path())->adds_bos());
  EXPECT_EQ(load(folder.path())->bos(), std::nullopt);
  write(folder, "config.json", R"({"bos_token_id": 1})");
  EXPECT_EQ(load(folder.path())->bos(), 1);
  write(folder, "tokenizer_config.json",
        R"({"tokenizer_class": "LlamaTokenizerFast", "bos_token": "</s>"})");
  EXPECT_TRUE(load(folder.path())->adds_bos());
  EXPECT_EQ(load(folder.path())->bos(), 2);
  write(folder, "tokenizer_config.json", R"({"bos_token": null})");
  EXPECT_EQ(load(folder.path())->bos(), std::nullopt);
  write(folder, "tokenizer_config.json", R"({"bos_token": null, "add_bos_token": true})");
  EXPECT_NE(error_of(folder.path()).find("no bos_token names a token"), std::string::npos);
}

TEST(TokenizerFolder, TokenizerJsonComesBeforeTokenizerModel) {
  const TemporaryFolder folder;
  const auto demo = test::data_path("demo-model");
  write(folder, "tokenizer.model", test::load_bytes(demo / "tokenizer.model"));
  EXPECT_EQ(load(folder.path())->kind(), "SentencePiece BPE");
  EXPECT_TRUE(load(folder.path())->adds_bos());
  write(folder, "tokenizer_config.json", R"({"add_bos_token": false})");
  EXPECT_FALSE(load(folder.path())->adds_bos());
  write(folder, "tokenizer.json", test::load_bytes(demo / "tokenizer.json"));
  EXPECT_EQ(load(folder.path())->kind(), "BPE with byte fallback");
}

TEST(TokenizerFolder, ErrorsNameThePlace) {
  const TemporaryFolder folder;
  EXPECT_EQ(
      error_of(folder.path()),
      folder.path().string() +
          ": no tokenizer found (expected tokenizer.json, tokenizer.model, or vocab.json with "
          "merges.txt)");
  EXPECT_NE(error_of(folder.path() / "absent").find("no such file or folder"), std::string::npos);
  const auto text = write(folder, "notes.txt", "x");
  EXPECT_NE(error_of(text).find("notes.txt: expected a tokenizer"), std::string::npos);
  write(folder, "vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
  const auto merges = write(folder, "merges.txt", "#version: 0.2\na b\na  b\n");
  EXPECT_EQ(error_of(folder.path()),
            merges.string() + ": line 3: expected two pieces and one space, found 'a  b'");
  write(folder, "merges.txt", "a b\nb a\n");
  EXPECT_NE(error_of(folder.path()).find("merge 1 ('b' + 'a') needs the token 'ba'"),
            std::string::npos);
  const auto json = write(folder, "tokenizer.json", R"({"model": )");
  EXPECT_EQ(error_of(folder.path()), json.string() + ": not valid JSON at byte 10 of 10");
}

TEST(Displayable, KeepsUtf8AndShowsEveryOtherByte) {
  EXPECT_EQ(valid_utf8(""), "");
  EXPECT_EQ(valid_utf8(" the\n"), " the\n");
  EXPECT_EQ(valid_utf8("\u65e5\u00e9\U0001f600"), "\u65e5\u00e9\U0001f600");
  EXPECT_EQ(valid_utf8("\xe6\x97"), "\\xE6\\x97");
  EXPECT_EQ(valid_utf8("a\xff\xc3\xa9\x80"), "a\\xFF\u00e9\\x80");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\\xED\\xA0\\x80");  // a surrogate
  EXPECT_EQ(valid_utf8("\xc0\xaf\xf5"), "\\xC0\\xAF\\xF5");  // overlong; too large
  EXPECT_EQ(valid_utf8(std::string_view("\0x", 2)), std::string("\0x", 2));
}

TEST(Tokenizer, ServesSeveralThreads) {
  const auto demo = test::data_path("demo-model");
  const std::string text = test::load_bytes(demo / "sample.txt");
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    const auto tokenizer = load(demo / name);
    const auto expected = tokenizer->encode(text).value();
    std::vector<std::vector<TokenId>> found(4);
    std::vector<std::thread> threads;
    for (auto& ids : found) threads.emplace_back([&] { ids = tokenizer->encode(text).value(); });
    for (auto& thread : threads) thread.join();
    for (const auto& ids : found) EXPECT_EQ(ids, expected);
  }
}

// One word of a megabyte, which the quadratic way would take hours for.
TEST(Tokenizer, AWordMayBeAsLongAsTheText) {
  const auto demo = test::data_path("demo-model");
  std::string text;
  for (std::uint32_t i = 0, state = 1; i < (1U << 20); ++i) {
    state = state * 1664525U + 1013904223U;
    text += "etaoinshr"[(state >> 16) % 9];
  }
  const auto from_json = load(demo / "tokenizer.json")->encode(text).value();
  EXPECT_EQ(from_json, load(demo / "tokenizer.model")->encode(text).value());
  EXPECT_GT(from_json.size(), text.size() / 10);
  const auto bytes = input::parse_tokenizer_json(case_named("llama3").tokenizer_json, "file", {});
  EXPECT_EQ(test::decode(**bytes, (*bytes)->encode(text).value()), text);
}

TEST(Tokenizer, BrokenUtf8NamesTheOffset) {
  const auto demo = test::data_path("demo-model");
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    const auto ids = load(demo / name)->encode("caf\xc3\xa9 \xe6\x97");
    ASSERT_FALSE(ids.has_value());
    EXPECT_EQ(ids.error().message, "text is not valid UTF-8 at byte offset 6 (byte 0xE6)");
  }
}

}  // namespace
}  // namespace tepui
