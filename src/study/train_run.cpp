// SPDX-License-Identifier: MIT
#include "study/train_run.h"

#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "store/append_file.h"
#include "store/schema.h"
#include "store/writer.h"
#include "study/recipe_file.h"
#include "study/scan.h"
#include "study/training_log.h"
#include "study/watch_rows.h"
#include "study/zeroing.h"
#include "train/train_checkpoint.h"

namespace tepui {
namespace {

Result<TrainRequest> read_request(const TrainCommand& command) {
  TEPUI_TRY(RecipeFile file, read_recipe(command.recipe));
  return request_of(command, std::move(file));
}

// The lines of steps before this one stay: a run that was cut off may have logged more.
Result<AppendFile> open_log(const std::filesystem::path& path, std::int64_t step) {
  std::error_code error;
  std::uint64_t kept = 0;
  if (step > 0 && std::filesystem::exists(path, error)) {
    TEPUI_TRY(const std::string text, read_file(path));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      if (end == std::string::npos) break;
      const auto line = nlohmann::json::parse(text.substr(at, end - at), nullptr, false);
      if (!line.is_object() || !line.contains("step") || line["step"] >= step) break;
      at = kept = end + 1;
    }
  }
  return AppendFile::open(path, kept);
}

WatchedSteps watched_steps(const TrainRequest& request, const TrainCommand& command,
                           const Backend& backend) {
  const DeviceInfo& device = backend.device();
  RunInfo info;
  info.options = nlohmann::json{{"command", command.typed}}.dump(
      -1, ' ', true, nlohmann::json::error_handler_t::replace);
  info.model = std::filesystem::weakly_canonical(request.out).filename().string();
  info.model_path = request.out.string();
  info.model_fingerprint = request.record.hash;
  info.tokenizer = "none";
  info.text = "the validation data of " + command.recipe.string();
  info.backend = device.backend;
  info.device = device.name;
  info.detail = device.detail;
  info.version = tepui_version();
  return {request.out,
          {{"version", tepui_version()},
           {"recipe", request.record.hash},
           {"backend", device.backend},
           {"isa", device.isa}},
          info};
}

// Other commands read the store of a folder, and would not see a run beside it.
Status check_out(const std::filesystem::path& out) {
  std::error_code ignored;
  if (!std::filesystem::exists(out / kStoreFile, ignored) ||
      std::filesystem::exists(out / kTrainingLog, ignored))
    return {};
  return fail(ErrorKind::io,
              "{}: expected a training run or a new folder, found a store of another command; "
              "choose another --out",
              out.string());
}

}  // namespace

Result<TrainRequest> request_of(const TrainCommand& command, RecipeFile file) {
  TrainRequest request;
  if (!command.out && !file.out)
    return fail(ErrorKind::usage, "{}: expected out in the recipe, or --out DIR, found neither",
                command.recipe.string());
  request.out = command.out ? *command.out : *file.out;
  request.recipe = std::move(file.recipe);
  request.record = std::move(file.record);
  if (command.until) request.until = *command.until;
  return request;
}

Result<TrainResult> run_train(const TrainCommand& command, const TrainView& view) {
  TEPUI_TRY(const TrainRequest request, read_request(command));
  return run_request(request, command, view);
}

Result<TrainResult> run_request(const TrainRequest& request, const TrainCommand& command,
                                const TrainView& view) {
  TEPUI_TRY(check_out(request.out));
  TEPUI_TRY(const std::unique_ptr<Backend> backend,
            make_backend(command.backend, {.threads = command.threads, .isa = {}}));
  TEPUI_TRY(const auto lock, WriteLock::try_acquire(request.out, "train.lock"));
  if (!lock)
    return fail(ErrorKind::io,
                "{}: another process is training here; wait for it to end, or choose another --out",
                request.out.string());
  TEPUI_TRY(const std::optional<CheckpointPlace> last, last_checkpoint(request.out));
  TEPUI_TRY(AppendFile log, open_log(request.out / kTrainingLog, last ? last->step : 0));
  const std::int64_t tokens_per_step = std::int64_t{request.recipe.batch} *
                                       request.recipe.accumulation * request.recipe.model.context;
  std::int64_t tokens = 0;
  const auto write = [&](const nlohmann::json& line) { return log.write(line.dump() + "\n"); };
  TrainObserver observer;
  observer.stop = view.stop;
  observer.step = [&](const StepReport& report) -> Status {
    tokens += tokens_per_step;
    if (view.step) view.step(report, tokens);
    nlohmann::json line = {{"step", report.step},
                           {"loss", report.loss},
                           {"learning_rate", report.rate},
                           {"gradient_norm", report.norm},
                           {"seconds", report.seconds}};
    if (!request.recipe.auxiliary.empty()) line["auxiliary_loss"] = report.auxiliary;
    if (report.rescaled > 0) line["rescaled"] = report.rescaled;
    return write(line);
  };
  observer.evaluation = [&](const EvaluationReport& report) -> Status {
    if (view.evaluation) view.evaluation(report);
    TEPUI_TRY(write({{"step", report.step},
                     {"training_loss", report.training},
                     {"validation_loss", report.validation}}));
    return log.sync();
  };
  WatchedSteps watched = watched_steps(request, command, *backend);
  observer.watch = [&](const WatchReport& report) { return watched.write(report); };
  observer.begin = [&](std::int64_t first, std::int64_t steps) -> Status {
    if (view.begin) view.begin(first, steps);
    return request.recipe.watch_every > 0 ? watched.begin(first) : Status();
  };
  TrainResult result;
  result.folder = request.out;
  result.device = backend->device().backend;
  if (!backend->device().detail.empty()) result.device += ", " + backend->device().detail;
  TEPUI_TRY(result.outcome, train(*backend, request, observer));
  TEPUI_TRY(log.sync());
  if (request.recipe.zeroing && result.outcome.finished) {
    TEPUI_TRY(result.zeroing, run_zeroing(request, command, result.outcome.checkpoint));
  }
  return result;
}

Result<std::string> train_plan_text(const TrainCommand& command, bool json) {
  TEPUI_TRY(const TrainRequest request, read_request(command));
  TEPUI_TRY(const TrainPlan plan, plan_training(request));
  const TrainRecipe& recipe = request.recipe;
  if (json)
    return nlohmann::ordered_json{{"folder", valid_utf8(request.out.string())},
                                  {"parameters", plan.parameters},
                                  {"vocabulary", plan.vocabulary},
                                  {"training_tokens", plan.training_tokens},
                                  {"validation_tokens", plan.validation_tokens},
                                  {"steps", recipe.schedule.steps},
                                  {"first_step", plan.first},
                                  {"tokens_per_step", plan.tokens_per_step}}
               .dump(2) +
           "\n";
  const std::string model =
      recipe.model.from ? fmt::format("the model {}", recipe.model.from->string())
                        : fmt::format("{}, {} layers, width {}, {} heads", recipe.model.family,
                                      recipe.model.layers, recipe.model.width, recipe.model.heads);
  std::string text = fmt::format(
      "{}, context {}, vocabulary {}: {} parameters\n"
      "{} tokens to learn from, {} to be judged by\n"
      "{} steps of {} tokens ({} x {} sequences), {:.1f} passes over the data\n",
      model, recipe.model.context, plan.vocabulary, plan.parameters, plan.training_tokens,
      plan.validation_tokens, recipe.schedule.steps, plan.tokens_per_step, recipe.accumulation,
      recipe.batch,
      static_cast<double>(recipe.schedule.steps) * static_cast<double>(plan.tokens_per_step) /
          static_cast<double>(std::max<std::int64_t>(1, plan.training_tokens)));
  if (plan.first > 0) text += fmt::format("goes on at step {}\n", plan.first);
  return text + fmt::format("in {}\n", request.out.string());
}

std::string train_json(const TrainResult& result) {
  const TrainOutcome& out = result.outcome;
  nlohmann::json json = {{"folder", valid_utf8(result.folder.string())},
                         {"checkpoint", valid_utf8(out.checkpoint.string())},
                         {"device", result.device},
                         {"first_step", out.first},
                         {"next_step", out.next},
                         {"finished", out.finished},
                         {"tokens", out.tokens},
                         {"seconds", out.seconds}};
  if (out.finished) json["validation_loss"] = out.whole_validation;
  if (result.zeroing) {
    json["perplexity"] = result.zeroing->perplexity;
    json["zeroed_perplexity"] = result.zeroing->first;
    json["zeroed_everywhere"] = result.zeroing->everywhere;
    json["zeroed_massive"] = result.zeroing->massive;
    json["zero_edit"] = result.zeroing->first_edit;
    json["zero_edits"] = result.zeroing->every_edit;
  }
  return json.dump(2) + "\n";
}

}  // namespace tepui
