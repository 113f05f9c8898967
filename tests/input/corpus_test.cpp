// SPDX-License-Identifier: MIT
// How texts and lists of ids become sequences. Tokens here are single characters, so that every cut
// can be read off.
#include <gtest/gtest.h>

#include "input/corpus.h"
#include "support/paths.h"

namespace tepui {
namespace {

// One token per byte, its code the id; BOS 1 and EOS 2 where the test wants them.
class ByteTokenizer final : public Tokenizer {
 public:
  Result<std::vector<TokenId>> encode(std::string_view text) const override {
    if (text.find('!') != std::string_view::npos)
      return fail(ErrorKind::data, "text is not valid at byte offset {}", text.find('!'));
    std::vector<TokenId> ids;
    for (const char c : text)
      if (c != '~') ids.push_back(static_cast<unsigned char>(c));  // '~' gives no token
    return ids;
  }
  int vocabulary_size() const override { return 256; }
  std::string piece(TokenId id) const override { return std::string(1, static_cast<char>(id)); }
  std::string piece_bytes(TokenId id) const override { return piece(id); }
  std::optional<TokenId> bos() const override { return bos_; }
  std::optional<TokenId> eos() const override { return eos_; }
  bool adds_bos() const override { return adds_bos_; }
  std::string kind() const override { return "bytes"; }
  std::string fingerprint() const override { return "bytes"; }

  std::optional<TokenId> bos_ = 1;
  std::optional<TokenId> eos_ = 2;
  bool adds_bos_ = true;
};

class CorpusTest : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const std::string& content) {
    test::write_file(folder_.path() / name, content);
    return folder_.path() / name;
  }
  CorpusRequest text(const std::vector<std::string>& contents, int context) {
    CorpusRequest request;
    request.context = context;
    for (std::size_t i = 0; i < contents.size(); ++i)
      request.texts.push_back(
          file(std::string(1, static_cast<char>('a' + i)) + ".txt", contents[i]));
    return request;
  }
  CorpusRequest ids(const std::string& content) {
    CorpusRequest request;
    request.ids = file("ids.json", content);
    return request;
  }
  // "^abc|^def": the sequences, BOS as ^ and EOS as $.
  std::string cut(const CorpusRequest& request) {
    const auto corpus = load_corpus(request, &tokenizer_);
    if (!corpus) return "error: " + corpus.error().message;
    std::string out;
    for (const CorpusSequence& sequence : corpus->sequences) {
      out += out.empty() ? "" : "|";
      for (const TokenId id : sequence.ids)
        out += id == 1 ? '^' : id == 2 ? '$' : static_cast<char>(id);
    }
    return out;
  }
  test::TemporaryFolder folder_;
  ByteTokenizer tokenizer_;
};

TEST_F(CorpusTest, PiecesOfContextTokensBosIncluded) {
  EXPECT_EQ(cut(text({"abcdef"}, 4)), "^abc|^def");
  EXPECT_EQ(cut(text({"abcdef"}, 3)), "^ab|^cd|^ef");
  EXPECT_EQ(cut(text({"abcdef"}, 2)), "^a|^b|^c|^d|^e|^f");
}

TEST_F(CorpusTest, ALastShortPieceIsDroppedUnlessItIsTheOnlyOne) {
  EXPECT_EQ(cut(text({"abcdefgh"}, 4)), "^abc|^def");
  EXPECT_EQ(cut(text({"abcdefghi"}, 4)), "^abc|^def|^ghi");
  EXPECT_EQ(cut(text({"ab"}, 4)), "^ab");
  EXPECT_EQ(cut(text({"abc"}, 4)), "^abc");
  EXPECT_EQ(cut(text({"abcd"}, 4)), "^abc");
}

TEST_F(CorpusTest, EachFileIsCutOnItsOwn) {
  EXPECT_EQ(cut(text({"abcde", "xy", "uvw"}, 4)), "^abc|^xy|^uvw");
  const auto corpus = load_corpus(text({"abcdef", "xy"}, 4), &tokenizer_);
  ASSERT_TRUE(corpus);
  ASSERT_EQ(corpus->sequences.size(), 3U);
  EXPECT_EQ(corpus->sequences[1].source, (folder_.path() / "a.txt").string());
  EXPECT_EQ(corpus->sequences[1].first_token, 3);
  EXPECT_EQ(corpus->sequences[2].source, (folder_.path() / "b.txt").string());
  EXPECT_EQ(corpus->sequences[2].first_token, 0);
  EXPECT_TRUE(corpus->sequences[2].has_bos);
  EXPECT_EQ(corpus->tokens(), 4 + 4 + 3);
}

TEST_F(CorpusTest, AtMostSoManySequences) {
  CorpusRequest request = text({"abcdef", "xyz"}, 4);
  request.sequences = 2;
  EXPECT_EQ(cut(request), "^abc|^def");
  request.sequences = 9;
  EXPECT_EQ(cut(request), "^abc|^def|^xyz");
}

TEST_F(CorpusTest, BosFollowsTheRule) {
  CorpusRequest request = text({"abcdef"}, 3);
  request.bos = BosRule::no;
  EXPECT_EQ(cut(request), "abc|def");
  tokenizer_.adds_bos_ = false;
  EXPECT_EQ(cut(request), "abc|def");
  request.bos = BosRule::automatic;
  EXPECT_EQ(cut(request), "abc|def");
  EXPECT_FALSE(load_corpus(request, &tokenizer_)->sequences[0].has_bos);
  request.bos = BosRule::yes;
  EXPECT_EQ(cut(request), "^ab|^cd|^ef");
}

TEST_F(CorpusTest, WhereThereIsNoBosEosTakesItsPlace) {
  CorpusRequest request = text({"abcd"}, 3);
  request.bos = BosRule::yes;
  tokenizer_.bos_.reset();
  EXPECT_EQ(cut(request), "$ab|$cd");
  tokenizer_.eos_.reset();
  EXPECT_NE(cut(request).find("--bos yes: expected a tokenizer with a BOS or an EOS token"),
            std::string::npos);
  request.bos = BosRule::no;
  EXPECT_EQ(cut(request), "abc");
}

TEST_F(CorpusTest, APieceMustHaveRoomForAToken) {
  const auto corpus = load_corpus(text({"abcd"}, 1), &tokenizer_);
  ASSERT_FALSE(corpus);
  EXPECT_EQ(corpus.error().kind, ErrorKind::usage);
  CorpusRequest request = text({"abc"}, 1);
  request.bos = BosRule::no;
  EXPECT_EQ(cut(request), "a|b|c");
}

TEST_F(CorpusTest, APromptIsOneSequenceWhateverItsLength) {
  CorpusRequest request;
  request.context = 3;
  request.prompt = "a longer prompt";
  EXPECT_EQ(cut(request), "^a longer prompt");
  request.prompt = "";
  EXPECT_NE(cut(request).find("--prompt: expected a text"), std::string::npos);
  request.prompt = "oh!";
  EXPECT_NE(cut(request).find("--prompt: text is not valid at byte offset 2"), std::string::npos);
}

TEST_F(CorpusTest, TextsThatAreNone) {
  const auto error = [&](const std::string& content) { return cut(text({content}, 4)); };
  EXPECT_NE(error("").find("a.txt: expected a text, found an empty file"), std::string::npos);
  EXPECT_NE(error("~~").find("a.txt: expected a text, found one that gives no token"),
            std::string::npos);
  EXPECT_NE(error("ab!").find("a.txt: text is not valid at byte offset 2"), std::string::npos);
  CorpusRequest request;
  request.context = 4;
  request.texts = {folder_.path() / "missing.txt"};
  EXPECT_NE(cut(request).find("missing.txt: cannot be opened"), std::string::npos);
}

TEST_F(CorpusTest, ListsOfIdsAreTakenAsTheyAre) {
  const auto corpus = load_corpus(ids("[[5, 6, 7], [8], [1, 1]]"), nullptr);
  ASSERT_TRUE(corpus) << corpus.error().message;
  ASSERT_EQ(corpus->sequences.size(), 3U);
  EXPECT_EQ(corpus->sequences[0].ids, (std::vector<TokenId>{5, 6, 7}));
  EXPECT_EQ(corpus->sequences[2].ids, (std::vector<TokenId>{1, 1}));
  EXPECT_FALSE(corpus->sequences[2].has_bos);
  EXPECT_EQ(corpus->sequences[1].source, (folder_.path() / "ids.json#1").string());
  CorpusRequest request = ids("[[65, 66], [67]]");
  request.sequences = 1;
  request.bos = BosRule::yes;
  EXPECT_EQ(cut(request), "AB");
}

TEST_F(CorpusTest, ListsOfIdsThatAreNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not valid JSON at byte 0"},
      {"[[1,]]", "not valid JSON at byte 4"},
      {"{\"a\": 1}", "found an object"},
      {"[]", "found an empty list"},
      {"7", "found 7"},
      {"[3]", "list 0: expected a list of token ids, found 3"},
      {"[[1], {}]", "list 1: expected a list of token ids, found an object"},
      {"[[1, [2]]]", "list 0, position 1: expected a token id, found a list"},
      {"[[1, -2]]", "list 0, position 1: expected a token id, found -2"},
      {"[[1, 2147483648]]", "found 2147483648"},
      {"[[9223372036854775808]]", "found 9223372036854775808"},
      {"[[1.0]]", "found 1.0"},
      {"[[true]]", "found true"},
      {"[[null]]", "found null"},
  };
  for (const auto& [content, part] : cases) {
    const std::string error = cut(ids(content));
    EXPECT_NE(error.find("ids.json: "), std::string::npos) << error;
    EXPECT_NE(error.find(part), std::string::npos) << content << " gives " << error;
  }
}

// Pieces that overlap: each token is scored once, where it has most before it.
TEST_F(CorpusTest, AStrideScoresEachTokenOnce) {
  CorpusRequest request = text({"abcdefgh"}, 5);
  request.stride = 2;
  EXPECT_EQ(cut(request), "^abcd|^cdef|^efgh");
  const auto scored = [&] {
    std::string text;
    const auto corpus = load_corpus(request, &tokenizer_).value();
    for (const CorpusSequence& s : corpus.sequences)
      for (std::size_t i = static_cast<std::size_t>(s.first_scored); i < s.ids.size(); ++i)
        text += static_cast<char>(s.ids[i]);
    return text;
  };
  EXPECT_EQ(scored(), "abcdefgh");
  request.bos = BosRule::no;
  request.context = 4;
  EXPECT_EQ(cut(request), "abcd|cdef|efgh");
  EXPECT_EQ(scored(), "bcdefgh");  // nothing stands before the first
  request.stride = 5;
  EXPECT_NE(cut(request).find("--stride 5: expected at most 4"), std::string::npos);
}

TEST_F(CorpusTest, AtMostSoManyPiecesOfEachText) {
  CorpusRequest request = text({"abcdef", "ghijkl"}, 3);
  request.pieces = 2;
  EXPECT_EQ(cut(request), "^ab|^cd|^gh|^ij");
  request.sequences = 3;
  EXPECT_EQ(cut(request), "^ab|^cd|^gh");
}

TEST_F(CorpusTest, DocumentsJoinedToOneText) {
  CorpusRequest request = text({"ab", "cd"}, 100);
  request.joiner = "--";
  EXPECT_EQ(cut(request), "^ab--cd");
  const auto corpus = load_corpus(request, &tokenizer_).value();
  EXPECT_NE(corpus.sequences.front().source.find("a.txt+"), std::string::npos);
  request = text({"a\n \nb", "c\n"}, 100);
  request.joiner = "+";
  request.line_documents = true;
  EXPECT_EQ(cut(request), "^a\n++b+c\n");
}

TEST_F(CorpusTest, SpecialTokensStandAtTheBeginningOfTheText) {
  CorpusRequest request = text({"abcde"}, 3);
  request.bos = BosRule::no;
  request.special_tokens = true;
  EXPECT_EQ(cut(request), "^ab|cde");
  tokenizer_.adds_bos_ = false;
  EXPECT_EQ(cut(request), "abc");
}

TEST_F(CorpusTest, ATextNeedsATokenizer) {
  const auto corpus = load_corpus(text({"abc"}, 4), nullptr);
  ASSERT_FALSE(corpus);
  EXPECT_NE(corpus.error().message.find("--tokenizer"), std::string::npos);
}

TEST_F(CorpusTest, TheFingerprintTellsInputsApart) {
  const auto of = [&](const CorpusRequest& request) {
    return load_corpus(request, &tokenizer_).value().fingerprint;
  };
  const std::string base = of(text({"abcdef"}, 4));
  EXPECT_EQ(of(text({"abcdef"}, 4)), base);
  EXPECT_NE(of(text({"abcdeg"}, 4)), base);
  EXPECT_NE(of(text({"abcdef"}, 3)), base);
  EXPECT_NE(of(text({"abc", "def"}, 4)), base);
  EXPECT_EQ(of(text({"abcdefg"}, 4)), base);  // the dropped end is not part of the input
}

}  // namespace
}  // namespace tepui
