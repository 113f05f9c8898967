// SPDX-License-Identifier: MIT
// A model in training on a backend: its parameters, their moments, and the Programs that change
// them. A step is some micro-batches, whose gradients are added in their order, then one update.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tepui/backend.h"
#include "train/optimiser.h"
#include "train/recipe.h"
#include "train/train_program.h"
#include "train/watch.h"

namespace tepui {

struct TokenBatch {
  std::vector<std::int32_t> ids;      // [R]: sequences behind one another
  std::vector<std::int32_t> targets;  // [R]; -1: does not count
};

struct TrainState {
  ParameterValues values;
  ParameterValues first;  // moments of trained parameters; empty of the others
  ParameterValues second;
};

class TrainEngine {
 public:
  struct Settings {
    TrainShape shape;
    OptimiserSettings optimiser;
    int accumulation = 1;  // micro-batches of a step
    int watched = 0;       // sequences of watch(), and what is measured of them
    const WatchWork* watch = nullptr;
  };

  // The model must outlive it.
  static Result<std::unique_ptr<TrainEngine>> make(Backend& backend, const Model& model,
                                                   Settings settings);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  bool frozen(std::size_t parameter) const { return !item_of_[parameter].has_value(); }

  Status load(const TrainState& state);
  Result<TrainState> save();

  // One micro-batch, the i-th of its step: its share of the step's loss.
  Result<double> accumulate(const TokenBatch& batch, int i, std::array<std::uint32_t, 2> key);
  // Auxiliary terms that end before this step have no weight from here on.
  Status begin_step(std::int64_t step);
  // What the last micro-batch's auxiliary terms came to.
  Result<double> auxiliary_loss();
  // The norm of the step's gradients before it is clipped.
  Result<double> gradient_norm();
  // The trained parameter whose gradient first is no number, by name; empty: none.
  Result<std::string> faulty_gradient();
  Status update(std::int64_t step, double rate);
  // Targeted variance rescaling of each layer's matrices; the number that was rescaled.
  Result<int> rescale(const TvrSettings& settings);
  // The gradient of a trained parameter, for tests.
  Result<std::vector<float>> gradient(std::size_t parameter);

  // Runs a batch of settings.watched sequences with its taps; an error where that is 0. The losses
  // are those of its targets, in nats.
  Result<std::vector<double>> watch(const TokenBatch& batch);
  // Of the last watch().
  Status watched_rows(RowSink& sink);
  // A parameter as it is now.
  Result<std::vector<float>> value(std::size_t parameter) { return floats(values_[parameter]); }

  // The sum of a batch's losses over the targets that count, without dropout.
  Result<double> evaluate(const TokenBatch& batch);

 private:
  // A Program with what stays bound to it.
  struct Ready {
    TrainProgram of;
    std::unique_ptr<Prepared> prepared;
    Bindings bindings;
    Buffer ids, targets, positions, offsets, weights, state, key, loss;
    std::vector<Buffer> tables;
    std::vector<Buffer> constants;             // of taps
    std::vector<std::vector<Buffer>> watched;  // by output of taps, by value
    Buffer losses;
    std::vector<Buffer> auxiliary;         // by input
    std::vector<Buffer> auxiliary_losses;  // by loss
  };
  struct Item {
    UpdateItem update;
    Buffer m;
    Buffer v;
    std::vector<Buffer> gradients;
    std::vector<Buffer> sums;  // of the micro-batches so far
  };
  struct Packing {
    std::unique_ptr<Prepared> prepared;
    Bindings bindings;
  };

  TrainEngine(Backend& backend, const Model& model, Settings settings)
      : backend_(backend), model_(model), settings_(std::move(settings)) {}
  Status set_up();
  Status make_buffers();
  Status make_packing();
  Status make_optimiser();
  Status make_sums();
  Result<std::unique_ptr<Ready>> make_ready(const TrainShape& shape, double weight);
  Status bind_inputs(Ready& ready, const TrainShape& shape, double weight);
  void bind_parameters(Ready& ready);
  Status bind_auxiliary(Ready& ready);
  Status bind_watched(Ready& ready);
  Status pack();
  Result<Buffer> buffer_of(const TensorType& type);
  Result<Buffer> upload(std::span<const std::byte> bytes);
  Status fill(const Buffer& buffer, std::span<const std::byte> bytes);
  Result<std::vector<float>> floats(const Buffer& buffer);
  Result<double> weigh_targets(Ready& ready, const TokenBatch& batch);
  Result<double> run_batch(Ready& ready, const TokenBatch& batch);
  const Buffer& gradient_of(const Item& item, std::size_t part) const;

  Backend& backend_;
  const Model& model_;
  Settings settings_;
  std::vector<Parameter> parameters_;
  std::vector<std::optional<std::size_t>> item_of_;  // by parameter
  std::vector<Item> items_;
  std::vector<Buffer> values_;  // by parameter
  std::vector<Buffer> packed_;  // by parameter; empty where it is not
  std::vector<Buffer> transposed_;
  std::unique_ptr<Ready> training_;
  std::unique_ptr<Ready> evaluation_;
  std::unique_ptr<Ready> watching_;
  Packing packing_;
  Packing sums_;
  Packing norm_;
  Packing update_;
  Buffer clip_;
  Buffer schedule_;
};

}  // namespace tepui
