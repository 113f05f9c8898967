// SPDX-License-Identifier: MIT
#include "study/stop_tokens.h"

#include <set>

#include "input/json_file.h"

namespace tepui {

Result<std::vector<TokenId>> stop_tokens(const std::filesystem::path& model,
                                         const Tokenizer* tokenizer) {
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::filesystem::path file = model / name;
    std::error_code error;
    if (!std::filesystem::exists(file, error)) continue;
    TEPUI_TRY(const input::Json document, input::read_json(file));
    const input::Json* const field = input::member(document, "eos_token_id");
    if (field == nullptr) continue;
    std::set<TokenId> ids;
    const std::string where = file.string() + ": eos_token_id";
    for (const input::Json& value : field->is_array() ? *field : input::Json::array({*field})) {
      TEPUI_TRY(const TokenId id, input::id_value(value, where));
      ids.insert(id);
    }
    return std::vector<TokenId>(ids.begin(), ids.end());
  }
  if (tokenizer == nullptr || !tokenizer->eos()) return std::vector<TokenId>();
  return std::vector<TokenId>{*tokenizer->eos()};
}

}  // namespace tepui
