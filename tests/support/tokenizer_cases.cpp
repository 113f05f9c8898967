// SPDX-License-Identifier: MIT
#include "support/tokenizer_cases.h"

#include "base/mapped_file.h"

namespace tepui::test {

namespace {

nlohmann::json cases_file() { return load_json(data_path("tokenizers/tokenizer_json_cases.json")); }

}  // namespace

std::string load_bytes(const std::filesystem::path& path) { return read_file(path).value(); }

nlohmann::json load_json(const std::filesystem::path& path) {
  return nlohmann::json::parse(load_bytes(path));
}

std::vector<std::string> tokenizer_case_texts() {
  return cases_file().at("texts").get<std::vector<std::string>>();
}

nlohmann::json tokenizer_case_model(const std::string& name) {
  return cases_file().at("models").at(name);
}

std::vector<TokenizerCase> tokenizer_cases() {
  const nlohmann::json file = cases_file();
  std::vector<TokenizerCase> cases;
  for (const auto& entry : file.at("cases")) {
    nlohmann::json model = file.at("models").at(entry.at("model").get<std::string>());
    if (entry.contains("options")) model.update(entry.at("options"));
    if (entry.contains("extra")) {
      for (const auto& piece : entry.at("extra")) {
        const std::string text = piece.get<std::string>();
        if (!model["vocab"].contains(text)) model["vocab"][text] = model["vocab"].size();
      }
    }
    nlohmann::json whole = {{"version", "1.0"}, {"model", model}};
    for (const char* key : {"added_tokens", "normalizer", "pre_tokenizer", "post_processor"})
      if (entry.contains(key)) whole[key] = entry.at(key);
    cases.push_back({entry.at("name").get<std::string>(), whole.dump(),
                     entry.at("ids").get<std::vector<std::vector<int>>>(),
                     entry.value("exact", false), entry.value("adds_bos", false)});
  }
  return cases;
}

std::string decode(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) text += tokenizer.piece_bytes(id);
  return text;
}

std::vector<std::string> vector_texts(const std::filesystem::path& path) {
  const std::string all = load_bytes(path);
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts;
  std::size_t at = 0;
  for (std::size_t end; (end = all.find(separator, at)) != std::string::npos;
       at = end + separator.size())
    texts.push_back(all.substr(at, end - at));
  texts.push_back(all.substr(at));
  return texts;
}

}  // namespace tepui::test
