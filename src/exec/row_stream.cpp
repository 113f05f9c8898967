// SPDX-License-Identifier: MIT
#include "exec/row_stream.h"

#include <algorithm>
#include <cmath>

namespace tepui {

Status check_finite_row(std::span<const float> row, Point point, int sequence, int position) {
  const auto wrong = std::ranges::find_if(row, [](float x) { return !std::isfinite(x); });
  if (wrong == row.end()) return {};
  const std::string layer = point.layer == kNoLayer ? "" : fmt::format(" of layer {}", point.layer);
  return fail(
      ErrorKind::data,
      "activation {}{} is {} at sequence {}, position {}, channel {}: expected finite values",
      site_name(point.site), layer,
      std::isnan(*wrong) ? "nan"
      : *wrong > 0       ? "inf"
                         : "-inf",
      sequence, position, wrong - row.begin());
}

Status check_finite_rows(const RowBlock& block) {
  const auto width = static_cast<std::size_t>(block.width);
  std::size_t row = 0;
  for (std::size_t s = 0; s < block.lengths.size(); ++s) {
    const int sequence = block.first_sequence + static_cast<int>(s);
    for (int position = 0; position < block.lengths[s]; ++position, ++row)
      TEPUI_TRY(check_finite_row(block.rows.subspan(row * width, width), block.point, sequence,
                                 position));
  }
  return {};
}

}  // namespace tepui
