// SPDX-License-Identifier: MIT
#include "train/train_checkpoint.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/json_difference.h"
#include "base/mapped_file.h"
#include "base/new_file.h"
#include "weights/safetensors_writer.h"
#include "weights/source.h"

namespace tepui {
namespace {

constexpr std::string_view kPrefix = "step-";
constexpr const char* kStateFile = "optimizer.safetensors";
constexpr const char* kTrainerFile = "trainer.json";

std::string moment_name(const Parameter& parameter, const char* which) {
  return fmt::format("{}.{}", which, parameter.name);
}

Status write_moments(const std::filesystem::path& file, const std::vector<Parameter>& parameters,
                     const TrainState& state) {
  std::vector<FloatTensor> tensors;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (state.first[i].empty()) continue;
    const Shape& shape = parameters[i].shape;
    tensors.push_back({moment_name(parameters[i], "first"), shape, state.first[i]});
    tensors.push_back({moment_name(parameters[i], "second"), shape, state.second[i]});
  }
  return write_safetensors(file, std::move(tensors), {});
}

Status copy_beside(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(from, error)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name == kStateFile || name == kTrainerFile || name.ends_with(".safetensors");
    if (ours || !entry.is_regular_file()) continue;
    std::filesystem::copy_file(entry.path(), to / name, error);
    if (error)
      return fail(ErrorKind::io, "{}: cannot be copied to {}: {}", entry.path().string(),
                  to.string(), error.message());
  }
  if (error) return fail(ErrorKind::io, "{}: {}", from.string(), error.message());
  return {};
}

Result<std::vector<float>> moment_values(const WeightSource& source, const Parameter& parameter,
                                         const char* which, const std::string& file) {
  const TensorRef* tensor = source.find(moment_name(parameter, which));
  const TensorType type{DType::f32, parameter.shape};
  if (tensor == nullptr || tensor->type != type)
    return fail(ErrorKind::data, "{}: {}: expected {}, found {}", file,
                moment_name(parameter, which), type.to_string(),
                tensor == nullptr ? "none" : tensor->type.to_string());
  const HostView view{tensor->type, tensor->bytes};
  std::vector<float> values(parameter.elements());
  std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  return values;
}

// Older checkpoints do not say what they learnt from.
Status check_data(const CheckpointPlace& place, const nlohmann::json& trainer,
                  const RecipeRecord& recipe) {
  const auto stored = trainer.value("data", nlohmann::json());
  if (!stored.is_string() || stored == "" || recipe.data.empty() || stored == recipe.data)
    return {};
  return fail(ErrorKind::data,
              "{}: the run there learnt from other tokens than the recipe's data gives now: "
              "expected the same texts and tokenizer to go on, or another --out",
              place.folder.parent_path().string());
}

}  // namespace

std::filesystem::path checkpoint_name(std::int64_t step) {
  return fmt::format("{}{:06}", kPrefix, step);
}

Result<std::optional<CheckpointPlace>> last_checkpoint(const std::filesystem::path& run) {
  std::optional<CheckpointPlace> last;
  std::error_code error;
  if (!std::filesystem::exists(run, error)) return last;
  for (const auto& entry : std::filesystem::directory_iterator(run, error)) {
    const std::string name = entry.path().filename().string();
    std::int64_t step = 0;
    const char* const end = name.data() + name.size();
    if (!name.starts_with(kPrefix) ||
        std::from_chars(name.data() + kPrefix.size(), end, step).ptr != end ||
        !std::filesystem::exists(entry.path() / kTrainerFile))
      continue;
    if (!last || step > last->step) last = CheckpointPlace{entry.path(), step};
  }
  if (error) return fail(ErrorKind::io, "{}: {}", run.string(), error.message());
  return last;
}

Status write_checkpoint(const std::filesystem::path& run, std::int64_t step,
                        const std::vector<Parameter>& parameters, const TrainState& state,
                        const std::filesystem::path& like, const RecipeRecord& recipe) {
  const std::filesystem::path unfinished = run / "unfinished";
  std::error_code error;
  std::filesystem::remove_all(unfinished, error);
  std::filesystem::create_directories(unfinished, error);
  if (error)
    return fail(ErrorKind::io, "{}: cannot be made: {}", unfinished.string(), error.message());
  TEPUI_TRY(copy_beside(like, unfinished));
  const std::vector<TensorValues> tensors = file_tensors(parameters, state.values);
  std::vector<FloatTensor> list;
  for (const TensorValues& tensor : tensors)
    list.push_back({tensor.name, tensor.shape, tensor.values});
  TEPUI_TRY(write_safetensors(unfinished / "model.safetensors", list, {{"format", "pt"}}));
  TEPUI_TRY(write_moments(unfinished / kStateFile, parameters, state));
  const nlohmann::json trainer = {{"next_step", step},
                                  {"recipe", recipe.hash},
                                  {"data", recipe.data},
                                  {"settings", recipe.settings}};
  TEPUI_TRY(
      write_new_file(unfinished / kTrainerFile,
                     trainer.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n"));
  return replace_folder(unfinished, run / checkpoint_name(step));
}

Status check_recipe(const CheckpointPlace& place, const RecipeRecord& recipe) {
  const std::string file = (place.folder / kTrainerFile).string();
  TEPUI_TRY(const std::string text, read_file(file));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("next_step", nlohmann::json()) != place.step ||
      !json.value("recipe", nlohmann::json()).is_string())
    return fail(ErrorKind::data, "{}: expected next_step {} and the recipe's hash", file,
                place.step);
  if (json["recipe"] == recipe.hash) return check_data(place, json, recipe);
  const nlohmann::json stored = json.value("settings", nlohmann::json());
  const bool known = stored.is_object() && recipe.settings.is_object();
  const std::vector<JsonDifference> differences =
      known ? json_differences(stored, recipe.settings) : std::vector<JsonDifference>();
  if (known && differences.empty())  // numbers that are written in another way
    return check_data(place, json, recipe);
  const auto told = [](const JsonDifference& difference) {
    return fmt::format("{} = {} (given: {})", difference.field, difference.stored,
                       difference.wanted);
  };
  return fail(ErrorKind::usage,
              "{}: the run there has another recipe{}: expected the same one to go on, or another "
              "--out",
              place.folder.parent_path().string(),
              known ? ", with " + listed_differences(differences, ", ", told)
                    : " (its settings were not kept)");
}

Result<TrainState> read_checkpoint(const CheckpointPlace& place,
                                   const std::vector<Parameter>& parameters) {
  TrainState state;
  TEPUI_TRY(const std::unique_ptr<WeightSource> source,
            open_safetensors(place.folder / kStateFile));
  const std::string moments = (place.folder / kStateFile).string();
  for (const Parameter& parameter : parameters) {
    state.values.push_back(parameter_values(parameter));
    state.first.emplace_back();
    state.second.emplace_back();
    if (source->find(moment_name(parameter, "first")) == nullptr) continue;  // not trained
    TEPUI_TRY(state.first.back(), moment_values(*source, parameter, "first", moments));
    TEPUI_TRY(state.second.back(), moment_values(*source, parameter, "second", moments));
  }
  return state;
}

}  // namespace tepui
