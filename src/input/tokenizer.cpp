// SPDX-License-Identifier: MIT
#include "input/tokenizer.h"

#include "gguf/locate.h"
#include "input/gguf_tokenizer.h"
#include "input/llama2c_tokenizer.h"
#include "input/sentencepiece.h"
#include "input/tokenizer_json.h"
#include "input/tokenizer_settings.h"

namespace tepui {
namespace {

namespace fs = std::filesystem;

Result<std::unique_ptr<Tokenizer>> load_folder(const fs::path& folder) {
  std::error_code none;
  const auto exists = [&](const char* name) { return fs::is_regular_file(folder / name, none); };
  TEPUI_TRY(const auto settings, input::read_tokenizer_settings(folder));
  if (exists("tokenizer.json"))
    return input::load_tokenizer_json(folder / "tokenizer.json", settings);
  if (exists("tokenizer.model"))
    return input::load_sentencepiece(folder / "tokenizer.model", settings);
  if (exists("vocab.json") && exists("merges.txt"))
    return input::load_vocab_and_merges(folder, settings);
  return fail(ErrorKind::data,
              "{}: no tokenizer found (expected tokenizer.json, tokenizer.model, or vocab.json "
              "with merges.txt)",
              folder.string());
}

// The settings beside a file belong to it only if it bears the name that a folder gives it.
Result<input::TokenizerSettings> settings_beside(const fs::path& file) {
  const fs::path name = file.filename();
  const bool of_folder = name == "tokenizer.json" || name == "tokenizer.model";
  fs::path folder = file.parent_path();
  if (folder.empty()) folder = ".";
  return input::read_tokenizer_settings(of_folder ? folder : fs::path());
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const fs::path& folder_or_file) {
  TEPUI_TRY(const fs::path gguf, gguf_file_of(folder_or_file));
  if (!gguf.empty()) return input::load_gguf_tokenizer(gguf);
  std::error_code none;
  if (fs::is_directory(folder_or_file, none)) return load_folder(folder_or_file);
  if (!fs::exists(folder_or_file, none))
    return fail(ErrorKind::io, "{}: no such file or folder (expected a tokenizer)",
                folder_or_file.string());
  const fs::path name = folder_or_file.filename();
  const std::string extension = name.extension().string();
  if (extension == ".bin") return input::load_llama2c_tokenizer(folder_or_file);
  TEPUI_TRY(const auto settings, settings_beside(folder_or_file));
  if (name == "vocab.json" || name == "merges.txt") {
    fs::path folder = folder_or_file.parent_path();
    if (folder.empty()) folder = ".";
    TEPUI_TRY(const auto of_folder, input::read_tokenizer_settings(folder));
    return input::load_vocab_and_merges(folder, of_folder);
  }
  if (extension == ".json") return input::load_tokenizer_json(folder_or_file, settings);
  if (extension == ".model") return input::load_sentencepiece(folder_or_file, settings);
  return fail(ErrorKind::data,
              "{}: expected a tokenizer: a model folder, tokenizer.json, tokenizer.model, "
              "vocab.json, a .gguf file, or llama2.c's tokenizer.bin",
              folder_or_file.string());
}

}  // namespace tepui
