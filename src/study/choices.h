// SPDX-License-Identifier: MIT
// Multiple-choice tasks: how often the choice that a model finds most likely is the right one,
// unedited and under edits. Likelihoods are summed, or divided by the choice's length.
#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/rows.h"
#include "study/branch_setup.h"
#include "study/choice_scorer.h"
#include "study/input_request.h"

namespace tepui {

struct ChoicesRequest : InputRequest {  // `out`, if given, is the file of results by item
  std::vector<std::filesystem::path> tasks;
  int limit = 0;                        // items of each file; 0: all
  std::vector<BranchRequest> branches;  // beside the unedited run
  CalibrationRequest calibration;
  MassiveRule rule;
};

// What a log-likelihood is divided by before choices are compared. The lengths are those of the
// choice without the blanks around it; by characters is lm-evaluation-harness's acc_norm.
enum class LengthNorm : std::uint8_t { sum, characters, bytes, tokens };
inline constexpr std::array kLengthNorms = {LengthNorm::sum, LengthNorm::characters,
                                            LengthNorm::bytes, LengthNorm::tokens};
std::string_view norm_name(LengthNorm norm);

struct ItemResult {
  int line = 0;
  int answer = 0;
  std::vector<std::vector<double>> log_likelihoods;  // by branch, then choice
  std::array<std::vector<double>, 4> lengths;        // by LengthNorm, then choice; 1 of sum
  // The most likely choice; the first of equals.
  int chosen(std::size_t branch, LengthNorm norm) const;
};

// A share and its standard error, sqrt(p (1 - p) / (n - 1)); none of a single item.
struct Accuracy {
  int items = 0;
  int right = 0;
  double share() const;
  double error() const;  // NaN where there is none
};

struct TaskResult {
  std::string name;
  std::string path;
  std::vector<ItemResult> items;
  Accuracy accuracy(std::size_t branch, LengthNorm norm) const;
};

struct ChoicesResult {
  RunInfo run;
  std::vector<BranchRow> branches;  // the unedited one first
  std::vector<TaskResult> tasks;
  bool shared = true;     // what choices have in common was computed once
  bool fits = true;       // the model and what is kept of beginnings stay in memory
  int computed = 0;       // items of this run; the others were in the file
  std::int64_t rows = 0;  // tokens that went through the layers
  double seconds = 0;
};

Result<ChoicesResult> run_choices(const ChoicesRequest& request, const RunProgress& progress);

std::string choices_table(const ChoicesResult& result, int width);
nlohmann::ordered_json choices_json(const ChoicesResult& result);

}  // namespace tepui
