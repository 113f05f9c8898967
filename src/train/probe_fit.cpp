// SPDX-License-Identifier: MIT
#include "train/probe_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"
#include "base/utf8_text.h"
#include "train/closed_form.h"

namespace tepui {

namespace {

// Some columns of rows.
class ColumnRows final : public RowSource {
 public:
  ColumnRows(const RowSource& from, std::span<const int> columns)
      : from_(from), columns_(columns) {}
  std::int64_t rows() const override { return from_.rows(); }
  int width() const override { return static_cast<int>(columns_.size()); }
  Status read(std::int64_t first, std::int64_t count, std::span<float> to) const override {
    const auto width = static_cast<std::size_t>(from_.width());
    std::vector<float> all(static_cast<std::size_t>(count) * width);
    TEPUI_TRY(from_.read(first, count, all));
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] = all[i / columns_.size() * width +
                  static_cast<std::size_t>(columns_[i % columns_.size()])];
    return {};
  }

 private:
  const RowSource& from_;
  std::span<const int> columns_;
};

Result<ProbeFit> fit_sparse(const ProbeKind& kind, NetLossFactory& losses,
                            const LabelledRows& train, int classes, const FitOptions& options,
                            ThreadPool* pool) {
  ProbeFit fit;
  TEPUI_TRY(fit.channels, rank_channels(train, classes, options.ranking, pool));
  fit.channels.resize(std::min(fit.channels.size(), static_cast<std::size_t>(kind.count)));
  const ColumnRows columns(*train.rows, fit.channels);
  TEPUI_TRY(const LogisticFit found, fit_logistic(losses, {&columns, train.targets}, classes,
                                                  options.lambda, options.solver, pool));
  fit.minimum = found.minimum;
  const DenseLayer& few = found.net.layers.front();
  DenseLayer all{train.rows->width(), classes, {}, few.bias};
  const auto width = static_cast<std::size_t>(all.in);
  all.weight.resize(static_cast<std::size_t>(classes) * width);
  for (std::size_t i = 0; i < few.weight.size(); ++i)
    all.weight[i / fit.channels.size() * width +
               static_cast<std::size_t>(fit.channels[i % fit.channels.size()])] = few.weight[i];
  fit.net.layers.push_back(std::move(all));
  return fit;
}

// Values over their deviation, which the last layer gives back: the rate of training is made for
// losses about 1.
struct Standardised {
  explicit Standardised(std::span<const double> values) {
    const auto n = static_cast<double>(values.size());
    mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    double square = 0;
    for (const double value : values) square += (value - mean) * (value - mean);
    if (square > 0) deviation = std::sqrt(square / n);
  }
  std::vector<double> of(std::span<const double> values) const {
    std::vector<double> out;
    for (const double value : values) out.push_back((value - mean) / deviation);
    return out;
  }
  void give_back(DenseLayer& last) const {
    for (float& w : last.weight) w = static_cast<float>(double{w} * deviation);
    for (float& b : last.bias) b = static_cast<float>(double{b} * deviation + mean);
  }
  double mean = 0;
  double deviation = 1;
};

Result<ProbeFit> fit_mlp(const ProbeKind& kind, NetLossFactory& losses, const LabelledRows& train,
                         const LabelledRows& dev, int classes, const FitOptions& options,
                         ThreadPool* pool) {
  MlpOptions mlp;
  mlp.hidden = options.hidden;
  mlp.hidden_layers = kind.count;
  mlp.most_epochs = options.most_epochs;
  mlp.lambda = options.lambda;
  mlp.seed = options.seed;
  ProbeFit fit;
  if (classes > 0) {
    TEPUI_TRY(MlpFit found, train_mlp(losses, train, dev, classes, mlp, pool));
    fit.net = std::move(found.net);
    fit.epochs = found.epochs;
    return fit;
  }
  const Standardised scale(train.targets.values);
  const std::vector<double> train_values = scale.of(train.targets.values);
  const std::vector<double> dev_values = scale.of(dev.targets.values);
  TEPUI_TRY(MlpFit found, train_mlp(losses, {train.rows, Targets{{}, {}, train_values}},
                                    {dev.rows, Targets{{}, {}, dev_values}}, 1, mlp, pool));
  fit.net = std::move(found.net);
  fit.epochs = found.epochs;
  scale.give_back(fit.net.layers.back());
  return fit;
}

}  // namespace

std::string ProbeKind::name() const {
  switch (type) {
    case Type::linear: return "linear";
    case Type::ridge: return "ridge";
    case Type::mlp: return fmt::format("mlp{}", count);
    case Type::sparse: return fmt::format("sparse:{}", count);
    case Type::lda: return "lda";
    case Type::means: return "means";
  }
  return {};
}

bool ProbeKind::takes(bool real) const {
  if (type == Type::linear || type == Type::mlp) return true;
  return real == (type == Type::ridge);
}

Result<std::vector<ProbeKind>> parse_probes(std::string_view text, std::span<const int> channels,
                                            std::string_view option) {
  using Type = ProbeKind::Type;
  std::vector<ProbeKind> out;
  const std::string_view whole = text;
  for (;;) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, end);
    std::vector<ProbeKind> own;
    if (name == "linear") own.push_back({Type::linear, 0});
    if (name == "ridge") own.push_back({Type::ridge, 0});
    if (name == "mlp1") own.push_back({Type::mlp, 1});
    if (name == "mlp2") own.push_back({Type::mlp, 2});
    if (name == "lda") own.push_back({Type::lda, 0});
    if (name == "means") own.push_back({Type::means, 0});
    if (name == "sparse")
      for (const int k : channels) own.push_back({Type::sparse, k});
    if (own.empty())
      return fail(ErrorKind::usage,
                  "{} {}: expected a list of linear, mlp1, mlp2, sparse, ridge, lda and means",
                  option, valid_utf8(whole));
    for (const ProbeKind& one : own)
      if (std::ranges::find(out, one) == out.end()) out.push_back(one);
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

Result<ProbeFit> fit_probe(const ProbeKind& kind, NetLossFactory& losses, const LabelledRows& train,
                           const LabelledRows& dev, int classes, const FitOptions& options,
                           ThreadPool* pool) {
  const bool real = classes == 0;
  TEPUI_ASSERT(kind.takes(real) && real == train.targets.real());
  using Type = ProbeKind::Type;
  if (kind.type == Type::mlp) return fit_mlp(kind, losses, train, dev, classes, options, pool);
  if (kind.type == Type::sparse) return fit_sparse(kind, losses, train, classes, options, pool);
  ProbeFit fit;
  if (kind.type == Type::lda) {
    TEPUI_TRY(fit.net, fit_lda(train, classes, options.lambda, pool));
    return fit;
  }
  if (kind.type == Type::means) {
    TEPUI_TRY(fit.net, fit_class_means(train, classes, pool));
    return fit;
  }
  if (real) {
    TEPUI_TRY(fit.net, fit_ridge(train, options.lambda, pool));
    return fit;
  }
  TEPUI_TRY(LogisticFit found,
            fit_logistic(losses, train, classes, options.lambda, options.solver, pool));
  fit.net = std::move(found.net);
  fit.minimum = found.minimum;
  return fit;
}

}  // namespace tepui
