// SPDX-License-Identifier: MIT
// --memory is kept, as the system counts it, on a model whose weights are several times as large;
// and --dry-run says beforehand how.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::ordered_json;
using test::ProgramResult;
using test::TemporaryFolder;

constexpr std::int64_t kWidth = 2048;
constexpr std::int64_t kHidden = 5632;
constexpr std::int64_t kVocabulary = 8000;
constexpr std::uint64_t kBudget = std::uint64_t{700} << 20;
constexpr int kLayers = 6;  // of 46 million weights each, 176 MiB packed as f32

// A LLaMA whose weights are holes: zeros that take no room on disk.
void write_sparse_model(const std::filesystem::path& folder) {
  ordered_json header;
  std::uint64_t end = 0;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    std::uint64_t bytes = 4;
    for (const std::int64_t size : shape) bytes *= static_cast<std::uint64_t>(size);
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  };
  add("lm_head.weight", {kVocabulary, kWidth});
  add("model.embed_tokens.weight", {kVocabulary, kWidth});
  add("model.norm.weight", {kWidth});
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    for (const char* name : {"input_layernorm", "post_attention_layernorm"})
      add(prefix + name + ".weight", {kWidth});
    for (const char* name : {"q_proj", "o_proj"})
      add(prefix + "self_attn." + name + ".weight", {kWidth, kWidth});
    for (const char* name : {"k_proj", "v_proj"})
      add(prefix + "self_attn." + name + ".weight", {kWidth / 4, kWidth});
    for (const char* name : {"gate_proj", "up_proj"})
      add(prefix + "mlp." + name + ".weight", {kHidden, kWidth});
    add(prefix + "mlp.down_proj.weight", {kWidth, kHidden});
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  file += text;
  const auto path = folder / "model.safetensors";
  test::write_file(path, file);
  std::filesystem::resize_file(path, file.size() + end);
  test::write_file(folder / "config.json", ordered_json({{"model_type", "llama"},
                                                         {"hidden_size", kWidth},
                                                         {"intermediate_size", kHidden},
                                                         {"num_hidden_layers", kLayers},
                                                         {"num_attention_heads", 16},
                                                         {"num_key_value_heads", 4},
                                                         {"vocab_size", kVocabulary},
                                                         {"max_position_embeddings", 512},
                                                         {"rms_norm_eps", 1e-5},
                                                         {"tie_word_embeddings", false}})
                                               .dump());
  test::write_file(folder / "ids.json", "[[1,2,3,4,5,6,7,8],[9,10,11,12,13,14,15,16]]");
}

class MemoryKept : public testing::Test {
 protected:
  void SetUp() override { write_sparse_model(folder_.path()); }

  ProgramResult run(const std::string& command, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {command, ".", "--ids", "ids.json", "--out", command};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_program({arguments, folder_.path(), {}, 0, ""});
  }

  // "..., at most 312 MiB of memory"
  static int peak(const ProgramResult& result) {
    const std::string before = "at most ";
    const std::size_t at = result.out.rfind(before);
    EXPECT_NE(at, std::string::npos) << result.out << result.err;
    return at == std::string::npos ? 0 : std::stoi(result.out.substr(at + before.size()));
  }

  TemporaryFolder folder_;
};

TEST_F(MemoryKept, TheBudgetIsKept) {
  // All layers take 1060 MiB packed.
  const ProgramResult scan = run("scan", {"--memory", "700MiB"});
  ASSERT_EQ(scan.code, 0) << scan.err;
  EXPECT_LE(peak(scan), 700) << scan.out;
  EXPECT_GT(peak(scan), 200);
  std::vector<std::string> edits = {"--memory", "700MiB"};
  for (int layer = 0; layer < kLayers; ++layer) {
    edits.emplace_back("--edit");
    edits.push_back("resid_post." + std::to_string(layer) + ":all:all=const:1");
  }
  const ProgramResult intervene = run("intervene", edits);
  ASSERT_EQ(intervene.code, 0) << intervene.err;
  EXPECT_LE(peak(intervene), 700) << intervene.out;
}

TEST_F(MemoryKept, EveryCommandKeepsIt) {
  const auto within = [](const ProgramResult& result) {
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_LE(result.peak_bytes, kBudget) << result.out;
    EXPECT_GT(result.peak_bytes, kBudget / 4);
  };
  const ProgramResult capture = run("capture", {"--memory", "700MiB", "--site", "mlp_act"});
  within(capture);
  within(run("perplexity", {"--memory", "700MiB"}));
  within(run("attention", {"--memory", "700MiB"}));
  within(run("origin", {"--memory", "700MiB"}));
  std::vector<std::string> generate = {"generate",     ".",      "--ids",  "ids.json",
                                       "--memory",     "700MiB", "--edit", "resid_post.2:0:1=zero",
                                       "--max-tokens", "2"};
  const ProgramResult texts = test::run_program({generate, folder_.path(), {}, 0, ""});
  within(texts);
  EXPECT_NE(texts.err.find("all weights are read anew for every token"), std::string::npos)
      << texts.err;
  generate[5] = "300MiB";
  const ProgramResult refused = test::run_program({generate, folder_.path(), {}, 0, ""});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("--memory 300 MiB: expected at least "), std::string::npos)
      << refused.err;
  EXPECT_NE(refused.err.find("keys, values and logits"), std::string::npos) << refused.err;
}

TEST_F(MemoryKept, TooLittleIsAnErrorThatNamesTheLeast) {
  const ProgramResult little = run("scan", {"--memory", "100MiB"});
  EXPECT_EQ(little.code, 2);
  const std::string before = "--memory 100 MiB: expected at least ";
  const std::size_t at = little.err.find(before);
  ASSERT_NE(at, std::string::npos) << little.err;
  const int least = std::stoi(little.err.substr(at + before.size()));
  EXPECT_GT(least, 200);
  EXPECT_LT(least, 600);
  // What the program has at that moment differs a little from run to run.
  const ProgramResult enough = run("scan", {"--memory", std::to_string(least + 8) + "MiB"});
  ASSERT_EQ(enough.code, 0) << enough.err;
  EXPECT_LE(peak(enough), least + 8);
}

// Before anything is computed, by commands of several passes as by others.
TEST_F(MemoryKept, TooLittleIsAnErrorOfCommandsWithAPassBefore) {
  for (const char* command : {"attention", "origin"}) {
    const ProgramResult little = run(command, {"--memory", "20MB"});
    EXPECT_EQ(little.code, 2);
    EXPECT_EQ(little.out, "");
    EXPECT_NE(little.err.find("--memory 19 MiB: expected at least "), std::string::npos)
        << little.err;
  }
}

TEST_F(MemoryKept, ADryRunTellsThePlanAndRunsNothing) {
  const ProgramResult plan =
      run("intervene", {"--memory", "700MiB", "--edit", "resid_post.2:0:all=zero", "--edit",
                        "resid_post.4:0:all=zero", "--dry-run"});
  ASSERT_EQ(plan.code, 0) << plan.err;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "intervene"));
  // 6 layers, and from layer 2 and 4 on one more each.
  EXPECT_NE(plan.out.find("block runs    12 for 2 branches and the unedited run; 18 if each ran "
                          "alone (0.667)"),
            std::string::npos)
      << plan.out;
  for (const char* part : {"weights ", "memory ", "of 700 MiB", "expected ", "measured "})
    EXPECT_NE(plan.out.find(part), std::string::npos) << part << plan.out;
}

}  // namespace
}  // namespace tepui
