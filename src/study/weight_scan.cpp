// SPDX-License-Identifier: MIT
#include "study/weight_scan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "models/weight_rows.h"

namespace tepui {

namespace {

constexpr WeightRole kVectors[] = {WeightRole::attn_norm,  WeightRole::attn_norm_bias,
                                   WeightRole::o_bias,     WeightRole::attn_norm_behind,
                                   WeightRole::mlp_norm,   WeightRole::mlp_norm_bias,
                                   WeightRole::down_bias,  WeightRole::mlp_norm_behind,
                                   WeightRole::final_norm, WeightRole::final_norm_bias};
constexpr WeightRole kMatrices[] = {WeightRole::o, WeightRole::down, WeightRole::expert_down};

bool contains(std::span<const WeightRole> list, WeightRole role) {
  return std::ranges::find(list, role) != list.end();
}

bool is_gain(WeightRole role) {
  return role == WeightRole::attn_norm || role == WeightRole::mlp_norm ||
         role == WeightRole::attn_norm_behind || role == WeightRole::mlp_norm_behind ||
         role == WeightRole::final_norm;
}

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

std::string place_name(int layer, WeightRole role) {
  return layer == kNoLayer ? std::string(role_name(role))
                           : fmt::format("{} of layer {}", role_name(role), layer);
}

// What one row of a matrix, or the same row of all experts' matrices, adds to the scan.
struct RowFacts {
  double squares = 0;
  std::vector<WeightEntry> largest;  // of each matrix
  std::vector<double> of_matrix;     // squares, by matrix
};

class Scanner {
 public:
  Scanner(const Model& model, const WeightScanRequest& request, ThreadPool& pool)
      : model_(model), request_(request), pool_(pool) {}

  Result<WeightScan> run() {
    out_.model = model_.name;
    out_.model_path = model_.path;
    out_.deviations = request_.deviations;
    for (int layer = 0; layer < model_.spec.dims.layers; ++layer) {
      for (const BoundWeight& weight : model_.layers[static_cast<std::size_t>(layer)])
        TEPUI_TRY(look_at(layer, weight));
    }
    for (const BoundWeight& weight : model_.globals) TEPUI_TRY(look_at(kNoLayer, weight));
    mark_channels();
    std::ranges::stable_sort(out_.entries, std::greater{}, &WeightEntry::ratio);
    if (out_.entries.size() > static_cast<std::size_t>(request_.entries))
      out_.entries.resize(static_cast<std::size_t>(request_.entries));
    return std::move(out_);
  }

 private:
  Status look_at(int layer, const BoundWeight& weight) {
    WeightPlace place;
    place.layer = layer;
    place.role = weight.role;
    const auto width = static_cast<std::size_t>(model_.spec.dims.width);
    if (contains(kVectors, weight.role)) {
      place.values = vector_values(weight);
      for (float& value : place.values) value = std::abs(value);
    } else if (contains(kMatrices, weight.role)) {
      place.rows = true;
      place.values = norms_of_rows(layer, weight);
    }
    if (place.values.size() != width) return {};  // of another space (OPT-350m's final norm)
    std::vector<double> all;
    for (std::size_t c = 0; c < width; ++c) {
      if (!std::isfinite(place.values[c]))
        return fail(ErrorKind::data, "{}: {}: expected finite weights, found {} at channel {}",
                    model_.path, place_name(layer, weight.role), place.values[c], c);
      all.push_back(double{place.values[c]});
    }
    place.median = median_of(std::move(all));
    out_.places.push_back(std::move(place));
    return {};
  }

  std::vector<float> norms_of_rows(int layer, const BoundWeight& weight) {
    const std::size_t matrices = 1 + weight.rest.size();
    std::vector<RowFacts> facts(weight.place.n);
    pool_.for_each(weight.place.n, [&](std::int64_t row, int) {
      RowFacts& own = facts[static_cast<std::size_t>(row)];
      for (std::size_t e = 0; e < matrices; ++e) {
        const auto entries = matrix_rows(weight, static_cast<std::uint32_t>(row), 1, e);
        WeightEntry largest{layer, matrices > 1 ? static_cast<int>(e) : -1, row, 0, 0, 0};
        double squares = 0;
        for (std::size_t k = 0; k < entries.size(); ++k) {
          squares += double{entries[k]} * double{entries[k]};
          if (std::abs(entries[k]) <= std::abs(largest.value)) continue;
          largest.value = entries[k];
          largest.neuron = static_cast<std::int64_t>(k);
        }
        own.squares += squares;
        own.of_matrix.push_back(squares);
        own.largest.push_back(largest);
      }
    });
    std::vector<float> norms;
    std::vector<double> of_matrix(matrices, 0.0);
    for (const RowFacts& own : facts) {
      norms.push_back(static_cast<float>(std::sqrt(own.squares)));
      for (std::size_t e = 0; e < matrices; ++e) of_matrix[e] += own.of_matrix[e];
    }
    if (weight.role != WeightRole::o) keep_entries(facts, of_matrix, weight.place);
    return norms;
  }

  // Of each matrix the largest entry of every row, as candidates.
  void keep_entries(const std::vector<RowFacts>& facts, const std::vector<double>& of_matrix,
                    const PackParams& place) {
    const double size = static_cast<double>(place.n) * place.k;
    std::vector<WeightEntry> own;
    for (const RowFacts& row : facts) {
      for (std::size_t e = 0; e < of_matrix.size(); ++e) {
        WeightEntry entry = row.largest[e];
        const double rms = std::sqrt(of_matrix[e] / size);
        entry.ratio = rms > 0 ? std::abs(double{entry.value}) / rms : 0;
        own.push_back(entry);
      }
    }
    std::ranges::stable_sort(own, std::greater{}, &WeightEntry::ratio);
    const auto count = std::min(own.size(), static_cast<std::size_t>(request_.entries));
    out_.entries.insert(out_.entries.end(), own.begin(),
                        own.begin() + static_cast<std::ptrdiff_t>(count));
  }

  void mark_channels() {
    std::map<std::size_t, MarkedChannel> found;
    for (std::size_t p = 0; p < out_.places.size(); ++p) {
      for (auto& [channel, mark] : marks_of_place(out_.places[p], request_.deviations)) {
        mark.place = p;
        MarkedChannel& own = found[channel];
        own.channel = static_cast<std::int64_t>(channel);
        own.marks.push_back(mark);
      }
    }
    for (auto& [channel, own] : found) {
      std::ranges::stable_sort(own.marks, std::greater{},
                               [](const auto& mark) { return std::abs(mark.deviations); });
      out_.channels.push_back(std::move(own));
    }
    const auto all = [](const MarkedChannel& channel) {
      double sum = 0;
      for (const ChannelMark& mark : channel.marks) sum += std::abs(mark.deviations);
      return sum;
    };
    std::ranges::stable_sort(out_.channels, std::greater{}, all);
  }

  const Model& model_;
  const WeightScanRequest& request_;
  ThreadPool& pool_;
  WeightScan out_;
};

}  // namespace

std::vector<std::pair<std::size_t, ChannelMark>> marks_of_place(const WeightPlace& place,
                                                                double deviations) {
  std::vector<std::pair<std::size_t, ChannelMark>> marks;
  if (place.median <= 0) return marks;
  const auto distance = [&](float value) {
    // What is 0 stands as far below as the smallest f32.
    return std::log(std::max(double{value}, 1e-38) / place.median);
  };
  std::vector<double> all;
  for (const float value : place.values) all.push_back(std::abs(distance(value)));
  const double spread = 1.4826 * median_of(std::move(all));
  if (spread <= 0) return marks;
  for (std::size_t c = 0; c < place.values.size(); ++c) {
    const double z = distance(place.values[c]) / spread;
    const bool counts = is_gain(place.role) ? std::abs(z) > deviations : z > deviations;
    if (!counts) continue;
    const auto value = double{place.values[c]};
    marks.push_back({c, {0, value, value / place.median, z}});
  }
  return marks;
}

Result<WeightScan> scan_weights(const WeightScanRequest& request) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const Model model, open_model(request.model));
  return Scanner(model, request, pool).run();
}

}  // namespace tepui
