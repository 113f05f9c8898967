// SPDX-License-Identifier: MIT
// The golden models through GGUF files (tools/make_gguf.py): the bits of the folders they were made
// from, at every site. Where a file keeps rounded numbers (llama3's scaling as a tensor), the
// golden values themselves bound it (golden_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/half.h"
#include "base/mapped_file.h"
#include "gguf/gguf_file.h"
#include "models/gguf/config.h"
#include "models/model.h"
#include "support/gguf_writer.h"
#include "support/model_copy.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "weights/gguf.h"

namespace tepui::test {
namespace {

const std::vector<std::vector<TokenId>> kSequences = {
    {1, 5, 9, 40, 33, 2, 17, 8, 41, 47}, {1, 46, 7}, {3, 3, 3, 12}};

// The folder, changed where GGUF has no way to say what it says: files of Gemma do not hold the
// scale of scores, which follows from the head size.
std::filesystem::path folder_of(const std::string& name, const TemporaryFolder& room) {
  const auto folder = data_path("golden/" + name);
  if (name != "gemma2" && name != "gemma3") return folder;
  const auto copy = copy_model(folder, room.path() / name);
  change_config(copy, [](nlohmann::json& config) {
    EXPECT_NE(config["query_pre_attn_scalar"], config["head_dim"]);
    config["query_pre_attn_scalar"] = config["head_dim"];
  });
  return copy;
}

// The same file with every 16-bit tensor as F32: the same numbers, so the same bits.
std::filesystem::path widened(const std::filesystem::path& file, const TemporaryFolder& room) {
  auto mapped = MappedFile::open(file);
  EXPECT_TRUE(mapped) << mapped.error().message;
  const auto gguf = read_gguf(std::move(*mapped));
  EXPECT_TRUE(gguf) << gguf.error().message;
  GgufWriter writer;
  writer.keys_of(read_file(file).value(), gguf->tensors.front().name);
  int wider = 0;
  for (const GgufTensor& tensor : gguf->tensors) {
    std::string bytes(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    if (tensor.type.dtype != DType::f32) {
      EXPECT_TRUE(tensor.type.dtype == DType::bf16 || tensor.type.dtype == DType::f16);
      std::vector<std::uint16_t> halves(bytes.size() / 2);
      std::memcpy(halves.data(), bytes.data(), bytes.size());
      bytes.clear();
      for (const std::uint16_t half : halves)
        bytes +=
            bytes_of(tensor.type.dtype == DType::bf16 ? f32_from_bf16(half) : f32_from_f16(half));
      ++wider;
    }
    writer.tensor(tensor.name, tensor.type.shape, 0, bytes);
  }
  EXPECT_GT(wider, 0);
  const auto out = room.path() / ("wide-" + file.filename().string());
  std::ofstream(out, std::ios::binary) << writer.content();
  return out;
}

class GgufModel : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(GgufModel, GivesTheBitsOfItsFolder) {
  const auto& [name, backend] = GetParam();
  const TemporaryFolder room;
  const auto folder = open_model(folder_of(name, room));
  const auto file = open_model(data_path("gguf/" + name + ".gguf"));
  ASSERT_TRUE(folder) << folder.error().message;
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->container, "GGUF");
  EXPECT_TRUE(file->unused.empty()) << file->unused.front();
  RunSettings settings;
  settings.backend = backend;
  const FullRun expected = full_run(*folder, kSequences, settings);
  const FullRun found = full_run(*file, kSequences, settings);
  EXPECT_EQ(file->spec.arch, folder->spec.arch);
  ASSERT_GT(expected.sites.size(), 12U * 2U * 3U);
  for (const auto& [key, values] : expected.sites) {
    const auto same = found.sites.find(key);
    ASSERT_NE(same, found.sites.end());
    ASSERT_TRUE(same->second == values)
        << site_name(static_cast<Site>(key.first.second)) << " of layer " << key.first.first;
  }
  EXPECT_TRUE(found.logits == expected.logits);
  EXPECT_TRUE(found.arg_max == expected.arg_max);
}

std::string case_name(const testing::TestParamInfo<std::tuple<std::string, std::string>>& info) {
  std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  std::ranges::replace(name, '-', '_');
  return name;
}

// All files but those that hold rounded numbers.
std::vector<std::string> gguf_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(data_path("gguf"))) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".gguf" && name != "llama3-rope") names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

class GgufModelInF32 : public testing::TestWithParam<std::string> {};

TEST_P(GgufModelInF32, GivesTheBitsOfItsFile) {
  const TemporaryFolder room;
  const auto path = data_path("gguf/" + GetParam() + ".gguf");
  const auto file = open_model(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto wide = open_model(widened(path, room));
  ASSERT_TRUE(wide) << wide.error().message;
  RunSettings settings;
  settings.backend = "cpu";
  const FullRun expected = full_run(*file, kSequences, settings);
  const FullRun found = full_run(*wide, kSequences, settings);
  EXPECT_TRUE(found.sites == expected.sites);
  EXPECT_TRUE(found.logits == expected.logits);
}

// The cases whose tensors are not F32 already.
std::vector<std::string> narrow_cases() {
  std::vector<std::string> names;
  for (const std::string& name : gguf_cases()) {
    const auto file = open_gguf(data_path("gguf/" + name + ".gguf"));
    const auto& tensors = file->source->tensors();
    if (std::ranges::any_of(tensors, [](const auto& t) { return t.type.dtype != DType::f32; }))
      names.push_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, GgufModelInF32, testing::ValuesIn(narrow_cases()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

INSTANTIATE_TEST_SUITE_P(Models, GgufModel,
                         testing::Combine(testing::ValuesIn(gguf_cases()),
                                          testing::ValuesIn(model_backends())),
                         case_name);

// Every architecture that is read has a file here.
TEST(GgufCases, CoverEveryArchitecture) {
  std::set<std::string> read;
  for (const GgufArch& gguf : gguf_architectures())
    read.insert(fmt::format("{} as {}", gguf.name, gguf.model_type));
  for (const std::string& name : gguf_cases()) {
    const auto path = data_path("gguf/" + name + ".gguf");
    const auto file = open_gguf(path);
    ASSERT_TRUE(file) << file.error().message;
    const auto spec = read_gguf_config(file->metadata, *file->source);
    ASSERT_TRUE(spec) << spec.error().message;
    read.erase(fmt::format("{} as {}", spec->gguf->name, spec->gguf->model_type));
  }
  EXPECT_TRUE(read.empty()) << *read.begin();
}

TEST(GgufFolder, AFolderWithOneFileIsThatModel) {
  const TemporaryFolder folder;
  std::filesystem::copy(data_path("gguf/gpt2-new.gguf"), folder.path() / "gpt2-Q8_0.gguf");
  const auto model = open_model(folder.path());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->spec.arch->name, "gpt2");
  std::filesystem::copy(data_path("gguf/gpt2-new.gguf"), folder.path() / "gpt2-F16.gguf");
  const auto two = open_model(folder.path());
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().message,
            folder.path().string() +
                ": expected one .gguf file in this folder, found 2: gpt2-F16.gguf, gpt2-Q8_0.gguf");
  EXPECT_EQ(two.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace tepui::test
