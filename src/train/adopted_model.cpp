// SPDX-License-Identifier: MIT
#include "train/adopted_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "base/new_file.h"
#include "train/initial_model.h"
#include "train/parameters.h"
#include "weights/safetensors_writer.h"

namespace tepui {
namespace {

Status write_values(const std::vector<Parameter>& parameters, const ParameterValues& values,
                    const std::filesystem::path& file) {
  const std::vector<TensorValues> tensors = file_tensors(parameters, values);
  std::vector<FloatTensor> list;
  for (const TensorValues& tensor : tensors)
    list.push_back({tensor.name, tensor.shape, tensor.values});
  return write_safetensors(file, std::move(list), {{"format", "pt"}});
}

// The same weights by their roles; those that nanoGPT leaves out are the zeros of the new folder.
Status convert_nanogpt(const Model& model, const std::filesystem::path& folder) {
  const Dims& dims = model.spec.dims;
  ModelRecipe recipe;
  recipe.layers = dims.layers;
  recipe.heads = dims.heads;
  recipe.width = dims.width;
  recipe.context = dims.context;
  recipe.tied = true;
  TEPUI_TRY(write_initial_model(recipe, dims.vocabulary, 0, folder));
  TEPUI_TRY(const Model made, open_model(folder));
  TEPUI_TRY(const std::vector<Parameter> from, parameters_of(model));
  TEPUI_TRY(const std::vector<Parameter> to, parameters_of(made));
  ParameterValues values;
  for (const Parameter& parameter : to) {
    const auto same = std::ranges::find_if(from, [&](const Parameter& other) {
      return other.layer == parameter.layer && other.role() == parameter.role();
    });
    values.push_back(parameter_values(same == from.end() ? parameter : *same));
  }
  // Not over the file that is mapped.
  const std::filesystem::path fresh = folder / "new.safetensors";
  TEPUI_TRY(write_values(to, values, fresh));
  std::error_code error;
  std::filesystem::rename(fresh, folder / "model.safetensors", error);
  if (error) return fail(ErrorKind::io, "{}: {}", fresh.string(), error.message());
  return {};
}

Status copy_folder(const std::filesystem::path& from, const std::filesystem::path& folder) {
  TEPUI_TRY(const std::string text, read_file(from / "config.json"));
  auto config = nlohmann::json::parse(text);  // open_model has read it
  for (const char* key : {"torch_dtype", "dtype"}) {
    if (config.contains(key)) config[key] = "float32";
  }
  TEPUI_TRY(write_new_file(folder / "config.json", config.dump(2) + "\n"));
  std::error_code error;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json",
                           "special_tokens_map.json", "vocab.json", "merges.txt"}) {
    if (!std::filesystem::exists(from / name, error)) continue;
    std::filesystem::copy_file(from / name, folder / name, error);
    if (error) return fail(ErrorKind::io, "{}: {}", (from / name).string(), error.message());
  }
  return {};
}

}  // namespace

Status write_adopted_model(const std::filesystem::path& from, const std::filesystem::path& folder) {
  TEPUI_TRY(const Model model, open_model(from));
  if (model.container == "nanoGPT") return convert_nanogpt(model, folder);
  if (!std::filesystem::exists(from / "config.json"))
    return fail(ErrorKind::unsupported,
                "{}: expected an HF folder or a checkpoint of nanoGPT to go on from, found {}",
                from.string(), model.container);
  TEPUI_TRY(const std::vector<Parameter> parameters, parameters_of(model));
  TEPUI_TRY(copy_folder(from, folder));
  ParameterValues values;
  for (const Parameter& parameter : parameters) values.push_back(parameter_values(parameter));
  return write_values(parameters, values, folder / "model.safetensors");
}

}  // namespace tepui
