// SPDX-License-Identifier: MIT
#include "models/model.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "gguf/locate.h"
#include "models/bindings.h"
#include "models/config.h"
#include "models/gguf/config.h"
#include "weights/folder.h"
#include "weights/gguf.h"
#include "weights/nanogpt.h"

namespace tepui {

namespace {

const ArchSpec& arch_named(std::string_view name) {
  return **std::ranges::find_if(all_architectures(),
                                [&](const ArchSpec* arch) { return arch->name == name; });
}

ModelSpec spec_of(const Llama2cHeader& header) {
  ModelSpec spec;
  spec.arch = &arch_named("llama");
  spec.form = spec.arch->form;
  Dims& dims = spec.dims;
  dims.layers = header.layers;
  dims.width = header.dim;
  dims.heads = header.heads;
  dims.kv_heads = header.kv_heads;
  dims.head_dim = header.dim / header.heads;
  dims.hidden = header.hidden_dim;
  dims.vocabulary = header.vocabulary;
  dims.context = header.context;
  dims.norm_eps = 1e-5F;
  dims.act = TEPUI_ACT_SILU;
  dims.tied = header.tied;
  dims.rope.rotary_dim = dims.head_dim;
  dims.rope.interleaved = true;  // the rows of q and k are in Meta's order
  dims.rope.original_context = dims.context;
  dims.local_rope = dims.rope;
  dims.embedding_width = dims.width;
  return spec;
}

ModelSpec spec_of(const NanoGptArgs& args) {
  ModelSpec spec;
  spec.arch = &arch_named("nanogpt");
  spec.form = spec.arch->form;
  Dims& dims = spec.dims;
  dims.layers = args.layers;
  dims.width = dims.embedding_width = args.width;
  dims.heads = dims.kv_heads = args.heads;
  dims.head_dim = args.width / args.heads;
  dims.hidden = 4 * args.width;
  dims.vocabulary = args.vocabulary;
  dims.context = args.context;
  dims.norm_eps = spec.arch->eps_fallback;
  dims.act = TEPUI_ACT_GELU_ERF;
  dims.tied = true;
  dims.attention_bias = dims.mlp_bias = args.bias;
  return spec;
}

// nanoGPT's out folder holds its checkpoint under this name.
std::filesystem::path nanogpt_file(const std::filesystem::path& path) {
  std::error_code error;
  if (path.extension() == ".pt") return path;
  const auto file = path / "ckpt.pt";
  const bool is_there =
      !std::filesystem::exists(path / "config.json", error) && std::filesystem::exists(file, error);
  return is_there ? file : std::filesystem::path();
}

std::string last_name(const std::filesystem::path& path) {
  const auto normal = std::filesystem::absolute(path).lexically_normal();
  return normal.has_filename() ? normal.filename().string()
                               : normal.parent_path().filename().string();
}

Status open_folder(const std::filesystem::path& folder, Model& model) {
  const auto config = folder / "config.json";
  TEPUI_TRY(const std::string text, read_file(config));
  TEPUI_TRY(model.spec, read_config(text, config.string()));
  TEPUI_TRY(WeightFolder weights, open_weight_folder(folder));
  model.container = std::move(weights.container);
  model.source = std::move(weights.source);
  return bind_weights(model);
}

Status open_llama2c_model(const std::filesystem::path& path, Model& model) {
  TEPUI_TRY(Llama2cModel file, open_llama2c(path));
  model.spec = spec_of(file.header);
  model.source = std::move(file.source);
  model.container = "llama2.c";
  return bind_weights(model);
}

Status open_nanogpt_model(const std::filesystem::path& path, Model& model) {
  TEPUI_TRY(NanoGptModel file, open_nanogpt(path));
  if (file.args.width % file.args.heads != 0)
    return fail(ErrorKind::data, "{}: expected heads that divide the width of {}, found {}",
                path.string(), file.args.width, file.args.heads);
  model.spec = spec_of(file.args);
  model.source = std::move(file.source);
  model.container = "nanoGPT";
  return bind_weights(model);
}

Status open_gguf_model(const std::filesystem::path& path, Model& model) {
  TEPUI_TRY(GgufWeights file, open_gguf(path));
  if (file.source->tensors().empty())
    return fail(ErrorKind::data,
                "{}: expected a model, found no tensors: a file that holds a vocabulary alone "
                "serves tepui tokenize and nothing else",
                path.string());
  TEPUI_TRY(GgufModelSpec read, read_gguf_config(file.metadata, *file.source));
  model.spec = std::move(read.spec);
  model.source = std::move(file.source);
  model.container = "GGUF";
  const std::vector<Binding> bindings = gguf_bindings(*model.spec.arch, *read.gguf, *model.source);
  static constexpr std::string_view kNoPrefix[] = {""};
  return bind_weights(model, {bindings, kNoPrefix, gguf_ignored()});
}

}  // namespace

const BoundWeight* Model::find_global(WeightRole role) const {
  const auto found = std::ranges::find(globals, role, &BoundWeight::role);
  return found == globals.end() ? nullptr : &*found;
}

Result<Model> open_model(const std::filesystem::path& path) {
  Model model;
  model.path = path.string();
  model.name = last_name(path);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return fail(ErrorKind::io,
                "{}: expected a model folder, a .gguf file, a llama2.c .bin file or a nanoGPT .pt "
                "file, found nothing there",
                path.string());
  TEPUI_TRY(const std::filesystem::path gguf, gguf_file_of(path));
  if (!gguf.empty()) {
    TEPUI_TRY(open_gguf_model(gguf, model));
  } else if (const auto checkpoint = nanogpt_file(path); !checkpoint.empty()) {
    TEPUI_TRY(open_nanogpt_model(checkpoint, model));
  } else if (std::filesystem::is_directory(status)) {
    if (!std::filesystem::exists(path / "config.json", error))
      return fail(ErrorKind::data,
                  "{}: expected a model folder with config.json or a .gguf file, found none",
                  path.string());
    TEPUI_TRY(open_folder(path, model));
  } else if (path.extension() == ".bin") {
    TEPUI_TRY(open_llama2c_model(path, model));
  } else {
    return fail(ErrorKind::data,
                "{}: expected a model folder (config.json, model.safetensors or "
                "pytorch_model.bin), a .gguf file, a "
                "llama2.c .bin file or a nanoGPT .pt file",
                path.string());
  }
  return model;
}

}  // namespace tepui
