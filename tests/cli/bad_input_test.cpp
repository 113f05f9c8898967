// SPDX-License-Identifier: MIT
// Models, texts and folders that are not what they should be: exit code 1, one line on stderr that
// names the file, what was expected and what was found, and never a crash.
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "store/reader.h"
#include "support/model_copy.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using nlohmann::json;
using test::data_path;
using test::ProgramResult;
using test::TemporaryFolder;

class BadInput : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) {
    return test::run_program({std::move(arguments), folder_.path(), {}, 0, ""});
  }

  // The last line of stderr holds every part; lines before it are notes.
  void expect_error(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& parts) {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.code, 1) << result.err;
    EXPECT_EQ(result.out, "");
    std::istringstream lines(result.err);
    std::string last;
    int errors = 0;
    for (std::string line; std::getline(lines, line); last = line) {
      EXPECT_EQ(line.find("tepui: "), 0U) << line;
      errors += line.find("tepui: note: ") == 0 ? 0 : 1;
    }
    EXPECT_EQ(errors, 1) << result.err;
    for (const std::string& part : parts)
      EXPECT_NE(last.find(part), std::string::npos) << part << " is not in: " << last;
  }

  void write(const std::string& name, const std::string& content) {
    test::write_file(folder_.path() / name, content);
  }

  // A fresh tiny model to damage, named "model" in the working directory.
  std::filesystem::path model() {
    std::filesystem::remove_all(folder_.path() / "model");
    return test::copy_model(data_path("golden/llama-gqa-tied-bf16"), folder_.path() / "model");
  }
  void expect_bad_model(const std::vector<std::string>& parts) {
    write("ids.json", "[[1, 2, 3]]");
    expect_error({"scan", "model", "--ids", "ids.json"}, parts);
  }

  TemporaryFolder folder_;
  const std::string demo_ = data_path("demo-model").string();
};

constexpr const char* kTensor = "model.layers.1.mlp.up_proj.weight";

TEST_F(BadInput, ModelsThatAreNone) {
  expect_error({"scan", "nowhere", "--prompt", "x"}, {"nowhere: expected", "nothing there"});
  write("a file", "text");
  expect_error({"scan", "a file", "--prompt", "x"}, {"a file: expected", ".bin"});
  write("empty.bin", "");
  expect_error({"scan", "empty.bin", "--prompt", "x"}, {"empty.bin", "expected", "found"});
  std::filesystem::create_directory(folder_.path() / "empty");
  expect_error({"scan", "empty", "--prompt", "x"},
               {"empty: expected", "config.json", "found none"});
}

TEST_F(BadInput, Configurations) {
  const auto folder = model();
  write("model/config.json", "{\"model_type\": \"llama\"");
  expect_bad_model({"model/config.json", "not valid JSON at byte"});
  write("model/config.json", "[]");
  expect_bad_model({"model/config.json", "expected a JSON object", "a list"});
  test::write_file(folder / "config.json", std::string(100'000, '[') + std::string(100'000, ']'));
  expect_bad_model({"model/config.json", "nested"});
  std::filesystem::remove(folder / "config.json");
  std::filesystem::create_directory(folder / "config.json");
  expect_bad_model({"model/config.json", "regular file"});

  test::change_config(model(), [](json& c) { c["model_type"] = "mamba"; });
  expect_bad_model({"model/config.json: unknown architecture", "mamba", "llama, gpt2"});
  test::change_config(model(), [](json& c) { c.erase("hidden_size"); });
  expect_bad_model({"model/config.json", "expected key \"hidden_size\", found none"});
  test::change_config(model(), [](json& c) { c["num_hidden_layers"] = 1'000'000'000; });
  expect_bad_model({"model/config.json", "num_hidden_layers", "found 1000000000"});
  test::change_config(model(), [](json& c) { c["vocab_size"] = 65; });
  expect_bad_model({"model.embed_tokens.weight", "expected", "[65, 32]", "found", "[64, 32]"});
  test::change_config(model(), [](json& c) { c["num_hidden_layers"] = 3; });
  expect_bad_model({"expected tensor model.layers.2.input_layernorm.weight, found none"});
}

TEST_F(BadInput, WeightFiles) {
  std::filesystem::remove(model() / "model.safetensors");
  expect_bad_model({"model: expected model.safetensors", "found none of them"});
  test::change_header(model(), [](json& header) { header.erase(kTensor); });
  expect_bad_model({"model/model.safetensors", "expected to begin at byte offset"});  // a gap
  test::change_header(model(), [](json& header) {
    header["renamed"] = header[kTensor];
    header.erase(kTensor);
  });
  expect_bad_model({"model: expected tensor ", kTensor, "found none"});
  test::change_header(model(), [](json& header) {
    auto& shape = header[kTensor]["shape"];
    std::swap(shape[0], shape[1]);
  });
  expect_bad_model({kTensor, "model/model.safetensors", "expected", "found", "byte offset"});
  test::change_header(model(),
                      [](json& header) { header[kTensor]["data_offsets"][1] = 1LL << 60; });
  expect_bad_model({"model/model.safetensors", kTensor});
  test::change_header(model(), [](json& header) { header[kTensor]["dtype"] = "F8_E4M3"; });
  expect_bad_model({"model/model.safetensors", kTensor, "F8_E4M3"});

  const auto folder = model();
  const std::string whole = read_file(folder / "model.safetensors").value();
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{100},
                                 whole.size() / 2, whole.size() - 1}) {
    SCOPED_TRACE(size);
    test::write_file(folder / "model.safetensors", whole.substr(0, size));
    expect_bad_model({"model/model.safetensors", "expected", "found"});
  }
  test::write_file(folder / "model.safetensors", std::string(8, '\xff') + whole.substr(8));
  expect_bad_model({"model/model.safetensors", "expected", "found"});
}

TEST_F(BadInput, WeightsThatAreNotFinite) {
  for (const auto& [bits, name] : {std::pair<std::string, std::string>{"\xc0\x7f", "nan"},
                                   {std::string("\x80\x7f", 2), "inf"},
                                   {std::string("\x80\xff", 2), "-inf"}}) {
    const auto folder = model();
    const std::size_t offset = test::offset_of(folder, kTensor, 3 * 32 + 17);
    test::patch_weights(folder, offset, bits);
    expect_bad_model({"model/model.safetensors", kTensor, "[3, 17] is " + name,
                      "byte offset " + std::to_string(offset)});
    std::filesystem::remove_all(folder_.path() / "model");
  }
}

// Finite weights whose products are not.
TEST_F(BadInput, ActivationsThatAreNotFinite) {
  const auto folder = model();
  std::string row;
  for (int i = 0; i < 32; ++i) row += "\x7f\x7f";  // 3.4e38
  for (const char* name : {"gate_proj", "up_proj"})
    test::patch_weights(
        folder, test::offset_of(folder, fmt::format("model.layers.0.mlp.{}.weight", name), 0), row);
  write("ids.json", "[[1, 2, 3, 4, 5, 6]]");
  const auto refused = [&](std::vector<std::string> arguments,
                           const std::vector<std::string>& parts) {
    arguments.insert(arguments.begin() + 1, {"model", "--ids", "ids.json"});
    expect_error(arguments, parts);
  };
  refused({"perplexity"}, {"the loss of token", "of sequence 0 is", "expected finite"});
  refused({"attention", "--tokens", "0"}, {"attention of layer 1 is not finite", "head 0, key "});
  refused({"capture", "--out", "rows"}, {"activation resid_post of layer 0 is", "position "});
}

// One sequence's costs nothing of the others; the run is no success, now or when it is asked again.
TEST_F(BadInput, AScanKeepsWhatIsNotFiniteAmongTheRest) {
  test::overflowing_model(folder_.path() / "model");
  write("ids.json", "[[1, 2, 3], [4, 50, 5], [6, 7]]");
  for (int again = 0; again < 2; ++again) {
    const ProgramResult result =
        run({"scan", "model", "--ids", "ids.json", "--out", "s", "--json"});
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("tepui: s: expected finite activations, found 1 of 3 sequences with "
                              "others; all that was measured is stored"),
              std::string::npos)
        << result.err;
    const json found = json::parse(result.out, nullptr, false);
    ASSERT_TRUE(found.is_object()) << result.out;
    EXPECT_EQ(found["sequences"]["scanned"], 3);
    ASSERT_FALSE(found["errors"].empty());
    for (const json& error : found["errors"]) EXPECT_EQ(error["sequence"], 1) << error;
    EXPECT_EQ(found["errors"][0]["layer"], 0);
    EXPECT_EQ(found["errors"][0]["site"], "resid_post");
    EXPECT_NE(found["finding"].get<std::string>().find(" not finite"), std::string::npos);
  }
  // What a sequence has of its own is as if the others were not.
  write("ids.json", "[[6, 7]]");
  ASSERT_EQ(run({"scan", "model", "--ids", "ids.json", "--out", "own"}).code, 0);
  const auto numbers = [&](const char* folder, int sequence) {
    auto store = StoreReader::open(folder_.path() / folder);
    std::vector<float> values;
    for (const int layer : {0, 1}) {
      const auto rows = store.value().observations(sequence, {layer, Site::resid_post});
      for (const auto& row : rows.value()) values.push_back(row.value);
    }
    return values;
  };
  EXPECT_FALSE(numbers("own", 0).empty());
  EXPECT_EQ(numbers("s", 2), numbers("own", 0));
}

TEST_F(BadInput, Texts) {
  write("broken.txt", "fine until \xff here");
  expect_error({"scan", demo_, "--text", "broken.txt"},
               {"broken.txt", "UTF-8", "byte offset 11", "0xFF"});
  write("empty.txt", "");
  expect_error({"scan", demo_, "--text", "empty.txt"}, {"empty.txt: expected a text", "empty"});
  expect_error({"scan", demo_, "--text", "missing.txt"}, {"missing.txt", "No such file"});
  std::filesystem::create_directory(folder_.path() / "folder");
  expect_error({"scan", demo_, "--text", "folder"}, {"folder: expected a regular file"});
  expect_error({"scan", demo_, "--prompt", ""}, {"--prompt: expected a text"});
  expect_error({"scan", demo_, "--prompt", "\xc3("}, {"--prompt", "byte offset 0"});
}

TEST_F(BadInput, ListsOfIds) {
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"", {"not valid JSON at byte 0"}},
      {"[[1, 2]", {"not valid JSON at byte"}},
      {"{}", {"expected a JSON list of lists", "an object"}},
      {"[]", {"expected a JSON list of lists", "an empty list"}},
      {"[1, 2]", {"list 0: expected a list of token ids, found 1"}},
      {"[[1], []]", {"ids.json#1", "at least one token"}},
      {"[[1, -1]]", {"list 0, position 1", "found -1"}},
      {"[[1, 2.5]]", {"list 0, position 1", "found 2.5"}},
      {"[[1], [5, \"a\"]]", {"list 1, position 1", "found \"a\""}},
      {"[[18446744073709551615]]", {"list 0, position 0"}},
      {"[[1], [5, 2048]]", {"ids.json#1: position 1", "below 2048", "found 2048"}},
      {std::string(100'000, '[') + std::string(100'000, ']'), {"nested"}},
  };
  for (const auto& [text, parts] : cases) {
    SCOPED_TRACE(text.substr(0, 40));
    write("ids.json", text);
    std::vector<std::string> all = parts;
    all.push_back("ids.json");
    expect_error({"scan", demo_, "--ids", "ids.json"}, all);
  }
  write("ids.json", json({std::vector<int>(257, 1)}).dump());
  expect_error({"scan", demo_, "--ids", "ids.json"},
               {"ids.json#0", "at most 256 tokens", "found 257"});
}

TEST_F(BadInput, Tokenizers) {
  model();
  expect_error({"scan", "model", "--prompt", "x"}, {"model", "tokenizer"});
  expect_error({"scan", "model", "--prompt", "x", "--tokenizer", "nowhere"},
               {"nowhere", "tokenizer"});
  write("tokenizer.json", "{}");
  expect_error({"scan", "model", "--prompt", "x", "--tokenizer", "tokenizer.json"},
               {"tokenizer.json", "expected"});
  // A tokenizer of 2048 tokens beside a model of 64.
  expect_error({"scan", "model", "--prompt", "Some words", "--tokenizer", demo_},
               {"prompt: position", "below 64", "2048 tokens", demo_});
}

TEST_F(BadInput, PlacesThatCannotBeWritten) {
  write("file", "in the way");
  for (const std::string out : {"file", "file/inside", "/proc/nowhere", "/dev/full"}) {
    SCOPED_TRACE(out);
    expect_error({"scan", demo_, "--prompt", "x", "--out", out}, {out, "cannot be"});
  }
  ASSERT_EQ(run({"scan", demo_, "--prompt", "x", "--out", "s"}).code, 0);
  expect_error({"export", "s", "--out", "file/inside"}, {"file/inside", "cannot be"});
  EXPECT_EQ(read_file(folder_.path() / "file").value(), "in the way");
}

TEST_F(BadInput, StoresThatAreNone) {
  expect_error({"massive", "nowhere"}, {"nowhere", "expected"});
  expect_error({"export", "nowhere"}, {"nowhere", "expected"});
  std::filesystem::create_directory(folder_.path() / "folder");
  expect_error({"massive", "folder"}, {"folder", "expected"});
  write("folder/scan.sqlite", "this is no database, and long enough to look at its first page");
  expect_error({"massive", "folder"}, {"folder/scan.sqlite"});
  expect_error({"scan", demo_, "--prompt", "x", "--out", "folder"}, {"folder/scan.sqlite"});
}

}  // namespace
}  // namespace tepui
