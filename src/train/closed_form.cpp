// SPDX-License-Identifier: MIT
#include "train/closed_form.h"

#include <Eigen/Cholesky>
#include <cmath>

#include "train/eigen_rows.h"

namespace tepui {

namespace {

// Sums over rows less `origin`.
struct RowSums {
  Eigen::MatrixXd gram;    // [width, width]; empty where it is not asked for
  RowsOfDoubles columns;   // [classes, width], or of values [2, width]: sum x, sum y x
  Eigen::VectorXd counts;  // [classes], or [2]: rows, sum y

  void resize(Eigen::Index width, Eigen::Index groups, bool with_gram) {
    gram.setZero(with_gram ? width : 0, with_gram ? width : 0);
    columns.setZero(groups, width);
    counts.setZero(groups);
  }
};

struct Summed {
  RowSums sums;
  Eigen::RowVectorXd origin;  // the first row: what all share does not cost digits
};

Result<Summed> sum_rows(const LabelledRows& data, int groups, bool with_gram, ThreadPool* pool) {
  const Eigen::Index width = data.rows->width();
  Summed out;
  std::vector<float> first(static_cast<std::size_t>(width));
  TEPUI_TRY(data.rows->read(0, 1, first));
  out.origin = Eigen::Map<const Eigen::RowVectorXf>(first.data(), width).cast<double>();
  out.sums.resize(width, groups, with_gram);
  const auto slots = static_cast<std::size_t>(pool != nullptr ? pool->size() : 1);
  std::vector<RowSums> parts(slots);
  TEPUI_TRY(for_each_block(
      *data.rows, pool, static_cast<int>(slots),
      [&](const RowsOfBlock& block, int slot) -> Status {
        RowSums& part = parts[static_cast<std::size_t>(slot)];
        part.resize(width, groups, with_gram);
        const RowsOfDoubles x = doubles_of(block, width).rowwise() - out.origin;
        if (with_gram) part.gram.noalias() = x.transpose() * x;
        const Targets own = data.targets.part(block.first, block.count);
        for (Eigen::Index r = 0; r < x.rows(); ++r) {
          const auto at = static_cast<std::size_t>(r);
          if (own.real()) {
            part.columns.row(0) += x.row(r);
            part.columns.row(1) += own.values[at] * x.row(r);
            part.counts(0) += 1;
            part.counts(1) += own.values[at];
          } else {
            part.columns.row(own.labels[at]) += x.row(r);
            part.counts(own.labels[at]) += 1;
          }
        }
        return {};
      },
      [&](std::int64_t /*block*/, int slot) {
        const RowSums& part = parts[static_cast<std::size_t>(slot)];
        out.sums.gram += part.gram;
        out.sums.columns += part.columns;
        out.sums.counts += part.counts;
      }));
  return out;
}

DenseNet net_of(const RowsOfDoubles& w, const Eigen::VectorXd& b) {
  std::vector<double> parameters(w.data(), w.data() + w.size());
  parameters.insert(parameters.end(), b.data(), b.data() + b.size());
  return linear_net(parameters, static_cast<int>(w.rows()), static_cast<int>(w.cols()));
}

// Class means about the origin, and the classes that have rows.
struct ClassMeans {
  RowsOfDoubles mean;
  std::vector<bool> present;
};

ClassMeans class_means(const RowSums& sums) {
  ClassMeans out{sums.columns, {}};
  for (Eigen::Index c = 0; c < sums.counts.size(); ++c) {
    out.present.push_back(sums.counts(c) > 0);
    if (sums.counts(c) > 0) out.mean.row(c) /= sums.counts(c);
  }
  return out;
}

// Logits w x + b of rows less the origin, as those of the rows.
DenseNet class_net(const RowsOfDoubles& w, Eigen::VectorXd b, const Summed& summed,
                   const std::vector<bool>& present) {
  constexpr double kNever = -1e30;
  b -= w * summed.origin.transpose();
  for (std::size_t c = 0; c < present.size(); ++c)
    if (!present[c]) b(static_cast<Eigen::Index>(c)) = kNever;
  return net_of(w, b);
}

}  // namespace

Result<DenseNet> fit_ridge(const LabelledRows& data, double lambda, ThreadPool* pool) {
  TEPUI_TRY(const Summed summed, sum_rows(data, 2, true, pool));
  const RowSums& sums = summed.sums;
  const double n = sums.counts(0);
  const double mean_y = sums.counts(1) / n;
  const Eigen::RowVectorXd mean = sums.columns.row(0) / n;
  Eigen::MatrixXd left = sums.gram / n - mean.transpose() * mean;
  left.diagonal().array() += lambda;
  const Eigen::VectorXd right = (sums.columns.row(1) / n - mean_y * mean).transpose();
  const Eigen::LDLT<Eigen::MatrixXd> solver(left);
  const Eigen::VectorXd w = solver.solve(right);
  const double off = (left * w - right).norm();
  if (solver.info() != Eigen::Success || !w.allFinite() || off > 1e-6 * (1 + right.norm()))
    return fail(ErrorKind::data,
                "ridge regression of {} rows on {} features: expected a system with one solution, "
                "found none at lambda {:g}: choose a larger one",
                data.rows->rows(), data.rows->width(), lambda);
  Eigen::VectorXd b(1);
  b(0) = mean_y - (mean + summed.origin).dot(w);
  return net_of(w.transpose(), b);
}

Result<DenseNet> fit_lda(const LabelledRows& data, int classes, double lambda, ThreadPool* pool) {
  TEPUI_TRY(const Summed summed, sum_rows(data, classes, true, pool));
  const RowSums& sums = summed.sums;
  const double n = sums.counts.sum();
  const ClassMeans means = class_means(sums);
  Eigen::MatrixXd within = sums.gram;
  for (Eigen::Index c = 0; c < classes; ++c)
    within -= sums.counts(c) * means.mean.row(c).transpose() * means.mean.row(c);
  within /= n;
  within.diagonal().array() += lambda;
  const Eigen::LDLT<Eigen::MatrixXd> solver(within);
  const RowsOfDoubles w = solver.solve(means.mean.transpose()).transpose();
  if (solver.info() != Eigen::Success || !w.allFinite())
    return fail(ErrorKind::data,
                "discriminant analysis of {} rows: expected a covariance that can be inverted, "
                "found none at lambda {:g}: choose a larger one",
                data.rows->rows(), lambda);
  Eigen::VectorXd b = (w.array() * means.mean.array()).rowwise().sum() / -2;
  for (Eigen::Index c = 0; c < classes; ++c) b(c) += std::log(std::max(sums.counts(c), 1.0) / n);
  return class_net(w, b, summed, means.present);
}

Result<DenseNet> fit_class_means(const LabelledRows& data, int classes, ThreadPool* pool) {
  TEPUI_TRY(const Summed summed, sum_rows(data, classes, false, pool));
  const ClassMeans means = class_means(summed.sums);
  const Eigen::VectorXd b = means.mean.rowwise().squaredNorm() / -2;
  return class_net(means.mean, b, summed, means.present);
}

}  // namespace tepui
