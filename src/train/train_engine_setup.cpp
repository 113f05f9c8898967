// SPDX-License-Identifier: MIT
// What a TrainEngine makes once: its Programs, their buffers, and what is bound to what.
#include <algorithm>
#include <limits>

#include "ops/builder.h"
#include "train/train_engine.h"

namespace tepui {

Result<std::unique_ptr<TrainEngine::Ready>> TrainEngine::make_ready(const TrainShape& shape,
                                                                    double weight) {
  auto ready = std::make_unique<Ready>();
  TEPUI_TRY(ready->of, build_train_program(model_, parameters_, shape));
  ready->bindings.resize(ready->of.program.values.size());
  TEPUI_TRY(bind_inputs(*ready, shape, weight));
  TEPUI_TRY(bind_auxiliary(*ready));
  return ready;
}

Status TrainEngine::bind_inputs(Ready& ready, const TrainShape& shape, double weight) {
  const TrainProgram& of = ready.of;
  ChunkShape chunk;
  chunk.lengths.assign(static_cast<std::size_t>(shape.sequences), shape.length);
  const auto rows = static_cast<std::size_t>(chunk.rows());
  const auto bind = [&](Value value, Buffer& buffer, std::span<const std::byte> bytes) -> Status {
    if (!value.present()) return {};
    TEPUI_TRY(buffer, upload(bytes));
    ready.bindings[value.id] = BufferSlice::whole(buffer);
    return {};
  };
  const auto bytes_of = [](const auto& values) { return std::as_bytes(std::span(values)); };
  const std::vector<std::int32_t> ids(rows, 0);
  std::vector<float> weights(rows, static_cast<float>(weight));
  if (const std::size_t without = unpredicted(shape); without > 0) {
    // A mean over those that count.
    const auto length = static_cast<std::size_t>(shape.length);
    const double more = static_cast<double>(length) /
                        static_cast<double>(std::max<std::size_t>(1, length - without));
    for (std::size_t r = 0; r < rows; ++r)
      weights[r] = r % length < without ? 0.0F : static_cast<float>(weight * more);
  }
  std::vector<float> state(3 * rows, 0.0F);
  for (std::size_t r = 0; r < rows; ++r) state[3 * r] = -std::numeric_limits<float>::infinity();
  const std::vector<std::int32_t> positions = chunk.positions();
  const std::vector<std::int32_t> offsets = chunk.offsets();
  const std::array<std::uint32_t, 2> key{};
  TEPUI_TRY(bind(of.ids, ready.ids, bytes_of(ids)));
  TEPUI_TRY(bind(of.targets, ready.targets, bytes_of(ids)));
  TEPUI_TRY(bind(of.positions, ready.positions, bytes_of(positions)));
  TEPUI_TRY(bind(of.offsets, ready.offsets, bytes_of(offsets)));
  TEPUI_TRY(bind(of.weights, ready.weights, bytes_of(weights)));
  TEPUI_TRY(bind(of.state, ready.state, bytes_of(state)));
  TEPUI_TRY(bind(of.key, ready.key, bytes_of(key)));
  TEPUI_TRY(bind(of.loss, ready.loss, bytes_of(weights)));
  ready.tables.reserve(of.tables.size());
  for (const auto& [which, value] : of.tables) {
    const std::vector<float> values = table_values(model_.spec, which, shape.length, shape.length);
    TEPUI_TRY(bind(value, ready.tables.emplace_back(), bytes_of(values)));
  }
  return {};
}

Status TrainEngine::bind_auxiliary(Ready& ready) {
  const AuxiliaryLosses& of = ready.of.auxiliary;
  ready.auxiliary.reserve(of.inputs.size());  // slices point to them
  ready.auxiliary_losses.reserve(of.losses.size());
  for (const AuxiliaryLosses::Input& input : of.inputs) {
    TEPUI_TRY(ready.auxiliary.emplace_back(), upload(input.bytes));
    ready.bindings[input.value.id] = BufferSlice::whole(ready.auxiliary.back());
  }
  for (const Value loss : of.losses) {
    TEPUI_TRY(ready.auxiliary_losses.emplace_back(), buffer_of(ready.of.program.info(loss).type));
    ready.bindings[loss.id] = BufferSlice::whole(ready.auxiliary_losses.back());
  }
  return {};
}

Status TrainEngine::bind_watched(Ready& ready) {
  const TrainProgram& of = ready.of;
  for (const Constant& constant : of.constants) {
    TEPUI_TRY(ready.constants.emplace_back(), upload(constant.bytes));
  }
  for (std::size_t i = 0; i < of.constants.size(); ++i)
    ready.bindings[of.constants[i].value.id] = BufferSlice::whole(ready.constants[i]);
  ready.watched.resize(of.watched.size());
  for (std::size_t i = 0; i < of.watched.size(); ++i) {
    auto& buffers = ready.watched[i];
    buffers.resize(of.watched[i].tap.values.size());
    for (std::size_t j = 0; j < buffers.size(); ++j) {
      const Value value = of.watched[i].tap.values[j];
      TEPUI_TRY(buffers[j], buffer_of(of.program.info(value).type));
      ready.bindings[value.id] = BufferSlice::whole(buffers[j]);
    }
  }
  TEPUI_TRY(ready.losses, buffer_of(of.program.info(of.losses).type));
  ready.bindings[of.losses.id] = BufferSlice::whole(ready.losses);
  return {};
}

Status TrainEngine::make_buffers() {
  const std::size_t count = parameters_.size();
  values_.resize(count);
  packed_.resize(count);
  transposed_.resize(count);
  item_of_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Parameter& parameter = parameters_[i];
    const ParameterUse& use = training_->of.uses[i];
    TEPUI_TRY(values_[i], buffer_of({DType::f32, parameter.shape}));
    if (use.packed.present()) {
      TEPUI_TRY(packed_[i], buffer_of({DType::packed, parameter.shape}));
    }
    if (use.transposed.present()) {
      const Shape turned{parameter.shape[1], parameter.shape[0]};
      TEPUI_TRY(transposed_[i], buffer_of({DType::packed, turned}));
    }
    if (use.gradients.empty()) continue;
    item_of_[i] = items_.size();
    Item& item = items_.emplace_back();
    item.update = {i, use.gradients.size(), parameter.decays, parameter.shape};
    TEPUI_TRY(item.m, buffer_of({DType::f32, parameter.shape}));
    TEPUI_TRY(item.v, buffer_of({DType::f32, parameter.shape}));
  }
  for (Item& item : items_) {
    const TensorType type{DType::f32, item.update.shape};
    for (std::size_t part = 0; part < item.update.gradients; ++part) {
      TEPUI_TRY(item.gradients.emplace_back(), buffer_of(type));
      if (settings_.accumulation == 1) continue;
      TEPUI_TRY(item.sums.emplace_back(), buffer_of(type));
    }
  }
  return {};
}

void TrainEngine::bind_parameters(Ready& ready) {
  const auto bind = [&](Value value, const Buffer& buffer) {
    if (value.present()) ready.bindings[value.id] = BufferSlice::whole(buffer);
  };
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const ParameterUse& use = ready.of.uses[i];
    bind(use.plain, values_[i]);
    bind(use.packed, packed_[i]);
    bind(use.transposed, transposed_[i]);
    for (std::size_t part = 0; part < use.gradients.size(); ++part)
      bind(use.gradients[part], items_[*item_of_[i]].gradients[part]);
  }
}

// Matrices are packed anew after each update, whatever uses them.
Status TrainEngine::make_packing() {
  Builder builder;
  std::vector<std::pair<Value, BufferSlice>> bound;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (packed_[i].storage == nullptr) continue;
    const Parameter& parameter = parameters_[i];
    const Value stored = builder.weight({DType::f32, parameter.shape}, parameter.name);
    bound.emplace_back(stored, BufferSlice::whole(values_[i]));
    const Value packed = builder.pack(stored, false, "packed");
    builder.mark_output(packed);
    bound.emplace_back(packed, BufferSlice::whole(packed_[i]));
    if (transposed_[i].storage == nullptr) continue;
    const Value transposed = builder.pack(stored, true, "transposed");
    builder.mark_output(transposed);
    bound.emplace_back(transposed, BufferSlice::whole(transposed_[i]));
  }
  TEPUI_TRY(const Program program, builder.finish());
  packing_.bindings.resize(program.values.size());
  for (const auto& [value, slice] : bound) packing_.bindings[value.id] = slice;
  TEPUI_TRY(packing_.prepared, backend_.prepare(program));
  return {};
}

// sum += gradient, for all micro-batches but the first, whose gradients are the first sum.
Status TrainEngine::make_sums() {
  if (settings_.accumulation == 1) return {};
  Builder builder;
  std::vector<std::pair<Value, BufferSlice>> bound;
  for (const Item& item : items_) {
    for (std::size_t part = 0; part < item.sums.size(); ++part) {
      const TensorType type{DType::f32, item.update.shape};
      const Value before = builder.input(type, "sum");
      const Value gradient = builder.input(type, "gradient");
      const Value sum = builder.add(before, gradient, "sum");
      builder.mark_output(sum);
      bound.emplace_back(before, BufferSlice::whole(item.sums[part]));
      bound.emplace_back(gradient, BufferSlice::whole(item.gradients[part]));
      bound.emplace_back(sum, BufferSlice::whole(item.sums[part]));
    }
  }
  TEPUI_TRY(const Program program, builder.finish());
  sums_.bindings.resize(program.values.size());
  for (const auto& [value, slice] : bound) sums_.bindings[value.id] = slice;
  TEPUI_TRY(sums_.prepared, backend_.prepare(program));
  return {};
}

Status TrainEngine::make_optimiser() {
  std::vector<UpdateItem> updates;
  for (const Item& item : items_) updates.push_back(item.update);
  TEPUI_TRY(clip_, buffer_of({DType::f32, Shape{2}}));
  TEPUI_TRY(schedule_, buffer_of({DType::f32, Shape{3}}));
  TEPUI_TRY(const NormProgram norm, build_norm_program(updates, settings_.optimiser));
  TEPUI_TRY(const UpdateProgram update, build_update_program(updates, settings_.optimiser));
  norm_.bindings.resize(norm.program.values.size());
  update_.bindings.resize(update.program.values.size());
  norm_.bindings[norm.clip.id] = update_.bindings[update.clip.id] = BufferSlice::whole(clip_);
  update_.bindings[update.schedule.id] = BufferSlice::whole(schedule_);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    for (std::size_t part = 0; part < item.gradients.size(); ++part) {
      const BufferSlice slice = BufferSlice::whole(gradient_of(item, part));
      norm_.bindings[norm.gradients[i][part].id] = slice;
      update_.bindings[update.gradients[i][part].id] = slice;
    }
    const auto both = [&](Value in, Value out, const Buffer& buffer) {
      update_.bindings[in.id] = update_.bindings[out.id] = BufferSlice::whole(buffer);
    };
    both(update.p[i], update.p_out[i], values_[item.update.parameter]);
    both(update.m[i], update.m_out[i], item.m);
    both(update.v[i], update.v_out[i], item.v);
  }
  TEPUI_TRY(norm_.prepared, backend_.prepare(norm.program));
  TEPUI_TRY(update_.prepared, backend_.prepare(update.program));
  return {};
}

}  // namespace tepui
