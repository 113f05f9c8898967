// SPDX-License-Identifier: MIT
// Probes that need one pass over the rows and no iteration, from sums in double: ridge regression
// of a value, linear discriminant analysis, and nearest class means (mass-mean).
#pragma once

#include "train/dense_net.h"
#include "train/mlp.h"

namespace tepui {

// Minimises mean (w x + b - y)^2 / 2 + lambda / 2 |w|^2 by the Gram matrix of the centred rows. An
// error where that has no solution (lambda 0 and dependent features).
Result<DenseNet> fit_ridge(const LabelledRows& data, double lambda, ThreadPool* pool);

// Gaussians of one covariance, that within the classes plus `lambda` times the identity: logits
// mu_c' S^-1 x - mu_c' S^-1 mu_c / 2 + log of the class's share. A class without rows gets a logit
// that no other is below.
Result<DenseNet> fit_lda(const LabelledRows& data, int classes, double lambda, ThreadPool* pool);

// The same with the identity for a covariance and equal shares: logits mu_c' x - |mu_c|^2 / 2.
Result<DenseNet> fit_class_means(const LabelledRows& data, int classes, ThreadPool* pool);

}  // namespace tepui
