// SPDX-License-Identifier: MIT
#include "support/attention_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/site_width.h"
#include "support/shared_backend.h"
#include "tepui/op.h"

namespace tepui::test {

namespace {

class KeepSeries : public RowSink {
 public:
  explicit KeepSeries(AttentionRun& into) : into_(into) {}
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Observation& row) override { return text_.add(row); }
  Status add(const Series& row) override {
    into_
        .series[fmt::format("{}.{}.{}.{}", row.sequence, row.point.layer, site_name(row.point.site),
                            row.metric)]
        .assign(row.values.begin(), row.values.end());
    return text_.add(row);
  }
  void finish() { into_.lines = text_.sorted_lines(); }

 private:
  AttentionRun& into_;
  TextSink text_;
};

Vector difference(const Vector& a, const Vector& b) {
  Vector out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] - b[i];
  return out;
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

AttentionRun run_attention_metrics(const Model& model, Sequences sequences,
                                   const RunSettings& settings,
                                   const AttentionMetricOptions& options, const TokenMarks& marks) {
  AttentionRun out;
  ThreadPool pool(settings.threads);
  BackendOptions on;
  on.threads = settings.threads;
  on.isa = settings.isa;
  auto backend = shared_backend(settings.backend, on);
  EXPECT_TRUE(backend) << backend.error().message;
  if (!backend) return out;
  auto metrics = attention_metrics(options, marks);
  metrics.push_back(std::make_unique<Capture>(out.sites));
  std::vector<Point> points;
  for (int layer = 0; layer < model.spec.dims.layers; ++layer) {
    for (const Site site : {Site::attn_probs, Site::attn_scores}) points.push_back({layer, site});
    for (const Site site :
         {Site::resid_pre, Site::attn_in, Site::q, Site::k, Site::v, Site::z, Site::attn_out}) {
      if (site_width(model.spec, site)) points.push_back({layer, site});
    }
  }
  KeepSeries sink(out);
  Executor executor(**backend, model, pool, settings.exec, metrics);
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  const Status status =
      executor.run(sequences, all, SiteSelection::of(std::move(points)), sink, nullptr);
  EXPECT_TRUE(status) << status.error().message;
  sink.finish();
  return out;
}

LayerAttention::LayerAttention(const Model& model, const AttentionRun& run, int layer, int sequence)
    : model_(model), run_(run), layer_(layer), sequence_(sequence) {
  const Dims& dims = model.spec.dims;
  q_ = site(Site::q);
  k_ = site(Site::k);
  v_ = site(Site::v);
  tokens_ = q_.size();
  for (std::size_t h = 0; h < static_cast<std::size_t>(dims.heads); ++h) {
    Rows& p = probabilities_.emplace_back(tokens_, Vector(tokens_, 0.0));
    const auto window = static_cast<std::size_t>(model.spec.layer(layer).window);
    for (std::size_t i = 0; i < tokens_; ++i) {
      const std::size_t first = window != 0 && i >= window ? i + 1 - window : 0;
      double sum = 0;
      for (std::size_t j = first; j <= i; ++j) sum += p[i][j] = std::exp(score(h, i, j));
      for (double& one : p[i]) one /= sum;
    }
  }
  for (const BoundWeight& weight : model.layers[static_cast<std::size_t>(layer)]) {
    if (weight.role != WeightRole::o) continue;
    projection_.resize(std::size_t{weight.place.n} * weight.place.k);
    const HostView stored{weight.tensor->type, weight.tensor->bytes};
    const MutableHostView packed{{DType::packed, Shape{weight.place.n, weight.place.k}},
                                 std::as_writable_bytes(std::span(projection_))};
    op_of(OpCode::pack).reference({&stored, 1}, {&packed, 1}, ParamBytes(weight.place));
  }
}

Rows LayerAttention::site(Site site) const {
  const auto width = static_cast<std::size_t>(*site_width(model_.spec, site));
  const auto& flat = run_.sites.at(capture_key({layer_, site}, sequence_));
  Rows rows;
  for (std::size_t begin = 0; begin < flat.size(); begin += width)
    rows.emplace_back(flat.begin() + static_cast<std::ptrdiff_t>(begin),
                      flat.begin() + static_cast<std::ptrdiff_t>(begin + width));
  return rows;
}

double LayerAttention::score(std::size_t head, std::size_t query, std::size_t key) const {
  const Dims& dims = model_.spec.dims;
  const auto d = static_cast<std::size_t>(dims.head_dim);
  const std::size_t of_keys = head / static_cast<std::size_t>(dims.heads / dims.kv_heads);
  double sum = 0;
  for (std::size_t i = 0; i < d; ++i) sum += q_[query][head * d + i] * k_[key][of_keys * d + i];
  sum *= static_cast<double>(static_cast<float>(model_.spec.attention_scale(layer_)));
  const auto cap = static_cast<double>(dims.score_softcap);
  return cap == 0 ? sum : cap * std::tanh(sum / cap);
}

Rows LayerAttention::part(const std::vector<int>& marked) const {
  const Dims& dims = model_.spec.dims;
  const auto heads = static_cast<std::size_t>(dims.heads);
  const auto d = static_cast<std::size_t>(dims.head_dim);
  Rows out(tokens_, Vector(heads * d, 0.0));
  for (std::size_t i = 0; i < tokens_; ++i) {
    for (std::size_t h = 0; h < heads; ++h) {
      for (const int token : marked) {
        const auto j = static_cast<std::size_t>(token);
        if (j >= tokens_) continue;
        for (std::size_t c = 0; c < d; ++c)
          out[i][h * d + c] += probabilities_[h][i][j] *
                               v_[j][h / (heads / static_cast<std::size_t>(dims.kv_heads)) * d + c];
      }
    }
  }
  return out;
}

Rows LayerAttention::rest(const std::vector<int>& marked) const {
  std::vector<int> others;
  for (int j = 0; j < static_cast<int>(tokens_); ++j) {
    if (std::ranges::find(marked, j) == marked.end()) others.push_back(j);
  }
  return part(others);
}

Rows LayerAttention::projected(const Rows& z) const {
  const std::size_t k = z.front().size();
  const std::size_t n = projection_.size() / k;
  Rows out(z.size(), Vector(n, 0.0));
  for (std::size_t i = 0; i < z.size(); ++i) {
    for (std::size_t c = 0; c < n; ++c) {
      for (std::size_t j = 0; j < k; ++j)
        out[i][c] += z[i][j] * static_cast<double>(projection_[c * k + j]);
    }
  }
  return out;
}

Vector LayerAttention::bias() const {
  for (const BoundWeight& weight : model_.layers[static_cast<std::size_t>(layer_)]) {
    if (weight.role != WeightRole::o_bias) continue;
    const std::vector<float> values = vector_values(weight);
    return {values.begin(), values.end()};
  }
  return Vector(static_cast<std::size_t>(model_.spec.dims.width), 0.0);
}

Rows LayerAttention::value_of_head(std::size_t head) const {
  const auto d = static_cast<std::size_t>(model_.spec.dims.head_dim);
  Rows z = site(Site::z);
  for (Vector& row : z) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c / d != head) row[c] = 0;
    }
  }
  return z;
}

// As the op's own: the sum of magnitudes, in roundings of its terms and of the bias.
double LayerAttention::output_bound(std::size_t query, std::size_t channel) const {
  const Vector z = site(Site::z)[query];
  double magnitude = std::abs(bias()[channel]);
  for (std::size_t j = 0; j < z.size(); ++j)
    magnitude += std::abs(z[j] * static_cast<double>(projection_[channel * z.size() + j]));
  return (static_cast<double>(z.size()) + 4) * 0x1p-24 * magnitude;
}

Vector constancy_of(const Rows& y, const std::vector<int>& marked, std::size_t begin,
                    std::size_t end) {
  Rows rows;
  for (std::size_t i = static_cast<std::size_t>(marked.front()); i < y.size(); ++i) {
    if (std::ranges::find(marked, static_cast<int>(i)) != marked.end()) continue;
    rows.emplace_back(y[i].begin() + static_cast<std::ptrdiff_t>(begin),
                      y[i].begin() + static_cast<std::ptrdiff_t>(end));
  }
  const auto count = static_cast<double>(rows.size());
  Vector mean(end - begin, 0.0);
  for (const Vector& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) mean[c] += row[c] / count;
  }
  Vector out(4, 0.0);
  out[1] = dot(mean, mean);
  for (const Vector& row : rows) {
    const Vector apart = difference(row, mean);
    out[0] += dot(row, row) / count;
    out[2] += dot(apart, apart) / count;
    const double norms = std::sqrt(dot(row, row) * out[1]);
    out[3] += norms > 0 ? dot(row, mean) / norms / count : 0;
  }
  return out;
}

}  // namespace tepui::test
