// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ConstancyParams>();
  const std::uint64_t width = std::uint64_t{p.groups} * p.dim;
  return OperandCheck("constancy", in, {"x", "less", "shift", "mark", "offsets"})
      .is(0, DType::f32, shape_of(p.rows, width))
      .is_absent_or(1, DType::f32, shape_of(p.rows, width))
      .is_absent_or(2, DType::f32, shape_of(width))
      .is(3, DType::u32, shape_of(p.rows))
      .is(4, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives({{DType::f32, shape_of(p.sequences, p.groups, 4)}});
}

// The selected rows of one group of one sequence, [n, dim], with the mean of each element.
struct Group {
  std::vector<std::vector<double>> rows;
  std::vector<double> mean;       // [dim]
  std::vector<double> magnitude;  // [dim]: the mean of |y|
};

class Groups {
 public:
  Groups(std::span<const HostView> in, const ConstancyParams& p) : in_(in), p_(p) {}

  Group at(std::size_t s, std::size_t g) const {
    const Elements<float> x(in_[0]);
    const Elements<float> less(in_[1]);
    const Elements<float> shift(in_[2]);
    const Elements<std::uint32_t> mark(in_[3]);
    const SequenceRows sequence = sequence_rows(in_[4], s, p_.rows);
    Group group;
    group.mean.assign(p_.dim, 0.0);
    group.magnitude.assign(p_.dim, 0.0);
    for (std::size_t r = sequence.begin; r < sequence.end; ++r) {
      if (mark[r] != p_.which) continue;
      std::vector<double>& row = group.rows.emplace_back();
      for (std::size_t d = 0; d < p_.dim; ++d) {
        const std::size_t column = g * p_.dim + d;
        const std::size_t at = r * p_.groups * p_.dim + column;
        float y = x[at];
        if (in_[1].type.present()) y -= less[at];
        if (in_[2].type.present()) y -= shift[column];
        row.push_back(static_cast<double>(y));
        group.mean[d] += row.back();
        group.magnitude[d] += std::abs(row.back());
      }
    }
    const auto count = static_cast<double>(std::max<std::size_t>(group.rows.size(), 1));
    for (double& mean : group.mean) mean /= count;
    for (double& magnitude : group.magnitude) magnitude /= count;
    return group;
  }

 private:
  std::span<const HostView> in_;
  const ConstancyParams& p_;
};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return sum;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ConstancyParams>();
  const auto y = out[0].as<float>();
  const Groups groups(in, p);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    for (std::size_t g = 0; g < p.groups; ++g) {
      const Group group = groups.at(s, g);
      const double centre = dot(group.mean, group.mean);
      double square = 0;
      double spread = 0;
      double cosine = 0;
      for (const auto& row : group.rows) {
        const double own = dot(row, row);
        const double norms = std::sqrt(own) * std::sqrt(centre);
        square += own;
        spread += distance(row, group.mean);
        cosine += norms > 0 ? dot(row, group.mean) / norms : 0;
      }
      const auto count = static_cast<double>(std::max<std::size_t>(group.rows.size(), 1));
      float* to = &y[(s * p.groups + g) * 4];
      to[0] = static_cast<float>(square / count);
      to[1] = static_cast<float>(centre);
      to[2] = static_cast<float>(spread / count);
      to[3] = static_cast<float>(cosine / count);
    }
  }
}

// The mean of element d is wrong by m_d = n eps mean |y_d|; what is made of it by the products of
// that error with what it meets, beside the roundings of sums of dim and of n terms. A cosine lies
// within 1 of 0, however small the vectors are.
class Bounds {
 public:
  explicit Bounds(const Group& group) : group_(group) {
    const double count = static_cast<double>(group.rows.size());
    const double dim = static_cast<double>(group.mean.size());
    rounding_ = (dim + count + 16) * kUnit;
    for (const double magnitude : group.magnitude)
      mean_error_.push_back((count + 2) * kUnit * magnitude + kTiny);
    centre_ = dot(group.mean, group.mean);
    for (std::size_t d = 0; d < group.mean.size(); ++d)
      centre_error_ += (2 * std::abs(group.mean[d]) + mean_error_[d]) * mean_error_[d];
    centre_error_ += rounding_ * centre_ + dim * kTiny;
  }

  void put(double* to) const {
    const double count = static_cast<double>(group_.rows.size());
    double square = 0;
    double spread = 0;
    double cosine = 0;
    for (const auto& row : group_.rows) {
      square += rounding_ * dot(row, row) + kTiny * static_cast<double>(row.size());
      spread += spread_of(row);
      cosine += cosine_of(row);
    }
    to[0] = square / count;
    to[1] = centre_error_;
    to[2] = spread / count;
    to[3] = cosine / count;
  }

 private:
  double spread_of(const std::vector<double>& row) const {
    double sum = 0;
    for (std::size_t d = 0; d < row.size(); ++d) {
      const double difference = std::abs(row[d] - group_.mean[d]);
      const double error = mean_error_[d] + kUnit * difference;
      sum += (2 * difference + error) * error + rounding_ * difference * difference + kTiny;
    }
    return sum;
  }

  double cosine_of(const std::vector<double>& row) const {
    constexpr double kMost = 2;
    const double norm = std::sqrt(dot(row, row));
    const double norms = norm * std::sqrt(centre_);
    if (!(norms > 0)) return kMost;
    double product = 0;
    double magnitude = 0;
    for (std::size_t d = 0; d < row.size(); ++d) {
      product += std::abs(row[d]) * mean_error_[d] + kTiny;
      magnitude += std::abs(row[d] * group_.mean[d]);
    }
    product += rounding_ * magnitude;
    const double own = norm * norm;
    const double of_norms = rounding_ + kTiny * static_cast<double>(row.size()) / own +
                            centre_error_ / std::max(centre_ - centre_error_, kTiny);
    const double value = std::abs(dot(row, group_.mean)) / norms;
    return std::min(kMost, product / norms * (1 + of_norms) + value * of_norms + 4 * kUnit);
  }

  const Group& group_;
  double rounding_ = 0;
  std::vector<double> mean_error_;
  double centre_ = 0;
  double centre_error_ = 0;
};

void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ConstancyParams>();
  const Groups groups(request.in, p);
  std::fill(bound.begin(), bound.end(), 0.0);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    for (std::size_t g = 0; g < p.groups; ++g) {
      const Group group = groups.at(s, g);
      if (!group.rows.empty()) Bounds(group).put(&bound[(s * p.groups + g) * 4]);
    }
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<ConstancyParams>();
  return 10.0 * p.rows * p.groups * p.dim;
}

}  // namespace

const Op& constancy_op() {
  static constexpr Op kOp{"constancy", 5, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
