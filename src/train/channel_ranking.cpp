// SPDX-License-Identifier: MIT
#include "train/channel_ranking.h"

#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/utf8_text.h"
#include "train/mean_objective.h"
#include "train/objective.h"

namespace tepui {

namespace {

constexpr std::array<std::string_view, 3> kRankings = {"mean-difference", "f-statistic", "l1"};

struct ClassSums {
  std::vector<double> count;   // [classes]
  std::vector<double> sum;     // [classes, width]
  std::vector<double> square;  // [width]

  void reset(std::size_t classes, std::size_t width) {
    count.assign(classes, 0);
    sum.assign(classes * width, 0);
    square.assign(width, 0);
  }
};

Result<ClassSums> class_sums(const LabelledRows& data, std::size_t classes, ThreadPool* pool) {
  const auto width = static_cast<std::size_t>(data.rows->width());
  std::vector<float> origin(width);
  TEPUI_TRY(data.rows->read(0, 1, origin));
  const auto slots = static_cast<std::size_t>(pool != nullptr ? pool->size() : 1);
  std::vector<ClassSums> parts(slots);
  ClassSums all;
  all.reset(classes, width);
  const auto add = [](std::vector<double>& to, const std::vector<double>& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  };
  TEPUI_TRY(for_each_block(
      *data.rows, pool, static_cast<int>(slots),
      [&](const RowsOfBlock& block, int slot) -> Status {
        ClassSums& part = parts[static_cast<std::size_t>(slot)];
        part.reset(classes, width);
        for (std::int64_t r = 0; r < block.count; ++r) {
          const auto label = static_cast<std::size_t>(
              data.targets.labels[static_cast<std::size_t>(block.first + r)]);
          ++part.count[label];
          for (std::size_t c = 0; c < width; ++c) {
            const double x =
                double{block.rows[static_cast<std::size_t>(r) * width + c]} - double{origin[c]};
            part.sum[label * width + c] += x;
            part.square[c] += x * x;
          }
        }
        return {};
      },
      [&](std::int64_t /*block*/, int slot) {
        const ClassSums& part = parts[static_cast<std::size_t>(slot)];
        add(all.count, part.count);
        add(all.sum, part.sum);
        add(all.square, part.square);
      }));
  return all;
}

std::vector<double> telling(const ClassSums& sums, std::size_t width, Ranking ranking) {
  const std::size_t classes = sums.count.size();
  const double n = std::accumulate(sums.count.begin(), sums.count.end(), 0.0);
  double present = 0;
  for (const double count : sums.count) present += count > 0 ? 1 : 0;
  std::vector<double> out(width, 0.0);
  for (std::size_t c = 0; c < width; ++c) {
    double total = 0;
    double by_class = 0;  // sum of n_k mean_k^2
    for (std::size_t k = 0; k < classes; ++k) {
      const double sum = sums.sum[k * width + c];
      total += sum;
      if (sums.count[k] > 0) by_class += sum * sum / sums.count[k];
    }
    if (ranking == Ranking::f_statistic) {
      const double between = by_class - total * total / n;
      const double within = sums.square[c] - by_class;
      const double freedom = (n - present) / std::max(present - 1, 1.0);
      // Below the rounding of the sums there is no spread within the classes.
      out[c] = within > 1e-13 * sums.square[c]    ? std::max(between, 0.0) / within * freedom
               : between > 1e-13 * sums.square[c] ? std::numeric_limits<double>::infinity()
                                                  : 0;
      continue;
    }
    for (std::size_t k = 0; k < classes; ++k) {
      const double others = n - sums.count[k];
      if (sums.count[k] == 0 || others == 0) continue;
      const double sum = sums.sum[k * width + c];
      out[c] = std::max(out[c], std::abs(sum / sums.count[k] - (total - sum) / others));
    }
  }
  return out;
}

Result<std::vector<double>> l1_weights(const LabelledRows& data, int classes, ThreadPool* pool) {
  const int width = data.rows->width();
  HostNetLoss loss(NetShape{{width, classes}});
  MeanObjective objective(loss, *data.rows, data.targets, 0, pool);
  SolverOptions options;
  options.tolerance = 1e-4;
  options.l1 = 1 / (0.1 * data.targets.total());
  options.l1_parameters = static_cast<std::size_t>(width) * static_cast<std::size_t>(classes);
  std::vector<double> parameters(objective.parameters());
  TEPUI_TRY(minimise(objective, options, parameters));
  std::vector<double> out(static_cast<std::size_t>(width), 0.0);
  for (std::size_t i = 0; i < options.l1_parameters; ++i)
    out[i % out.size()] = std::max(out[i % out.size()], std::abs(parameters[i]));
  return out;
}

}  // namespace

Result<Ranking> ranking_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kRankings.size(); ++i)
    if (kRankings[i] == name) return static_cast<Ranking>(i);
  return fail(ErrorKind::usage, "--rank {}: expected mean-difference, f-statistic or l1",
              valid_utf8(name));
}

std::string_view ranking_name(Ranking ranking) {
  return kRankings[static_cast<std::size_t>(ranking)];
}

Result<std::vector<int>> rank_channels(const LabelledRows& data, int classes, Ranking ranking,
                                       ThreadPool* pool) {
  std::vector<double> score;
  if (ranking == Ranking::l1) {
    TEPUI_TRY(score, l1_weights(data, classes, pool));
  } else {
    TEPUI_TRY(const ClassSums sums, class_sums(data, static_cast<std::size_t>(classes), pool));
    score = telling(sums, static_cast<std::size_t>(data.rows->width()), ranking);
  }
  std::vector<int> order(score.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int a, int b) {
    return score[static_cast<std::size_t>(a)] > score[static_cast<std::size_t>(b)];
  });
  return order;
}

}  // namespace tepui
