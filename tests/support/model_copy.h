// SPDX-License-Identifier: MIT
// A model folder of the fixtures, copied so that a test may damage it.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace tepui::test {

// Copies the folder's config.json, weights and tokenizer files.
std::filesystem::path copy_model(const std::filesystem::path& from,
                                 const std::filesystem::path& into);

// Lets `change` alter the configuration, or the header of model.safetensors (whose data stays).
using ChangeJson = std::function<void(nlohmann::json&)>;
void change_config(const std::filesystem::path& model, const ChangeJson& change);
void change_header(const std::filesystem::path& model, const ChangeJson& change);

// Where the tensor's element stands in model.safetensors, in bytes.
std::size_t offset_of(const std::filesystem::path& model, const std::string& tensor,
                      std::size_t element);
// Overwrites bytes of model.safetensors.
void patch_weights(const std::filesystem::path& model, std::size_t offset,
                   const std::string& bytes);

// kTiny, in which token 50 alone reaches beyond f32, and so its last resid_post: its embedding lies
// along a row of the up projection, whose neuron the down projection takes too far.
std::filesystem::path overflowing_model(const std::filesystem::path& into);

}  // namespace tepui::test
