// SPDX-License-Identifier: MIT
#include "train/train_engine.h"

#include <algorithm>
#include <cmath>

namespace tepui {

Result<std::unique_ptr<TrainEngine>> TrainEngine::make(Backend& backend, const Model& model,
                                                       Settings settings) {
  std::unique_ptr<TrainEngine> engine(new TrainEngine(backend, model, std::move(settings)));
  TEPUI_TRY(engine->set_up());
  return engine;
}

Status TrainEngine::set_up() {
  TEPUI_TRY(parameters_, parameters_of(model_));
  TrainShape plain = settings_.shape;
  plain.gradients = false;
  plain.dropout = 0;
  settings_.shape.accumulation = settings_.accumulation;
  const double rows = static_cast<double>(plain.sequences) * plain.length;
  TEPUI_TRY(training_, make_ready(settings_.shape, 1 / (rows * settings_.accumulation)));
  TEPUI_TRY(evaluation_, make_ready(plain, 1));
  if (settings_.watched > 0) {
    TrainShape watched = plain;
    watched.sequences = settings_.watched;
    watched.watch = settings_.watch;
    TEPUI_TRY(watching_, make_ready(watched, 1));
    TEPUI_TRY(bind_watched(*watching_));
  }
  TEPUI_TRY(make_buffers());
  for (Ready* ready : {training_.get(), evaluation_.get(), watching_.get()}) {
    if (ready == nullptr) continue;
    bind_parameters(*ready);
    TEPUI_TRY(ready->prepared, backend_.prepare(ready->of.program));
  }
  TEPUI_TRY(make_packing());
  TEPUI_TRY(make_sums());
  return make_optimiser();
}

Result<Buffer> TrainEngine::buffer_of(const TensorType& type) {
  return backend_.allocate(backend_.storage_bytes(type), Memory::device);
}

Result<Buffer> TrainEngine::upload(std::span<const std::byte> bytes) {
  TEPUI_TRY(Buffer buffer, backend_.allocate(bytes.size(), Memory::device));
  TEPUI_TRY(fill(buffer, bytes));
  return buffer;
}

Status TrainEngine::fill(const Buffer& buffer, std::span<const std::byte> bytes) {
  return backend_.wait(backend_.upload(BufferSlice::whole(buffer), bytes, {}));
}

Result<std::vector<float>> TrainEngine::floats(const Buffer& buffer) {
  std::vector<float> values(buffer.bytes / sizeof(float));
  TEPUI_TRY(backend_.wait(backend_.download(std::as_writable_bytes(std::span(values)),
                                            BufferSlice::whole(buffer), {})));
  return values;
}

const Buffer& TrainEngine::gradient_of(const Item& item, std::size_t part) const {
  return settings_.accumulation == 1 ? item.gradients[part] : item.sums[part];
}

Status TrainEngine::pack() {
  return backend_.wait(backend_.run(*packing_.prepared, packing_.bindings, {}));
}

Status TrainEngine::load(const TrainState& state) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    TEPUI_TRY(fill(values_[i], std::as_bytes(std::span(state.values[i]))));
    if (!item_of_[i]) continue;
    const std::vector<float> zeros(parameters_[i].elements(), 0.0F);
    const auto moment = [&](const ParameterValues& all) {
      return std::as_bytes(std::span(all.empty() || all[i].empty() ? zeros : all[i]));
    };
    const Item& item = items_[*item_of_[i]];
    TEPUI_TRY(fill(item.m, moment(state.first)));
    TEPUI_TRY(fill(item.v, moment(state.second)));
  }
  return pack();
}

Result<TrainState> TrainEngine::save() {
  TrainState state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    TEPUI_TRY(state.values.emplace_back(), floats(values_[i]));
    state.first.emplace_back();
    state.second.emplace_back();
    if (!item_of_[i]) continue;
    TEPUI_TRY(state.first.back(), floats(items_[*item_of_[i]].m));
    TEPUI_TRY(state.second.back(), floats(items_[*item_of_[i]].v));
  }
  return state;
}

Result<double> TrainEngine::run_batch(Ready& ready, const TokenBatch& batch) {
  TEPUI_TRY(fill(ready.ids, std::as_bytes(std::span(batch.ids))));
  TEPUI_TRY(fill(ready.targets, std::as_bytes(std::span(batch.targets))));
  TEPUI_TRY(backend_.wait(backend_.run(*ready.prepared, ready.bindings, {})));
  TEPUI_TRY(const std::vector<float> losses, floats(ready.loss));
  double sum = 0;
  for (const float loss : losses) sum += static_cast<double>(loss);
  return sum;
}

Result<double> TrainEngine::accumulate(const TokenBatch& batch, int i,
                                       std::array<std::uint32_t, 2> key) {
  if (training_->of.key.present()) TEPUI_TRY(fill(training_->key, std::as_bytes(std::span(key))));
  TEPUI_TRY(const double loss, run_batch(*training_, batch));
  if (settings_.accumulation == 1) return loss;
  if (i == 0) {
    for (const Item& item : items_) {
      for (const Buffer& sum : item.sums) {
        const std::vector<float> zeros(sum.bytes / sizeof(float), 0.0F);
        TEPUI_TRY(fill(sum, std::as_bytes(std::span(zeros))));
      }
    }
  }
  TEPUI_TRY(backend_.wait(backend_.run(*sums_.prepared, sums_.bindings, {})));
  return loss;
}

Result<double> TrainEngine::gradient_norm() {
  TEPUI_TRY(backend_.wait(backend_.run(*norm_.prepared, norm_.bindings, {})));
  TEPUI_TRY(const std::vector<float> clip, floats(clip_));
  return static_cast<double>(clip[0]);
}

Result<std::vector<float>> TrainEngine::gradient(std::size_t parameter) {
  const Item& item = items_[*item_of_[parameter]];
  TEPUI_TRY(std::vector<float> sum, floats(gradient_of(item, 0)));
  for (std::size_t part = 1; part < item.gradients.size(); ++part) {
    TEPUI_TRY(const std::vector<float> more, floats(gradient_of(item, part)));
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
  }
  return sum;
}

Result<std::string> TrainEngine::faulty_gradient() {
  for (const Item& item : items_) {
    TEPUI_TRY(const std::vector<float> values, gradient(item.update.parameter));
    for (const float value : values) {
      if (!std::isfinite(value)) return parameters_[item.update.parameter].name;
    }
  }
  return std::string();
}

Status TrainEngine::update(std::int64_t step, double rate) {
  const std::vector<float> schedule = adamw_schedule(settings_.optimiser, rate, step);
  TEPUI_TRY(fill(schedule_, std::as_bytes(std::span(schedule))));
  TEPUI_TRY(backend_.wait(backend_.run(*update_.prepared, update_.bindings, {})));
  return pack();
}

Result<std::vector<double>> TrainEngine::watch(const TokenBatch& batch) {
  if (watching_ == nullptr)
    return fail(ErrorKind::usage, "watch: expected sequences that are watched, found none");
  TEPUI_TRY(run_batch(*watching_, batch));
  TEPUI_TRY(const std::vector<float> state, floats(watching_->losses));
  std::vector<double> losses(batch.targets.size(), 0.0);
  for (std::size_t r = 0; r < losses.size(); ++r) {
    const float* const row = &state[3 * r];  // as the head of a scan has it
    const double sum = static_cast<double>(row[0]) + std::log(static_cast<double>(row[1]));
    if (batch.targets[r] >= 0) losses[r] = sum - static_cast<double>(row[2]);
  }
  return losses;
}

Status TrainEngine::watched_rows(RowSink& sink) {
  const std::vector<int> lengths(static_cast<std::size_t>(settings_.watched),
                                 settings_.shape.length);
  for (std::size_t i = 0; i < watching_->watched.size(); ++i) {
    const auto& [layer, tap] = watching_->of.watched[i];
    std::vector<std::vector<std::byte>> bytes;
    std::vector<HostView> views;
    for (std::size_t j = 0; j < tap.values.size(); ++j) {
      const Buffer& buffer = watching_->watched[i][j];
      auto& one = bytes.emplace_back(buffer.bytes);
      TEPUI_TRY(backend_.wait(backend_.download(one, BufferSlice::whole(buffer), {})));
      views.push_back({watching_->of.program.info(tap.values[j]).type, one});
    }
    for (const Site site : tap.sites) {
      const TapContext context{{layer, site}, 0, tap.width, lengths, tap.groups, false};
      TEPUI_TRY(tap.metric->rows(views, context, sink));
    }
  }
  return {};
}

Result<double> TrainEngine::evaluate(const TokenBatch& batch) {
  TEPUI_TRY(weigh_targets(*evaluation_, batch));
  return run_batch(*evaluation_, batch);
}

// Gives how many count.
Result<double> TrainEngine::weigh_targets(Ready& ready, const TokenBatch& batch) {
  std::vector<float> weights;
  for (const std::int32_t target : batch.targets) weights.push_back(target < 0 ? 0.0F : 1.0F);
  TEPUI_TRY(fill(ready.weights, std::as_bytes(std::span(weights))));
  return static_cast<double>(std::ranges::count(weights, 1.0F));
}

Status TrainEngine::begin_step(std::int64_t step) {
  const std::vector<AuxiliaryTerm>& terms = settings_.shape.auxiliary;
  const auto& inputs = training_->of.auxiliary.inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t term = inputs[i].term;
    if (term == AuxiliaryLosses::Input::kAlways) continue;
    if (step < terms[term].until) continue;
    const std::vector<std::byte> zeros(inputs[i].bytes.size());
    TEPUI_TRY(fill(training_->auxiliary[i], zeros));
  }
  return {};
}

Result<double> TrainEngine::auxiliary_loss() {
  double sum = 0;
  for (const Buffer& buffer : training_->auxiliary_losses) {
    TEPUI_TRY(const std::vector<float> losses, floats(buffer));
    for (const float loss : losses) sum += static_cast<double>(loss);
  }
  return sum;
}

// In double on the host: one matrix after the other, its elements in their order.
Result<int> TrainEngine::rescale(const TvrSettings& settings) {
  int rescaled = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    if (parameter.layer == kGlobalLayer || kind_of(parameter.role()) != WeightKind::matrix)
      continue;
    TEPUI_TRY(std::vector<float> values, floats(values_[i]));
    const auto count = static_cast<double>(values.size());
    double mean = 0;
    for (const float value : values) mean += static_cast<double>(value) / count;
    double squares = 0;
    for (const float value : values) {
      const double away = static_cast<double>(value) - mean;
      squares += away * away;
    }
    const double deviation = std::sqrt(squares / std::max(1.0, count - 1));
    double target = settings.target;
    if (settings.by_depth) target /= std::sqrt(parameter.layer + 1.0);
    if (!(deviation > settings.above * target)) continue;
    for (float& value : values)
      value = static_cast<float>((static_cast<double>(value) - mean) / deviation * target + mean);
    TEPUI_TRY(fill(values_[i], std::as_bytes(std::span(values))));
    ++rescaled;
  }
  if (rescaled > 0) TEPUI_TRY(pack());
  return rescaled;
}

}  // namespace tepui
