// SPDX-License-Identifier: MIT
// Study files: what they say, and where they are wrong.
#include <gtest/gtest.h>

#include "study/study_file.h"
#include "support/paths.h"

namespace tepui {
namespace {

class StudyFile : public testing::Test {
 protected:
  Result<Study> read(const std::string& text) {
    test::write_file(folder_.path() / "s.toml", text);
    return read_study(folder_.path() / "s.toml");
  }
  std::string error(const std::string& text) {
    const auto study = read(text);
    EXPECT_FALSE(study) << text;
    if (study) return "";
    EXPECT_EQ(study.error().kind, ErrorKind::usage);
    const std::string folder = folder_.path().string() + "/";
    std::string message = study.error().message;
    for (std::size_t at = message.find(folder); at != std::string::npos; at = message.find(folder))
      message.erase(at, folder.size());
    return message;
  }
  test::TemporaryFolder folder_;
};

const char* const kModelAndText =
    "[[model]]\npath = \"m/one/\"\n[[text]]\nfiles = [\"a.txt\", \"b.txt\"]\n";

TEST_F(StudyFile, HasModelsTextsAndBranches) {
  const auto study = read(
      "[study]\nsites = \"resid_post,mlp_out.1\"\nunit = 4\n"
      "[massive]\nmin_ratio = 500\ncalibrate = \"c.txt\"\nsequences = 7\n"
      "[[model]]\npath = \"m/one/\"\n"
      "[[model]]\npath = \"two.gguf\"\nname = \"second\"\ntokenizer = \"t.json\"\n"
      "[[text]]\nfiles = \"a b.txt\"\ncontext = 64\nstride = 32\nbos = \"no\"\nchunks = 3\n"
      "joiner = \"\\n\\n\"\ndocuments = \"lines\"\nspecial_tokens = true\n"
      "[[branch]]\nname = \"l{layer} c{limit}\"\nedits = "
      "[\"resid_post.{layer}:all:all=clip:{limit}\","
      "\"mlp_out.{layer}:0:all=zero\"]\nlimit = [20, 1.5]\nlayer = \"every layer\"\n"
      "[[branch]]\nname = \"r{r}\"\nedits = \"v.{r}:0:all=zero\"\nr = \"1-7:3\"\n"
      "models = [\"second\"]\n");
  ASSERT_TRUE(study) << study.error().message;
  EXPECT_EQ(study->unit, 4);
  EXPECT_EQ(study->rule.min_ratio, 500);
  EXPECT_EQ(study->rule.min_abs, 100);
  EXPECT_EQ(study->calibration.sequences, 7);
  EXPECT_EQ(study->calibration.text, std::vector{folder_.path() / "c.txt"});
  ASSERT_EQ(study->models.size(), 2U);
  EXPECT_EQ(study->models[0].name, "one");
  EXPECT_EQ(study->models[1].tokenizer, folder_.path() / "t.json");
  ASSERT_EQ(study->texts.size(), 1U);
  EXPECT_EQ(study->texts[0].name, "a_b");
  const CorpusRequest& corpus = study->texts[0].corpus;
  EXPECT_EQ(corpus.context, 64);
  EXPECT_EQ(corpus.stride, 32);
  EXPECT_EQ(corpus.pieces, 3);
  EXPECT_EQ(corpus.bos, BosRule::no);
  EXPECT_EQ(corpus.joiner, "\n\n");
  EXPECT_TRUE(corpus.line_documents && corpus.special_tokens);

  const auto first = expand_branches(*study, study->models[0], 2);
  std::vector<std::string> names;
  for (const BranchRequest& branch : first) names.push_back(branch.name);
  EXPECT_EQ(names, (std::vector<std::string>{"l0 c20", "l1 c20", "l0 c1.5", "l1 c1.5"}));
  EXPECT_EQ(first[1].edits, "resid_post.1:all:all=clip:20;mlp_out.1:0:all=zero");
  EXPECT_TRUE(first[1].option.ends_with("s.toml:25: edits")) << first[1].option;
  const auto second = expand_branches(*study, study->models[1], 2);
  ASSERT_EQ(second.size(), 7U);
  EXPECT_EQ(second[4].edits, "v.1:0:all=zero");
  EXPECT_EQ(second[6].edits, "v.7:0:all=zero");
}

TEST_F(StudyFile, SaysWhereItIsWrong) {
  const std::string base = kModelAndText;  // four lines
  EXPECT_EQ(error("[[text]]\nfiles = \"a\"\n"),
            "s.toml: expected at least one [[model]], found none");
  EXPECT_EQ(error(base + "context = 0\n"),
            "s.toml:5: context of [[text]]: expected a whole number from 1 to 1073741824, found 0");
  EXPECT_EQ(error(base + "bos = \"maybe\"\n"),
            "s.toml:5: bos of [[text]]: expected \"auto\", \"yes\" or \"no\", found \"maybe\"");
  EXPECT_NE(error(base + "contxt = 5\n").find("s.toml:5: expected one of bos, chunks, context"),
            std::string::npos);
  EXPECT_NE(error(base + "contxt = 5\n").find("in [[text]], found contxt"), std::string::npos);
  EXPECT_EQ(error(base + "[[branch]]\nname = \"a\"\n"),
            "s.toml:5: edits of [[branch]]: expected an edit or a list of edits, found nothing");
  EXPECT_EQ(error(base + "[[branch]]\nname = \"{x}\"\nedits = \"v.1:0:1=zero\"\n"),
            "s.toml:7: {x} of [[branch]]: expected a field x that says what stands for it, found "
            "none");
  EXPECT_EQ(error(base + "[[branch]]\nname = \"a\"\nedits = \"v.{x}:0:1=zero\"\nx = [1, 2]\n"),
            "s.toml:8: x of [[branch]]: expected {x} in its name, found none");
  EXPECT_NE(error(base + "[[branch]]\nname = \"{x}\"\nedits = \"v.{x}:0:1=zero\"\nx = \"7-3\"\n")
                .find("s.toml:8: x of [[branch]]: expected a list of numbers or texts, a range"),
            std::string::npos);
  EXPECT_EQ(error(base + "[[branch]]\nedits = \"v.1:0:1=zero\"\nmodels = [\"two\"]\n"),
            "s.toml:7: models of [[branch]]: expected names of models of this study, found [two]");
  EXPECT_EQ(error(base + "[[model]]\npath = \"x/one\"\n"),
            "s.toml:5: name of [[model]]: expected another name (\"one\" is taken), found nothing");
  EXPECT_EQ(error(base + "[study]\nprotocol = \"sun\"\n"),
            "s.toml:6: protocol of [study]: expected sun2024 or owen2025, found \"sun\"");
  EXPECT_EQ(error(base + "[study]\nprotocol = \"sun2024\"\n[[branch]]\nedits = \"v.1:0:1=zero\"\n"),
            "s.toml:8: expected no [[branch]] beside a protocol, which has its own");
  EXPECT_EQ(error("study = 3\n" + base),
            "s.toml:1: study of the study: expected a table: [study], "
            "found 3");
  EXPECT_EQ(error("[model]\npath = \"a\"\n").substr(0, 50),
            "s.toml:1: model of the study: expected tables: [[m");
  EXPECT_EQ(error("[[model]]\npath = \n").substr(0, 9), "s.toml:2:");
  EXPECT_EQ(error(std::string("[[model]]\npath = \"a\"\nname\xFF = 1\n")).substr(0, 9),
            "s.toml:3:");
  EXPECT_FALSE(read_study(folder_.path() / "none.toml"));
}

}  // namespace
}  // namespace tepui
