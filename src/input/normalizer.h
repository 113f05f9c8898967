// SPDX-License-Identifier: MIT
// The normalizer of a tokenizer.json: rewrites a text before it is cut into words. Nested sequences
// are flattened to a list of steps at loading.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "input/json_file.h"
#include "input/split.h"

namespace tepui::input {

class Normalizer {
 public:
  // From the JSON of the field (null: texts stay as they are); `where` opens error messages.
  static Result<Normalizer> create(const Json* description, const std::string& where);

  Result<std::string> apply(std::string text) const;

  const std::string& space_marker() const { return space_marker_; }  // what spaces become

 private:
  enum class Form { nfc, nfd, nfkc, nfkd };
  struct Replace {
    Pattern pattern;
    std::string content;
  };
  struct Prepend {
    std::string content;
  };
  struct Lowercase {};
  struct Strip {
    bool left = true;
    bool right = true;
  };
  using Step = std::variant<Form, Replace, Prepend, Lowercase, Strip>;

  Status add(const Json& description, const std::string& where, int depth);
  static Result<std::string> run(const Step& step, std::string text);
  static Result<std::string> compose(Form form, std::string text);
  static Result<std::string> replace(const Replace& step, const std::string& text);
  static std::string lowercase(const std::string& text);
  static std::string strip(const Strip& step, const std::string& text);

  std::vector<Step> steps_;
  std::string space_marker_;
};

}  // namespace tepui::input
