// SPDX-License-Identifier: MIT
// Holds every file to the order of src/LAYERS.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

#include "support/paths.h"

namespace tepui::test {
namespace {

namespace fs = std::filesystem;

class Layers {
 public:
  explicit Layers(std::istream& text) {
    std::string line;
    for (int rank = 0; std::getline(text, line); ++rank) {
      std::istringstream words(line);
      std::string word;
      while (words >> word && word[0] != '#') {
        if (word.find('/') == std::string::npos) {
          rank_[word] = rank;
        } else {
          words >> header_layer_[word];
        }
      }
    }
  }

  std::size_t size() const { return rank_.size(); }

  // Of a file as it is included: "ops/builder.h", "tepui/op.h". Empty: of no layer.
  std::string layer_of(const std::string& path) const {
    const auto header = header_layer_.find(path);
    if (header != header_layer_.end()) return header->second;
    const std::string folder = path.substr(0, path.find('/'));
    return rank_.contains(folder) ? folder : "";
  }

  // What is wrong with the include; empty: nothing.
  std::string problem(const std::string& file, const std::string& include) const {
    const std::string from = layer_of(file);
    const std::string to = layer_of(include);
    if (from.empty()) return fmt::format("{}: src/LAYERS does not say its layer", file);
    if (to.empty()) return fmt::format("{}: includes {}, which is of no layer", file, include);
    if (from == to || rank_.at(to) < rank_.at(from)) return "";
    return fmt::format("{} ({}) includes {} ({}), which is not below it", file, from, include, to);
  }

 private:
  std::map<std::string, int> rank_;
  std::map<std::string, std::string> header_layer_;
};

std::optional<std::string> included(const std::string& line) {
  const auto start = line.find_first_not_of(" \t");
  if (start == std::string::npos || line[start] != '#') return std::nullopt;
  const auto word = line.find("include", start);
  const auto open = line.find('"', start);
  if (word == std::string::npos || open == std::string::npos) return std::nullopt;
  return line.substr(open + 1, line.find('"', open + 1) - open - 1);
}

// Problems of all C++ files below the folder, which are included as `prefix` + path.
std::vector<std::string> scan(const Layers& layers, const fs::path& folder,
                              const std::string& prefix, int& files) {
  std::vector<std::string> problems;
  if (!fs::exists(folder)) return problems;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cpp") continue;
    ++files;
    const std::string file = prefix + fs::relative(entry.path(), folder).generic_string();
    std::ifstream text(entry.path());
    std::string line;
    while (std::getline(text, line)) {
      const auto include = included(line);
      if (!include) continue;
      // A name without a folder is a neighbour of the file.
      const bool neighbour = include->find('/') == std::string::npos;
      const std::string problem = neighbour ? "" : layers.problem(file, *include);
      if (!problem.empty()) problems.push_back(problem);
    }
  }
  return problems;
}

TEST(Layering, NoUpwardInclude) {
  std::ifstream text(fs::path(TEPUI_SOURCE_DIR) / "src/LAYERS");
  ASSERT_TRUE(text);
  const Layers layers(text);
  int files = 0;
  const std::pair<const char*, const char*> roots[] = {
      {"src", ""}, {"include/tepui", "tepui/"}, {"tools", "tools/"}};
  for (const auto& [folder, prefix] : roots) {
    for (const std::string& problem :
         scan(layers, fs::path(TEPUI_SOURCE_DIR) / folder, prefix, files)) {
      ADD_FAILURE() << problem;
    }
  }
  EXPECT_GT(files, 20);
}

TEST(Layering, SeesUpwardAndSidewardIncludes) {
  std::istringstream text("# comment\nbase\nleft right\ntop\ntepui/seam.h left\n");
  const Layers layers(text);
  EXPECT_EQ(layers.size(), 4U);
  EXPECT_EQ(layers.problem("top/a.cpp", "base/b.h"), "");
  EXPECT_EQ(layers.problem("left/a.cpp", "tepui/seam.h"), "");
  EXPECT_EQ(layers.problem("base/a.cpp", "tepui/seam.h"),
            "base/a.cpp (base) includes tepui/seam.h (left), which is not below it");
  EXPECT_NE(layers.problem("left/a.cpp", "right/b.h"), "");
  EXPECT_NE(layers.problem("base/a.cpp", "top/b.h"), "");
  EXPECT_NE(layers.problem("base/a.cpp", "elsewhere/b.h"), "");
  EXPECT_NE(layers.problem("tepui/new.h", "base/b.h"), "");
  EXPECT_EQ(included("  #  include \"a/b.h\"  // why"), "a/b.h");
  EXPECT_EQ(included("#include <a/b.h>"), std::nullopt);
}

}  // namespace
}  // namespace tepui::test
