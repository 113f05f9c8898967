// SPDX-License-Identifier: MIT
// Scans as a user runs them: every kind of input, the JSON document, the folder of the results, and
// what the other commands make of it.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/mapped_file.h"
#include "store/reader.h"
#include "support/cli_inputs.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::kDemo;
using test::kSample;
using test::ProgramResult;
using test::ProgramRun;
using test::TemporaryFolder;

class Scan : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    return test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
  }
  ProgramResult good(std::vector<std::string> arguments) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, 0) << result.err;
    return result;
  }
  // The one scan folder that stands in the working directory.
  std::filesystem::path only_folder() {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.is_directory()) found.push_back(entry.path());
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? "" : found.front();
  }
  TemporaryFolder folder_;
};

using Names = std::set<std::string>;

Names keys(const json& object) {
  Names names;
  for (const auto& item : object.items()) names.insert(item.key());
  return names;
}

// The part of the table that does not tell how long the run took.
std::string without_last_line(const std::string& text) {
  return text.substr(0, text.rfind("\nStored in"));
}

TEST_F(Scan, TheBundledModelOnItsSampleFindsWhatTheReferenceFound) {
  const ProgramResult table = good({"scan", kDemo, "--text", kSample});
  EXPECT_EQ(table.err, "");  // no progress bar in a pipe
  EXPECT_EQ(table.out.find('\r'), std::string::npos);
  for (const char* part : {"resid_post", "Massive activations in resid_post: layers 1 to 6",
                           "channel 119", "first token", "Stored in tepui-scan-demo-model-sample-"})
    EXPECT_NE(table.out.find(part), std::string::npos) << part << "\n" << table.out;
  EXPECT_EQ(table.out.find("\n\n\n"), std::string::npos);
  EXPECT_EQ(only_folder().filename().string().find("tepui-scan-demo-model-sample-"), 0U);

  const ProgramResult again = good({"scan", kDemo, "--text", kSample});
  EXPECT_NE(again.out.find("nothing had to be computed"), std::string::npos) << again.out;
  EXPECT_EQ(without_last_line(again.out), without_last_line(table.out));

  const json document = json::parse(good({"scan", kDemo, "--text", kSample, "--json"}).out);
  const json reference = json::parse(read_file(data_path("demo-model/reference.json")).value());
  ASSERT_EQ(document["layers"].size(), reference["layers"].size());
  for (std::size_t l = 0; l < reference["layers"].size(); ++l) {
    const json& found = document["layers"][l];
    const json& expected = reference["layers"][l];
    EXPECT_NEAR(found["median"].get<double>() / expected["median"].get<double>(), 1, 1e-4);
    for (std::size_t k = 0; k < 3; ++k)
      EXPECT_NEAR(found["top_mean"][k].get<double>() / expected["top_mean"][k].get<double>(), 1,
                  1e-4);
    EXPECT_EQ(found["top"][0]["channel"], expected["top"][0]["channel"]);
  }
  only_folder();
}

TEST_F(Scan, TheJsonDocumentHasTheDocumentedShape) {
  const json document =
      json::parse(good({"scan", kDemo, "--text", kSample, "--sequences", "2", "--top", "3",
                        "--sites", "embeddings,resid_post,final_norm", "--json", "--out", "s"})
                      .out);
  EXPECT_EQ(keys(document), (Names{"tepui",      "model",
                                   "model_path", "model_fingerprint",
                                   "tokenizer",  "tokenizer_fingerprint",
                                   "text",       "text_fingerprint",
                                   "backend",    "device",
                                   "detail",     "options",
                                   "sequences",  "rule",
                                   "layers",     "massive",
                                   "constancy",  "incomplete",
                                   "errors",     "finding"}));
  EXPECT_EQ(document["model"], "demo-model");
  EXPECT_EQ(document["text"], kSample);
  EXPECT_EQ(document["backend"], "cpu");
  EXPECT_EQ(document["sequences"], json({{"total", 2}, {"scanned", 2}, {"tokens", 512}}));
  ASSERT_EQ(document["layers"].size(), 10U);
  EXPECT_EQ(document["layers"][0]["layer"], nullptr);
  EXPECT_EQ(document["layers"][0]["site"], "embeddings");
  EXPECT_EQ(document["layers"][1]["layer"], 0);
  for (const json& layer : document["layers"]) {
    EXPECT_EQ(keys(layer), (Names{"layer", "site", "median", "top_mean", "top", "quantiles",
                                  "massive_sequences"}));
    ASSERT_EQ(layer["top_mean"].size(), 3U);
    ASSERT_EQ(layer["top"].size(), 3U);
    for (const json& top : layer["top"]) {
      EXPECT_EQ(keys(top),
                (Names{"value", "sequence", "position", "token_id", "token", "piece", "channel"}));
    }
  }
  ASSERT_FALSE(document["massive"].empty());
  for (const json& entry : document["massive"]) {
    EXPECT_EQ(keys(entry), (Names{"layer", "site", "sequence", "position", "channel", "value",
                                  "ratio", "token_id", "token", "piece"}));
    EXPECT_GT(std::abs(entry["value"].get<double>()), 100);
    EXPECT_GT(entry["ratio"].get<double>(), 1000);
  }
  ASSERT_FALSE(document["constancy"].empty());
  for (const json& entry : document["constancy"]) {
    EXPECT_EQ(keys(entry), (Names{"layer", "site", "channel", "token_class", "count", "sequences",
                                  "mean", "deviation", "ratio", "tokens"}));
    EXPECT_EQ(keys(entry["tokens"][0]), (Names{"token_id", "token", "piece", "count"}));
  }
}

TEST_F(Scan, ValuesInTheJsonDocumentReadBackToTheSameFloat) {
  const json document = json::parse(
      good({"scan", kDemo, "--text", kSample, "--sequences", "3", "--json", "--out", "s"}).out);
  auto store = StoreReader::open(folder_.path() / "s");
  ASSERT_TRUE(store) << store.error().message;
  int compared = 0;
  for (const json& layer : document["layers"]) {
    for (const json& top : layer["top"]) {
      const auto rows = store->observations(top["sequence"].get<int>(),
                                            {layer["layer"].get<int>(), Site::resid_post}, "top_k");
      ASSERT_TRUE(rows);
      for (const ObservationRow& row : *rows) {
        if (row.position != top["position"] || row.channel != top["channel"]) continue;
        EXPECT_EQ(static_cast<float>(top["value"].get<double>()), row.value);
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, 8 * 5);
}

TEST_F(Scan, PromptsOfAllKinds) {
  const std::string prompts[] = {"Summer is warm. Winter is cold.",
                                 "x",
                                 "\n\n\t ",
                                 "two\nlines, a \"quote\" and 'one more'",
                                 "\xF0\x9F\x98\x80 emoji \xE4\xB8\xAD",
                                 "--not-an-option",
                                 "[1,2]"};
  for (const std::string& prompt : prompts) {
    SCOPED_TRACE(prompt);
    const json document = json::parse(good({"scan", kDemo, "--prompt=" + prompt, "--json"}).out);
    EXPECT_EQ(document["text"], "prompt");
    EXPECT_EQ(document["sequences"]["total"], 1);
    EXPECT_EQ(document["layers"].size(), 8U);
  }
}

TEST_F(Scan, SequencesOfOneTokenWork) {
  test::write_file(folder_.path() / "ids.json", "[[1],[7],[2047]]");
  const json document = json::parse(good({"scan", kDemo, "--ids", "ids.json", "--json"}).out);
  EXPECT_EQ(document["sequences"], json({{"total", 3}, {"scanned", 3}, {"tokens", 3}}));
  EXPECT_EQ(document["text"], "ids.json");
  good({"scan", kDemo, "--prompt", "x", "--bos", "no"});
}

TEST_F(Scan, SeveralFilesWithSpacesAndSignsInTheirNames) {
  test::write_file(folder_.path() / "a b.txt", "A short text.");
  test::write_file(folder_.path() / "c#1, d.txt", "Another one, as short.");
  const json document =
      json::parse(good({"scan", kDemo, "--text", "./a b.txt", "c#1, d.txt", "--json"}).out);
  EXPECT_EQ(document["text"], "a b.txt, c#1, d.txt");
  EXPECT_EQ(document["sequences"]["total"], 2);
  EXPECT_EQ(only_folder().filename().string().find("tepui-scan-demo-model-a_b-"), 0U);
}

TEST_F(Scan, TheTextMayStandBeforeTheModel) {
  good({"scan", "--sequences", "1", "--text", kSample, "--sites", "final_norm", kDemo});
}

TEST_F(Scan, EverySiteOfEachArchitectureWithoutATokenizer) {
  test::write_file(folder_.path() / "ids.json", "[[1, 2, 3], [4, 5]]");
  for (const std::string name : {"gpt2-new", "llama-gqa-tied-bf16"}) {
    const std::string model = data_path("golden/" + name).string();
    const ProgramResult result =
        good({"scan", model, "--ids", "ids.json", "--sites", "all", "--json"});
    EXPECT_EQ(test::line_count(result.err), 1U) << result.err;
    EXPECT_NE(result.err.find("tokens are shown by their ids"), std::string::npos) << result.err;
    const json document = json::parse(result.out);
    EXPECT_GT(document["layers"].size(), 20U);
    EXPECT_EQ(document["layers"][0]["top"][0]["token"].get<std::string>().find("<id "), 0U);
    good({"scan", model, "--ids", "ids.json", "--sites", "all"});
  }
}

TEST_F(Scan, ALlama2cCheckpointWithItsTokenizer) {
  const auto shared = test::shared_path("data/stories260K");
  if (!shared) GTEST_SKIP() << "no published data";
  const std::string model = (*shared / "stories260K.bin").string();
  const std::string tokenizer = (*shared / "tok512.bin").string();
  const json document = json::parse(
      good({"scan", model, "--prompt", "Once upon a time", "--tokenizer", tokenizer, "--json"})
          .out);
  EXPECT_EQ(document["layers"][0]["top"].size(), 5U);
  const ProgramResult without = run({"scan", model, "--prompt", "Once upon a time"});
  EXPECT_EQ(without.code, 1);
  EXPECT_NE(without.err.find("--tokenizer"), std::string::npos) << without.err;
}

TEST_F(Scan, MassiveShowsTheSameScanByOtherThresholds) {
  good({"scan", kDemo, "--text", kSample, "--sequences", "2", "--out", "s"});
  const json usual = json::parse(good({"massive", "s", "--json"}).out);
  const json more = json::parse(good({"massive", "s", "--min-ratio", "500", "--json"}).out);
  const json none = json::parse(good({"massive", "s", "--min-abs", "10000", "--json"}).out);
  EXPECT_GT(usual["massive"].size(), 0U);
  EXPECT_GT(more["massive"].size(), usual["massive"].size());
  EXPECT_EQ(none["massive"].size(), 0U);
  EXPECT_EQ(more["rule"], json({{"min_abs", 100.0}, {"min_ratio", 500.0}}));
  const std::string table = good({"massive", "s", "--min-abs", "10000"}).out;
  EXPECT_NE(table.find("No activation of resid_post is massive"), std::string::npos) << table;
  // Without thresholds of its own it takes those of the last command.
  good({"scan", kDemo, "--text", kSample, "--sequences", "2", "--out", "s", "--min-ratio", "500"});
  EXPECT_EQ(json::parse(good({"massive", "s", "--json"}).out)["massive"], more["massive"]);
}

TEST_F(Scan, ExportWritesEveryTable) {
  good({"scan", kDemo, "--prompt", "Some words.", "--out", "s"});
  const ProgramResult csv = good({"export", "s"});
  EXPECT_EQ(csv.out,
            "s/export/sequences.csv\ns/export/vocabulary.csv\ns/export/observations.csv\n"
            "s/export/series.csv\ns/export/runs.csv\ns/export/layers.csv\ns/export/massive.csv\n"
            "s/export/constancy.csv\ns/export/tokens.csv\n");
  good({"export", "s", "--format", "jsonl", "--out", "lines"});
  const std::string rows = read_file(folder_.path() / "lines/observations.jsonl").value();
  EXPECT_GT(test::line_count(rows), 8U * 5U);
  std::istringstream lines(rows);
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(json::parse(line).is_object());
  const ProgramResult one = good({"export", "s", "--table", "observations", "--out", "-"});
  EXPECT_EQ(one.out, read_file(folder_.path() / "s/export/observations.csv").value());
  const ProgramResult two = run({"export", "s", "--out", "-"});
  EXPECT_EQ(two.code, 2);
  EXPECT_NE(two.err.find("--table"), std::string::npos);
}

TEST_F(Scan, OtherOptionsIntoTheSameFolderAreRefused) {
  good({"scan", kDemo, "--prompt", "Some words.", "--out", "s"});
  struct Case {
    std::vector<std::string> arguments;
    std::string named;
  };
  const Case cases[] = {{{"--prompt", "Other words."}, "text"},
                        {{"--prompt", "Some words.", "--top", "99"}, "top = "},
                        {{"--prompt", "Some words.", "--sites", "z"}, "sites"},
                        {{"--text", kSample}, "sample.txt"},
                        {{"--prompt", "Some words.", "--backend", "reference"}, "backend"}};
  for (const Case& c : cases) {
    std::vector<std::string> arguments = {"scan", kDemo, "--out", "s"};
    arguments.insert(arguments.end(), c.arguments.begin(), c.arguments.end());
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(test::line_count(result.err), 1U) << result.err;
    EXPECT_NE(result.err.find(c.named), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("choose another --out"), std::string::npos) << result.err;
  }
  // How the work is done may change.
  good({"scan", kDemo, "--prompt", "Some words.", "--out", "s", "--threads", "1", "--wave", "1",
        "--memory", "1MB"});
}

TEST_F(Scan, LayersAreOfTheSitesThatNameNone) {
  test::write_file(folder_.path() / "ids.json", "[[1, 2, 3]]");
  const json found =
      json::parse(good({"scan", kDemo, "--ids", "ids.json", "--site",
                        "embeddings,resid_post,attn_out.1", "--layers", "3,5-6", "--json"})
                      .out);
  std::set<std::string> places;
  for (const json& layer : found["layers"])
    places.insert(layer["site"].get<std::string>() + " " + layer["layer"].dump());
  EXPECT_EQ(places, (std::set<std::string>{"embeddings null", "resid_post 3", "resid_post 5",
                                           "resid_post 6", "attn_out 1"}));
  const ProgramResult behind = run({"scan", kDemo, "--ids", "ids.json", "--layers", "9"});
  EXPECT_EQ(behind.code, 2);
  EXPECT_EQ(behind.err, "tepui: --layers 9: layers must lie within 0-7\n");
}

}  // namespace
}  // namespace tepui
