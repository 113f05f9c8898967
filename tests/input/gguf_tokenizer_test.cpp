// SPDX-License-Identifier: MIT
// Tokenizers in GGUF metadata: the ids that the tokenizers and sentencepiece libraries give for the
// same vocabularies (tests/data/tokenizers), and llama.cpp's own vectors where they lie beside the
// tree.
#include "input/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "gguf/gguf_file.h"
#include "input/gguf_pre_tokenizers.h"
#include "input/sentencepiece_model.h"
#include "support/gguf_writer.h"
#include "support/tokenizer_cases.h"

namespace tepui::input {
namespace {

using nlohmann::json;
using test::GgufWriter;

Result<std::unique_ptr<Tokenizer>> from(const GgufWriter& writer) {
  const test::TemporaryFolder folder;
  test::write_file(folder.path() / "v.gguf", writer.content());
  return load_tokenizer(folder.path() / "v.gguf");
}

// The vocabulary of a tokenizer.json as a converter writes it: unused ids get a padding.
GgufWriter writer_for(const json& file, const std::string& kind) {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  const auto put = [&](std::size_t id, const std::string& text, std::int32_t type) {
    for (std::size_t i = tokens.size(); i <= id; ++i) {
      tokens.push_back("[PAD" + std::to_string(i) + "]");
      types.push_back(5);
    }
    tokens[id] = text;
    types[id] = type;
  };
  for (const auto& [piece, id] : file["model"]["vocab"].items())
    put(id.get<std::size_t>(), piece, 1);
  for (const json& token : file.value("added_tokens", json::array()))
    put(token["id"].get<std::size_t>(), token["content"], token.value("special", false) ? 3 : 4);
  put(tokens.size() + 2, "unused", 5);
  std::vector<std::string> merges;
  for (const json& pair : file["model"]["merges"])
    merges.push_back(pair[0].get<std::string>() + " " + pair[1].get<std::string>());
  GgufWriter writer;
  writer.text("general.architecture", "llama").text("tokenizer.ggml.model", "gpt2");
  writer.text("tokenizer.ggml.pre", kind).texts("tokenizer.ggml.tokens", tokens);
  writer.ints("tokenizer.ggml.token_type", types).texts("tokenizer.ggml.merges", merges);
  return writer;
}

TEST(GgufTokenizer, EveryKindGivesTheIdsOfItsTokenizerJson) {
  const std::vector<std::pair<const char*, const char*>> kinds = {
      {"gpt2", "gpt-2"},          {"gpt2", "phi-2"},   {"llama3", "llama-bpe"},
      {"merges_win", "dbrx"},     {"qwen2", "qwen2"},  {"qwen2", "stablelm2"},
      {"o200k", "gpt-4o"},        {"bloom", "bloom"},  {"falcon", "falcon"},
      {"neox", "olmo"},           {"neox", "mpt"},     {"starcoder", "starcoder"},
      {"command_r", "command-r"}, {"tekken", "tekken"}};
  const auto texts = test::tokenizer_case_texts();
  const auto cases = test::tokenizer_cases();
  for (const auto& [name, kind] : kinds) {
    SCOPED_TRACE(kind);
    const auto one = std::ranges::find(cases, std::string(name), &test::TokenizerCase::name);
    ASSERT_NE(one, cases.end()) << name;
    const auto tokenizer = from(writer_for(json::parse(one->tokenizer_json), kind));
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ((*tokenizer)->kind(), "byte-level BPE");
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto ids = (*tokenizer)->encode(texts[i]);
      ASSERT_TRUE(ids) << ids.error().message;
      EXPECT_EQ(*ids, one->ids[i]) << texts[i];
    }
  }
}

TEST(GgufTokenizer, SentencePieceGivesTheIdsOfItsModel) {
  const json cases = test::load_json(test::data_path("tokenizers/sentencepiece_cases.json"));
  int compared = 0;
  for (const auto& [name, ids] : cases["models"].items()) {
    const auto path = test::data_path("tokenizers/" + name);
    const auto model = parse_sentencepiece_model(test::load_bytes(path), name).value();
    if (!model.charsmap.empty()) continue;  // GGUF has no place for it
    SCOPED_TRACE(name);
    std::vector<std::string> tokens;
    std::vector<float> scores;
    std::vector<std::int32_t> types;
    for (const SentencePiece& piece : model.pieces) {
      tokens.push_back(piece.text);
      scores.push_back(piece.score);
      types.push_back(static_cast<std::int32_t>(piece.type));
    }
    GgufWriter writer;
    writer.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", tokens);
    writer.floats("tokenizer.ggml.scores", scores).ints("tokenizer.ggml.token_type", types);
    writer.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
    writer.boolean("tokenizer.ggml.add_space_prefix", model.add_dummy_prefix);
    const auto tokenizer = from(writer);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ((*tokenizer)->bos(), 1);
    EXPECT_EQ((*tokenizer)->eos(), 2);
    EXPECT_TRUE((*tokenizer)->adds_bos());
    for (std::size_t i = 0; i < cases["texts"].size(); ++i, ++compared)
      EXPECT_EQ((*tokenizer)->encode(cases["texts"][i].get<std::string>()).value(),
                ids[i].get<std::vector<TokenId>>())
          << cases["texts"][i];
  }
  EXPECT_GT(compared, 100);
}

GgufWriter small(const std::string& kind = "gpt-2") {
  GgufWriter writer;
  writer.text("general.architecture", "gpt2").text("tokenizer.ggml.model", "gpt2");
  if (!kind.empty()) writer.text("tokenizer.ggml.pre", kind);
  writer.texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<|end|>"});
  writer.ints("tokenizer.ggml.token_type", {1, 1, 1, 3});
  return writer;
}

TEST(GgufTokenizer, BosFollowsTheFileThenTheKind) {
  GgufWriter said = small();
  said.texts("tokenizer.ggml.merges", {"a b"}).u32("tokenizer.ggml.bos_token_id", 3);
  EXPECT_FALSE(from(said).value()->adds_bos());
  EXPECT_EQ(from(said).value()->bos(), 3);
  said.boolean("tokenizer.ggml.add_bos_token", true);
  EXPECT_TRUE(from(said).value()->adds_bos());
  GgufWriter llama = small("llama-bpe");
  llama.texts("tokenizer.ggml.merges", {"a b"}).u32("tokenizer.ggml.bos_token_id", 3);
  EXPECT_TRUE(from(llama).value()->adds_bos());
  llama.boolean("tokenizer.ggml.add_bos_token", false);
  EXPECT_FALSE(from(llama).value()->adds_bos());
  // Where no kind is named, the architecture tells it.
  GgufWriter old = small("");
  old.texts("tokenizer.ggml.merges", {"a b"});
  EXPECT_EQ(from(old).value()->encode("ab<|end|>a").value(), (std::vector<TokenId>{2, 3, 0}));
}

// As llama.cpp's converter of 2024 wrote Phi-3's vocabulary: <unk> a control token, and the padding
// of the table unknown.
TEST(GgufTokenizer, PaddingOfTheTableIsNotUnknown) {
  GgufWriter writer;
  writer.text("tokenizer.ggml.model", "llama");
  writer.texts("tokenizer.ggml.tokens",
               {"<unk>", "<s>", "</s>", "\u2581", "a", "b", "\u2581a", "[PAD7]", "[PAD8]"});
  writer.floats("tokenizer.ggml.scores", {0, 0, 0, -3, -4, -5, -1, -1000, -1000});
  writer.ints("tokenizer.ggml.token_type", {3, 3, 3, 1, 1, 1, 1, 2, 2});
  const auto unclear = from(writer);
  ASSERT_FALSE(unclear);
  EXPECT_NE(unclear.error().message.find("pieces 7 and 8 are both of type unknown"),
            std::string::npos);
  writer.u32("tokenizer.ggml.unknown_token_id", 0);
  const auto tokenizer = from(writer);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->encode("ab?").value(), (std::vector<TokenId>{6, 5, 0}));
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 9);
}

// DeepSeek's kinds cut at line ends, between scripts and between digits, where GPT-2's do not.
// Words that the vocabulary holds whole show where a kind cuts.
TEST(GgufTokenizer, KindsThatCutElsewhere) {
  const auto ids = [](const std::string& kind, const std::string& text) {
    GgufWriter writer;
    writer.text("general.architecture", "llama").text("tokenizer.ggml.model", "gpt2");
    writer.text("tokenizer.ggml.pre", kind);
    writer.texts("tokenizer.ggml.tokens", {"1", "2", "12", "!", "a", "!a", "123", "3"});
    writer.ints("tokenizer.ggml.token_type", {1, 1, 1, 1, 1, 1, 1, 1});
    writer.texts("tokenizer.ggml.merges", {"1 2", "! a", "12 3"});
    const auto tokenizer = from(writer);
    EXPECT_TRUE(tokenizer) << tokenizer.error().message;
    return tokenizer ? (*tokenizer)->encode(text).value() : std::vector<TokenId>();
  };
  const std::string text = "!a123";
  for (const char* kind : {"deepseek-llm", "deepseek-coder"})
    EXPECT_EQ(ids(kind, text), (std::vector<TokenId>{3, 4, 0, 1, 7})) << kind;
  EXPECT_EQ(ids("deepseek-v3", text), (std::vector<TokenId>{5, 6}));
  EXPECT_EQ(ids("gpt-2", text), (std::vector<TokenId>{3, 4, 6}));
  for (const char* kind : {"poro-chat", "gpt3-finnish"})
    EXPECT_EQ(ids(kind, "a123"), ids("bloom", "a123")) << kind;
  EXPECT_EQ(ids("poro-chat", "12312"), (std::vector<TokenId>{6, 2}));
  EXPECT_EQ(ids("viking", "12312"), (std::vector<TokenId>{0, 1, 7, 0, 1}));
}

TEST(GgufTokenizer, RefusesWhatItCannotRead) {
  const auto message = [](const GgufWriter& writer) {
    const auto tokenizer = from(writer);
    const std::string text = tokenizer ? "" : tokenizer.error().message;
    return text.substr(std::min(text.find(".gguf") + 5, text.size()));
  };
  EXPECT_EQ(message(GgufWriter()), ": no tokenizer found (expected key \"tokenizer.ggml.model\")");
  EXPECT_EQ(message(GgufWriter().text("tokenizer.ggml.model", "bert")),
            ": key \"tokenizer.ggml.model\": expected \"llama\" or \"gpt2\", found \"bert\"");
  EXPECT_EQ(message(small()), ": expected key \"tokenizer.ggml.merges\", found none");
  EXPECT_EQ(message(small("kimi-k2").texts("tokenizer.ggml.merges", {"a b"})),
            ": key \"tokenizer.ggml.pre\": the pre-tokenizer \"kimi-k2\" is not known");
  EXPECT_EQ(message(small().texts("tokenizer.ggml.merges", {"ab"})),
            ": key \"tokenizer.ggml.merges\": merge 0: expected two pieces and one space, found "
            "'ab'");
  EXPECT_EQ(message(small().u32("tokenizer.ggml.bos_token_id", 4)),
            ": key \"tokenizer.ggml.bos_token_id\": expected an id below 4, found 4");
  GgufWriter sp;
  sp.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", {"<unk>", "a"});
  EXPECT_EQ(message(sp), ": expected key \"tokenizer.ggml.scores\", found none");
  sp.floats("tokenizer.ggml.scores", {0, 0, 0});
  EXPECT_EQ(message(sp),
            ": key \"tokenizer.ggml.scores\": expected 2 values, one for each token, found 3");
}

TEST(GgufTokenizer, PublishedVectors) {
  for (const auto& [folder, name] :
       {std::pair{"gpt2", "ggml-vocab-gpt-2.gguf"}, {"llama-spm", "ggml-vocab-llama-spm.gguf"}}) {
    const auto shared = test::shared_path(std::string("data/tokenizers/") + folder);
    if (!shared) GTEST_SKIP() << "no published data";
    SCOPED_TRACE(name);
    const auto tokenizer = load_tokenizer(*shared / name);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    const auto texts = test::vector_texts(*shared / (std::string(name) + ".inp"));
    ASSERT_EQ(texts.size(), 47U);
    std::istringstream lines(test::load_bytes(*shared / (std::string(name) + ".out")));
    for (const std::string& text : texts) {
      std::string line;
      std::getline(lines, line);
      std::istringstream numbers(line);
      std::vector<TokenId> expected;
      for (TokenId id; numbers >> id;) expected.push_back(id);
      EXPECT_EQ((*tokenizer)->encode(text).value(), expected) << text;
    }
  }
}

}  // namespace
}  // namespace tepui::input
