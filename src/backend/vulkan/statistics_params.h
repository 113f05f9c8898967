// SPDX-License-Identifier: MIT
// What the fused statistics of one value are told, read by C++ and by GLSL
// (statistics_plan.h, shaders/lib/statistics.glsl).
#ifndef TEPUI_STATISTICS_PARAMS_H
#define TEPUI_STATISTICS_PARAMS_H

#ifdef __cplusplus
#include <cstdint>
namespace tepui::vulkan {
using uint = std::uint32_t;
#endif

struct StatisticsParams {
  uint rows;
  uint dim;
  uint sequences;
  uint ranks;         // of quantile_abs; 0: not asked for
  uint k;             // of top_k_abs; 0: not asked for
  uint capacity;      // of above_abs; 0: not asked for
  uint level_column;  // of above_abs, among the ranks
  float ratio;
  float floor;
  uint tiles;    // partial maxima that the producer wrote for each row; 0: none
  uint outputs;  // bits: TEPUI_STATISTICS_*
};

#define TEPUI_STATISTICS_TOKEN_MAX 1u
#define TEPUI_STATISTICS_L2_NORM 2u

#ifdef __cplusplus
}  // namespace tepui::vulkan
#endif

#endif
