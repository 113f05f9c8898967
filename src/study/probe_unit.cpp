// SPDX-License-Identifier: MIT
#include "study/probe_unit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/draws.h"
#include "train/class_scores.h"
#include "train/control_labels.h"
#include "train/online_code.h"
#include "train/significance.h"
#include "train/split.h"

namespace tepui {

namespace {

constexpr std::uint32_t kCodeOrder = 0x434f4445;
constexpr double kControlTolerance = 1e-4;

// Rows of one part of a split, with what they are to give.
struct ProbePart {
  std::vector<std::int64_t> tokens;
  std::vector<int> labels;
  std::vector<double> values;
  std::vector<std::int32_t> types;
  std::unique_ptr<RowSource> rows;

  LabelledRows with(std::span<const int> other, std::span<const double> other_values,
                    std::span<const double> weights) const {
    return {rows.get(), Targets{other, weights, other_values}};
  }
};

// One seed.
class SeedRun {
 public:
  SeedRun(const ProbeData& data, const ProbeKind& kind, const ProbeSettings& settings, int seed,
          ProbeResult& result)
      : data_(data), kind_(kind), settings_(settings), seed_(seed), result_(result) {
    fit_ = settings.fit;
    fit_.seed = static_cast<std::uint64_t>(seed);
    classes_ = static_cast<int>(data.target.classes.size());
  }

  Status prepare(const FeatureSpec& features) {
    const int sequences = data_.sequence_of_token.back() + 1;
    TEPUI_TRY(const auto split, split_sequences(sequences, settings_.folds, seed_));
    for (std::size_t token = 0; token < data_.token_ids.size(); ++token) {
      if (!data_.target.has(token)) continue;
      ProbePart& part = part_of(split[static_cast<std::size_t>(data_.sequence_of_token[token])]);
      part.tokens.push_back(static_cast<std::int64_t>(token));
      part.types.push_back(data_.token_ids[token]);
      if (real())
        part.values.push_back(data_.target.values[token]);
      else
        part.labels.push_back(data_.target.labels[token]);
    }
    for (const ProbePart* part : {&train_, &dev_, &test_})
      if (part->tokens.empty())
        return fail(ErrorKind::data,
                    "{}: expected tokens with a label in every part of split {}, found none in "
                    "one: more sequences are needed",
                    data_.target.name, seed_);
    TEPUI_TRY(map_, learn_features(features, data_.massive_channels, data_.rows, train_.tokens,
                                   data_.pool));
    for (ProbePart* part : {&train_, &dev_, &test_}) {
      TEPUI_TRY(part->rows, mapped_rows(data_.rows, part->tokens, map_, data_.memory / 3));
    }
    add("train_rows", static_cast<double>(train_.tokens.size()));
    add("dev_rows", static_cast<double>(dev_.tokens.size()));
    add("test_rows", static_cast<double>(test_.tokens.size()));
    return {};
  }

  // The probe itself, and its advantage by sequence.
  Status real_task(std::map<int, double>& advantages) {
    TEPUI_TRY(const ProbeFit fit, chosen_fit());
    add("lambda", fit_.lambda);
    // What follows is there to compare with: it need not be as exact, and is most of the work.
    fit_.solver.tolerance = std::max(fit_.solver.tolerance, kControlTolerance);
    if (fit.minimum) {
      add("loss", fit.minimum->loss);
      add("gradient_norm", fit.minimum->gradient_norm);
      add("iterations", fit.minimum->iterations);
      add("converged", fit.minimum->converged ? 1 : 0);
    }
    if (fit.epochs > 0) add("epochs", fit.epochs);
    for (std::size_t i = 0; i < fit.channels.size(); ++i) {
      const auto feature = static_cast<std::size_t>(fit.channels[i]);
      add(fmt::format("channel.{}", i),
          map_.channels.empty() ? fit.channels[i] : map_.channels[feature]);
    }
    if (seed_ == 0) result_.first = {map_, fit.net};
    if (real()) return score_values(fit.net, advantages);
    return score_classes(fit.net, advantages);
  }

  Status random_labels() {
    const auto labels = shuffled_labels(train_.labels, fit_.seed);
    const auto values = shuffled_values(train_.values, fit_.seed);
    const auto dev_labels = shuffled_labels(dev_.labels, fit_.seed);
    const auto dev_values = shuffled_values(dev_.values, fit_.seed);
    const std::vector<double> weights = weights_of(labels);
    TEPUI_TRY(const ProbeFit fit,
              fit_probe(kind_, data_.losses, train_.with(labels, values, weights),
                        dev_.with(dev_labels, dev_values, weights), classes_, fit_, data_.pool));
    TEPUI_TRY(const double score, headline(fit.net, test_.labels, test_.values));
    add("random_labels", score);
    return {};
  }

  Status control_task() {
    make_control();
    const std::vector<double> weights = weights_of(control_train_);
    TEPUI_TRY(
        const ProbeFit fit,
        fit_probe(kind_, data_.losses, train_.with(control_train_, control_train_values_, weights),
                  dev_.with(control_dev_, control_dev_values_, weights), classes_, fit_,
                  data_.pool));
    TEPUI_TRY(const double score, headline(fit.net, control_test_, control_test_values_));
    add("control", score);
    add("selectivity", headline_ - score);
    return {};
  }

  Status code() {
    if (real()) return {};
    TEPUI_TRY(const OnlineCode own, code_of(train_.labels, dev_.labels));
    add_code("", own);
    if (!settings_.controls.control_task) return {};
    make_control();
    TEPUI_TRY(const OnlineCode control, code_of(control_train_, control_dev_));
    add_code("control_", control);
    return {};
  }

 private:
  bool real() const { return data_.target.real(); }
  ProbePart& part_of(SplitPart part) {
    return part == SplitPart::train ? train_ : part == SplitPart::dev ? dev_ : test_;
  }

  void add(std::string metric, double value) {
    ProbeRow row;
    row.seed = seed_;
    row.metric = std::move(metric);
    row.value = value;
    result_.rows.push_back(std::move(row));
  }

  void add_code(const std::string& prefix, const OnlineCode& code) {
    add(prefix + "bits", code.bits);
    add(prefix + "uniform_bits", code.uniform_bits);
    add(prefix + "compression", code.compression());
  }

  // 1 / (classes * share) of each class.
  std::vector<double> weights_of(std::span<const int> labels) const {
    if (!settings_.balanced || real()) return {};
    std::vector<double> counts(static_cast<std::size_t>(classes_), 0.0);
    for (const int label : labels) ++counts[static_cast<std::size_t>(label)];
    for (double& count : counts)
      count = count > 0 ? static_cast<double>(labels.size()) / (classes_ * count) : 1;
    return counts;
  }

  // With several lambdas that whose probe loses least on the dev rows; fit_ keeps it.
  Result<ProbeFit> chosen_fit() {
    const std::vector<double> weights = weights_of(train_.labels);
    const LabelledRows train = train_.with(train_.labels, train_.values, weights);
    const LabelledRows dev = dev_.with(dev_.labels, dev_.values, weights);
    ProbeFit best;
    double least = std::numeric_limits<double>::infinity();
    double lambda = settings_.lambdas.front();
    for (const double one : settings_.lambdas) {
      fit_.lambda = one;
      TEPUI_TRY(ProbeFit fit,
                fit_probe(kind_, data_.losses, train, dev, classes_, fit_, data_.pool));
      if (settings_.lambdas.size() == 1) return fit;
      TEPUI_TRY(const double loss, loss_on(fit.net, dev_));
      if (loss >= least) continue;
      least = loss;
      lambda = one;
      best = std::move(fit);
    }
    fit_.lambda = lambda;
    return best;
  }

  Result<double> loss_on(const DenseNet& net, const ProbePart& part) const {
    if (real()) {
      TEPUI_TRY(const auto predicted, outputs_of(net, *part.rows, data_.pool));
      return value_scores(part.values, predicted).mean_square;
    }
    TEPUI_TRY(const auto log_p, log_probabilities(net, *part.rows, data_.pool));
    double loss = 0;
    for (std::size_t i = 0; i < part.labels.size(); ++i)
      loss -=
          log_p[i * static_cast<std::size_t>(classes_) + static_cast<std::size_t>(part.labels[i])];
    return loss / static_cast<double>(part.labels.size());
  }

  // Accuracy, or r2.
  Result<double> headline(const DenseNet& net, std::span<const int> labels,
                          std::span<const double> values) const {
    if (real()) {
      TEPUI_TRY(const auto predicted, outputs_of(net, *test_.rows, data_.pool));
      return value_scores(values, predicted).r2;
    }
    TEPUI_TRY(const auto log_p, log_probabilities(net, *test_.rows, data_.pool));
    return class_scores(labels, log_p, classes_).accuracy;
  }

  Status score_classes(const DenseNet& net, std::map<int, double>& advantages) {
    TEPUI_TRY(const auto log_p, log_probabilities(net, *test_.rows, data_.pool));
    const ClassScores scores = class_scores(test_.labels, log_p, classes_);
    headline_ = scores.accuracy;
    add("accuracy", scores.accuracy);
    add("balanced_accuracy", scores.balanced_accuracy);
    add("f1", scores.f1);
    add("mcc", scores.mcc);
    add("roc_auc", scores.roc_auc);
    const int majority = majority_of(train_.labels, classes_);
    const std::vector<int> guesses = predictions_of(log_p, classes_);
    double right = 0;
    for (std::size_t i = 0; i < guesses.size(); ++i) {
      const double by_probe = guesses[i] == test_.labels[i] ? 1 : 0;
      const double by_majority = majority == test_.labels[i] ? 1 : 0;
      right += by_majority;
      advantages[sequence_of(i)] += by_probe - by_majority;
    }
    add("majority", right / static_cast<double>(guesses.size()));
    return {};
  }

  Status score_values(const DenseNet& net, std::map<int, double>& advantages) {
    TEPUI_TRY(const auto predicted, outputs_of(net, *test_.rows, data_.pool));
    const ValueScores scores = value_scores(test_.values, predicted);
    headline_ = scores.r2;
    add("r2", scores.r2);
    add("mean_square", scores.mean_square);
    const double mean = std::accumulate(train_.values.begin(), train_.values.end(), 0.0) /
                        static_cast<double>(train_.values.size());
    add("majority", value_scores(test_.values, std::vector<double>(test_.values.size(), mean)).r2);
    for (std::size_t i = 0; i < predicted.size(); ++i)
      advantages[sequence_of(i)] +=
          std::pow(test_.values[i] - mean, 2) - std::pow(test_.values[i] - predicted[i], 2);
    return {};
  }

  int sequence_of(std::size_t test_row) const {
    return data_.sequence_of_token[static_cast<std::size_t>(test_.tokens[test_row])];
  }

  // Labels of the control task, drawn from the training rows' for every type of the text.
  void make_control() {
    if (!control_train_.empty() || !control_train_values_.empty()) return;
    const std::uint64_t seed = fit_.seed;
    const auto draw = [&](const ProbePart& part, std::vector<int>& labels,
                          std::vector<double>& values) {
      labels = real() ? std::vector<int>{} : control_labels(train_.labels, part.types, seed);
      values = real() ? control_values(train_.values, part.types, seed) : std::vector<double>{};
    };
    draw(train_, control_train_, control_train_values_);
    draw(dev_, control_dev_, control_dev_values_);
    draw(test_, control_test_, control_test_values_);
  }

  Result<OnlineCode> code_of(const std::vector<int>& labels, const std::vector<int>& dev_labels) {
    std::vector<std::int64_t> order(labels.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::mt19937_64 random = draws_of(fit_.seed, kCodeOrder);
    shuffle(order, random);
    FeatureMap as_is;
    as_is.width = train_.rows->width();
    const auto fit = [&](std::span<const std::int64_t> known,
                         std::span<const std::int64_t> next) -> Result<std::vector<double>> {
      std::vector<std::int64_t> index(known.begin(), known.end());
      std::ranges::sort(index);  // rows are read in their order
      std::vector<int> own;
      for (const std::int64_t row : index) own.push_back(labels[static_cast<std::size_t>(row)]);
      TEPUI_TRY(const auto rows,
                mapped_rows(*train_.rows, std::move(index), as_is, data_.memory / 3));
      const std::vector<double> weights = weights_of(own);
      TEPUI_TRY(const ProbeFit probe,
                fit_probe(kind_, data_.losses, {rows.get(), Targets{own, weights, {}}},
                          dev_.with(dev_labels, {}, weights), classes_, fit_, data_.pool));
      TEPUI_TRY(const auto coded, mapped_rows(*train_.rows, {next.begin(), next.end()}, as_is, 0));
      return log_probabilities(probe.net, *coded, data_.pool);
    };
    return online_code(order, labels, classes_, fit);
  }

  const ProbeData& data_;
  const ProbeKind& kind_;
  const ProbeSettings& settings_;
  int seed_;
  ProbeResult& result_;
  FitOptions fit_;
  int classes_;
  ProbePart train_;
  ProbePart dev_;
  ProbePart test_;
  FeatureMap map_;
  double headline_ = 0;
  std::vector<int> control_train_, control_dev_, control_test_;
  std::vector<double> control_train_values_, control_dev_values_, control_test_values_;
};

}  // namespace

Result<ProbeResult> train_probe(const ProbeData& data, const ProbeKind& kind,
                                const FeatureSpec& features, const ProbeSettings& settings,
                                const std::function<void(int seed)>& on_seed) {
  ProbeResult result;
  std::map<int, double> advantages;
  for (int seed = 0; seed < settings.seeds; ++seed) {
    SeedRun run(data, kind, settings, seed, result);
    TEPUI_TRY(run.prepare(features));
    TEPUI_TRY(run.real_task(advantages));
    if (settings.controls.random_labels) TEPUI_TRY(run.random_labels());
    if (settings.controls.control_task) TEPUI_TRY(run.control_task());
    if (settings.controls.online_code) TEPUI_TRY(run.code());
    if (on_seed) on_seed(seed);
  }
  std::vector<double> by_sequence;
  for (const auto& [sequence, sum] : advantages) by_sequence.push_back(sum);
  ProbeRow row;
  row.seed = -1;
  row.metric = "p_value";
  row.value = sign_flip_p(by_sequence);
  result.rows.push_back(std::move(row));
  return result;
}

}  // namespace tepui
