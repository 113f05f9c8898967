// SPDX-License-Identifier: MIT
#include "support/matrix_store.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace tepui::test {

namespace {

class Matrix {
 public:
  Matrix(RowSink& sink, int sequence, Point point, std::span<const float> x, int channels)
      : sink_(sink), x_(x), channels_(static_cast<std::size_t>(channels)) {
    row_.sequence = series_.sequence = sequence;
    row_.point = series_.point = point;
    order_.resize(x.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return std::abs(x_[a]) > std::abs(x_[b]);
    });
  }

  Status top(int count) {
    row_.metric = "top_k";
    for (int rank = 0; rank < count; ++rank)
      TEPUI_TRY(add(rank, order_[static_cast<std::size_t>(rank)]));
    return {};
  }

  Status quantiles() {
    row_.metric = "quantile";
    row_.position = row_.channel = row_.rank = -1;
    for (const double fraction : {0.25, 0.5, 0.75, 0.99}) {
      ++row_.rank;
      row_.parameter = fraction;
      row_.value = ascending(fraction);
      TEPUI_TRY(sink_.add(row_));
    }
    return {};
  }

  Status above(double ratio) {
    std::vector<std::size_t> found;
    for (std::size_t at = 0; at < x_.size(); ++at)
      if (std::abs(x_[at]) > ratio * double{ascending(0.5)}) found.push_back(at);
    row_.parameter = ratio;
    row_.metric = "above";
    int rank = 0;
    for (const std::size_t at : found) TEPUI_TRY(add(rank++, at));
    row_.metric = "above_count";
    row_.rank = -1;
    row_.position = row_.channel = -1;
    row_.value = static_cast<float>(found.size());
    return sink_.add(row_);
  }

  Status maxima() {
    const std::size_t tokens = x_.size() / channels_;
    std::vector<float> values(channels_, 0.0F);
    std::vector<std::uint32_t> places(channels_, 0);
    std::vector<float> token_values(tokens, 0.0F);
    std::vector<std::uint32_t> token_places(tokens, 0);
    for (std::size_t at = 0; at < x_.size(); ++at) {
      const std::size_t token = at / channels_;
      const std::size_t channel = at % channels_;
      if (std::abs(x_[at]) > std::abs(values[channel])) {
        values[channel] = x_[at];
        places[channel] = static_cast<std::uint32_t>(token);
      }
      if (std::abs(x_[at]) > std::abs(token_values[token])) {
        token_values[token] = x_[at];
        token_places[token] = static_cast<std::uint32_t>(channel);
      }
    }
    TEPUI_TRY(series("channel_max", values, places));
    return series("token_max", token_values, token_places);
  }

  Status series(std::string_view metric, std::span<const float> values,
                std::span<const std::uint32_t> indices) {
    series_.metric = metric;
    series_.values = values;
    series_.indices = indices;
    return sink_.add(series_);
  }

 private:
  Status add(int rank, std::size_t at) {
    row_.rank = rank;
    row_.position = static_cast<std::int64_t>(at / channels_);
    row_.channel = static_cast<std::int64_t>(at % channels_);
    row_.value = x_[at];
    return sink_.add(row_);
  }
  float ascending(double fraction) const {
    const auto last = static_cast<double>(x_.size() - 1);
    return std::abs(x_[order_[x_.size() - 1 - static_cast<std::size_t>(fraction * last)]]);
  }

  RowSink& sink_;
  std::span<const float> x_;
  std::size_t channels_;
  std::vector<std::size_t> order_;  // by descending |x|
  Observation row_;
  Series series_;
};

}  // namespace

Status add_matrix(RowSink& sink, int sequence, Point point, std::span<const float> x, int channels,
                  const MatrixOptions& options) {
  Matrix matrix(sink, sequence, point, x, channels);
  TEPUI_TRY(matrix.top(options.top));
  TEPUI_TRY(matrix.quantiles());
  TEPUI_TRY(matrix.above(options.keep_ratio));
  TEPUI_TRY(matrix.maxima());
  return options.surface ? matrix.series("surface", x, {}) : Status{};
}

}  // namespace tepui::test
