// SPDX-License-Identifier: MIT
#include "study/training_log.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"

namespace tepui {
namespace {

// JSON has no NaN: the log of a run that ended with one has null there.
double log_number(const nlohmann::json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : std::nan("");
}

}  // namespace

Result<TrainingLog> read_training_log(const std::filesystem::path& file) {
  TEPUI_TRY(const std::string text, read_file(file));
  TrainingLog log;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    ++number;
    const auto line = nlohmann::json::parse(text.substr(at, end - at), nullptr, false);
    at = end + 1;
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer())
      return fail(ErrorKind::data, "{}: line {}: expected an object with a step", file.string(),
                  number);
    const auto step = line["step"].get<std::int64_t>();
    if (line.contains("loss"))
      log.steps.push_back({step, log_number(line, "loss"), log_number(line, "learning_rate"),
                           log_number(line, "gradient_norm"), log_number(line, "seconds")});
    if (line.contains("validation_loss"))
      log.evaluations.push_back(
          {step, log_number(line, "training_loss"), log_number(line, "validation_loss")});
  }
  return log;
}

}  // namespace tepui
