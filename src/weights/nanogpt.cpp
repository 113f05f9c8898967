// SPDX-License-Identifier: MIT
#include "weights/nanogpt.h"

#include "weights/mapped_source.h"
#include "weights/torch_archive.h"

namespace tepui {

namespace {

constexpr std::string_view kCompiled = "_orig_mod.";  // what torch.compile puts before names
constexpr std::int64_t kLargestSize = 1 << 28;

class Checkpoint {
 public:
  Checkpoint(const std::string& file, const TorchArchive& archive)
      : file_(file), archive_(archive), pickle_(archive.pickle()) {}

  Result<NanoGptArgs> args() const {
    const auto* args = pickle_.dict(pickle_.root(), "model_args");
    if (args == nullptr)
      return fail(ErrorKind::data,
                  "{}: expected a nanoGPT checkpoint with \"model_args\", found none", file_);
    NanoGptArgs out;
    TEPUI_TRY(out.layers, size(*args, "n_layer"));
    TEPUI_TRY(out.heads, size(*args, "n_head"));
    TEPUI_TRY(out.width, size(*args, "n_embd"));
    TEPUI_TRY(out.context, size(*args, "block_size"));
    TEPUI_TRY(out.vocabulary, size(*args, "vocab_size"));
    const auto* bias = value(*args, "bias");
    if (bias == nullptr) return out;  // before the key was there, all had them
    if (const bool* found = std::get_if<bool>(bias)) {
      out.bias = *found;
      return out;
    }
    return fail(ErrorKind::data, "{}: model_args \"bias\": expected True or False", file_);
  }

  Result<std::vector<TensorRef>> tensors() const {
    const auto* model = pickle_.dict(pickle_.root(), "model");
    if (model == nullptr)
      return fail(ErrorKind::data, "{}: expected a nanoGPT checkpoint with \"model\", found none",
                  file_);
    return archive_.tensors(*model, "\"model\"", kCompiled);
  }

 private:
  const TorchPickle::Value* value(const TorchPickle::Dict& dict, std::string_view key) const {
    for (const auto& item : dict.items) {
      const auto* name = pickle_.as<std::string>(item.first);
      if (name != nullptr && *name == key) return &pickle_[item.second];
    }
    return nullptr;
  }

  Result<int> size(const TorchPickle::Dict& args, std::string_view key) const {
    const auto* found = value(args, key);
    const auto* number = found == nullptr ? nullptr : std::get_if<std::int64_t>(found);
    if (number == nullptr || *number < 1 || *number > kLargestSize)
      return fail(ErrorKind::data,
                  "{}: model_args \"{}\": expected a whole number from 1 to {}, found {}", file_,
                  key, kLargestSize,
                  number != nullptr  ? std::to_string(*number)
                  : found == nullptr ? "none"
                                     : "something else");
    return static_cast<int>(*number);
  }

  const std::string& file_;
  const TorchArchive& archive_;
  const TorchPickle& pickle_;
};

}  // namespace

Result<NanoGptModel> open_nanogpt(const std::filesystem::path& path) {
  TEPUI_TRY(MappedFile file, open_weight_file(path));
  const std::string name = path.string();
  TEPUI_TRY(const TorchArchive archive, TorchArchive::read(file));
  const Checkpoint checkpoint(name, archive);
  NanoGptModel model;
  TEPUI_TRY(model.args, checkpoint.args());
  TEPUI_TRY(auto tensors, checkpoint.tensors());
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  model.source = std::make_unique<MappedSource>(std::move(files), std::move(tensors));
  return model;
}

}  // namespace tepui
