// SPDX-License-Identifier: MIT
// How well labels are predicted. Numbers that mean nothing (one class alone) are NaN.
#pragma once

#include <span>
#include <vector>

namespace tepui {

struct ClassScores {
  double accuracy = 0;
  double balanced_accuracy = 0;  // mean recall of the classes that occur
  double f1 = 0;   // of class 1 where there are two classes, else mean of those that occur
  double mcc = 0;  // Matthews' correlation; of several classes Gorodkin's R_K; 0 where undefined
  double roc_auc = 0;  // of class 1 against 0; else mean over classes of one against the rest
};

// log_p is [labels, classes]; a row's prediction is its largest, the lowest index among equals.
ClassScores class_scores(std::span<const int> labels, std::span<const double> log_p, int classes);
std::vector<int> predictions_of(std::span<const double> log_p, int classes);
// The chance that a positive's score is above a negative's, ties half; NaN where a score is.
double roc_auc(std::span<const double> scores, const std::vector<bool>& positive);

struct ValueScores {
  double r2 = 0;  // 1 - sum (y - f)^2 / sum (y - mean y)^2, the mean that of these values
  double mean_square = 0;
};
ValueScores value_scores(std::span<const double> values, std::span<const double> predicted);

}  // namespace tepui
