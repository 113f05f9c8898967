// SPDX-License-Identifier: MIT
// Rows as matrices of Eigen, in double. For the sources of this folder that compute with them.
#pragma once

#include <Eigen/Core>

#include "train/row_source.h"

namespace tepui {

using RowsOfDoubles = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowsOfFloats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline RowsOfDoubles doubles_of(const RowsOfBlock& block, Eigen::Index width) {
  return Eigen::Map<const RowsOfFloats>(block.rows.data(), block.count, width).cast<double>();
}

}  // namespace tepui
