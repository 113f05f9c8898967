// SPDX-License-Identifier: MIT
#include "train/train_program.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "exec/tap.h"
#include "ops/differentiate.h"
#include "ops/fuse.h"
#include "train/append.h"

namespace tepui {
namespace {

class TrainLowering {
 public:
  TrainLowering(const Model& model, const std::vector<Parameter>& parameters,
                const TrainShape& shape)
      : model_(model), parameters_(parameters), shape_(shape) {
    chunk_.lengths.assign(static_cast<std::size_t>(shape.sequences), shape.length);
    out_.uses.resize(parameters.size());
  }

  Result<TrainProgram> run() {
    TEPUI_TRY(forward());
    TEPUI_TRY(out_.program, builder_.finish());
    if (shape_.gradients) {
      TEPUI_TRY(add_gradients());
    }
    out_.program = fuse(std::move(out_.program));
    return std::move(out_);
  }

 private:
  Status forward() {
    const std::int64_t rows = chunk_.rows();
    out_.ids = builder_.input({DType::i32, Shape{rows}}, "ids");
    out_.targets = builder_.input({DType::i32, Shape{rows}}, "targets");
    out_.offsets = builder_.input({DType::i32, Shape{chunk_.sequences() + 1}}, "offsets");
    out_.weights = builder_.input({DType::f32, Shape{rows}}, "weights of rows");
    out_.state = builder_.input({DType::f32, Shape{rows, 3}}, "state");
    if (shape_.dropout > 0) out_.key = builder_.input({DType::u32, Shape{2}}, "dropout key");
    TEPUI_TRY(Lowered embedding, lower_embedding(model_, chunk_));
    TEPUI_TRY(Value x, tapped(std::move(embedding), kNone, kGlobalLayer));
    for (int layer = 0; layer < model_.spec.dims.layers; ++layer) {
      TEPUI_TRY(Lowered block, lower_block(model_, layer, chunk_));
      TEPUI_TRY(x, tapped(std::move(block), x, layer));
    }
    TEPUI_TRY(Lowered last, lower_final_norm(model_, chunk_));
    TEPUI_TRY(x, tapped(std::move(last), x, kGlobalLayer));
    const Value bias = model_.find_global(WeightRole::head_bias) == nullptr
                           ? kNone
                           : plain(index_of(kGlobalLayer, WeightRole::head_bias));
    const bool own_head = model_.find_global(WeightRole::head) != nullptr;
    const Value head =
        packed(index_of(kGlobalLayer, own_head ? WeightRole::head : WeightRole::token_embedding));
    const Value products = builder_.linear(x, head, bias, kNone, TEPUI_ACT_NONE, "products");
    const Value logits = lower_logits(builder_, model_.spec, products);
    const Value state = builder_.cross_entropy(logits, out_.targets, out_.state, 0, "log-sum-exp");
    out_.loss = builder_.nll(state, out_.weights, "loss");
    builder_.mark_output(out_.loss);
    if (shape_.watch != nullptr) {
      out_.losses = state;
      builder_.mark_output(state);
    }
    if (shape_.gradients && !shape_.auxiliary.empty())
      out_.auxiliary = add_auxiliary(builder_, shape_.auxiliary, model_.spec.dims,
                                     {shape_.sequences, shape_.length, shape_.accumulation},
                                     out_.offsets, out_.sites);
    return {};
  }

  // A lowered part behind what is there, with the taps of its places as a scan puts them there.
  Result<Value> tapped(Lowered part, Value hidden, int layer) {
    if (shape_.watch == nullptr) return append(part, nullptr, hidden, layer);
    const bool first = !hidden.present();
    SiteWork work;
    for (const Site site : shape_.watch->sites.at_layer(layer)) {
      const bool embeddings = site == Site::embeddings;
      if (layer != kGlobalLayer || embeddings == first) work.measured.push_back(site);
    }
    std::vector<const Metric*> metrics;
    for (const auto& metric : shape_.watch->metrics) metrics.push_back(metric.get());
    TEPUI_TRY(const Tapped with,
              attach_taps(std::move(part), model_.spec, chunk_, 0, work, metrics));
    return append(with.lowered, &with, hidden, layer);
  }

  // `taps`, if given, are those in it.
  Value append(const Lowered& part, const Tapped* taps, Value hidden, int layer) {
    std::map<std::uint32_t, Value> known;
    if (taps != nullptr) {
      for (const Constant& constant : taps->constants) {
        const ValueInfo& info = part.program.info(constant.value);
        known[constant.value.id] = builder_.input(info.type, info.name);
        out_.constants.push_back({known[constant.value.id], constant.bytes});
      }
    }
    const auto stands_for = [&](Value own, Value other) {
      if (own.present() && other.present()) known[own.id] = other;
    };
    stands_for(part.hidden, hidden);
    stands_for(part.ids, out_.ids);
    stands_for(part.offsets, out_.offsets);
    if (part.positions.present() && !out_.positions.present())
      out_.positions = builder_.input({DType::i32, Shape{chunk_.rows()}}, "positions");
    stands_for(part.positions, out_.positions);
    for (const auto& [which, value] : part.tables)
      stands_for(value, table(which, part.program.info(value)));
    for (const auto& [role, value] : part.weights) {
      const std::size_t index = index_of(layer, role);
      const bool matrix = is_packed(part.program.info(value).type.dtype);
      stands_for(value, matrix ? packed(index) : plain(index));
    }
    const auto dropped = [&](Value own, Value made) {
      return drops(part, own) ? builder_.dropout(made, out_.key, shape_.dropout, stream_++,
                                                 builder_.program().info(made).name + " dropped")
                              : made;
    };
    Program program = part.program;
    if (shape_.dropout > 0) drop_probabilities(program, known);
    const std::vector<Value> made = append_steps(builder_, program, known, dropped);
    if (taps != nullptr) {
      for (TapOutput output : taps->outputs) {
        for (Value& value : output.values) {
          value = made[value.id];
          builder_.mark_output(value);
        }
        out_.watched.push_back({layer, std::move(output)});
      }
    }
    for (const auto& [site, value] : part.sites)
      out_.sites.emplace_back(Point{layer, site}, made[value.id]);
    return made[part.result.id];
  }

  // Attention's probabilities are dropped where they are made.
  void drop_probabilities(Program& program, std::map<std::uint32_t, Value>& known) {
    for (Step& step : program.steps) {
      if (step.op != OpCode::attention) continue;
      auto p = step.params.as<AttentionParams>();
      const auto share = static_cast<uint>(std::floor(shape_.dropout * 65536));
      if (share == 0) continue;
      p.drop = share << 16 | (stream_++ & 0xffffU);
      step.params = ParamBytes(p);
      step.in[8] = Value{static_cast<std::uint32_t>(program.values.size())};
      program.values.push_back({{DType::u32, Shape{2}}, Role::input, "dropout key"});
      known[step.in[8].id] = out_.key;
    }
  }

  // What is added to the residual stream, the embeddings included.
  bool drops(const Lowered& part, Value value) const {
    if (shape_.dropout <= 0) return false;
    return std::ranges::any_of(part.sites, [&](const auto& entry) {
      const Site site = entry.first;
      return entry.second == value && (site == Site::embeddings || site == Site::attn_out_post ||
                                       site == Site::mlp_out_post);
    });
  }

  Value table(Table which, const ValueInfo& info) {
    const auto found = std::ranges::find(out_.tables, which, &std::pair<Table, Value>::first);
    if (found != out_.tables.end()) return found->second;
    return out_.tables.emplace_back(which, builder_.input(info.type, info.name)).second;
  }

  std::size_t index_of(int layer, WeightRole role) const {
    const auto found = std::ranges::find_if(parameters_, [&](const Parameter& parameter) {
      return parameter.layer == layer && parameter.role() == role;
    });
    return static_cast<std::size_t>(found - parameters_.begin());
  }

  Value plain(std::size_t index) {
    Value& value = out_.uses[index].plain;
    const Parameter& parameter = parameters_[index];
    const bool apart = parameter.weight->groups > 1;  // each head's own weights
    const std::int64_t groups = parameter.weight->groups;
    const Shape shape =
        apart ? Shape{groups, parameter.shape.elements() / groups} : parameter.shape;
    if (!value.present()) value = builder_.weight({DType::f32, shape}, parameter.name);
    return value;
  }

  Value packed(std::size_t index) {
    Value& value = out_.uses[index].packed;
    const Parameter& parameter = parameters_[index];
    if (!value.present())
      value = builder_.weight({DType::packed, parameter.shape}, parameter.name + " packed");
    return value;
  }

  Status add_gradients() {
    std::vector<Value> of;
    const auto trained = [&](std::size_t i) { return shape_.frozen.empty() || !shape_.frozen[i]; };
    for (std::size_t i = 0; i < out_.uses.size(); ++i) {
      if (!trained(i)) continue;
      if (out_.uses[i].plain.present()) of.push_back(out_.uses[i].plain);
      if (out_.uses[i].packed.present()) of.push_back(out_.uses[i].packed);
    }
    std::vector<Value> losses = {out_.loss};
    losses.insert(losses.end(), out_.auxiliary.losses.begin(), out_.auxiliary.losses.end());
    TEPUI_TRY(Differentiated made,
              differentiate(std::move(out_.program), losses, of, out_.auxiliary.held));
    out_.program = std::move(made.program);
    std::size_t next = 0;
    for (std::size_t i = 0; i < out_.uses.size(); ++i) {
      ParameterUse& use = out_.uses[i];
      for (const auto& [matrix, transposed] : made.transposed) {
        if (matrix == use.packed) use.transposed = transposed;
      }
      if (!trained(i)) continue;
      if (use.plain.present()) use.gradients.push_back(made.gradients[next++]);
      if (use.packed.present()) use.gradients.push_back(made.gradients[next++]);
    }
    return {};
  }

  const Model& model_;
  const std::vector<Parameter>& parameters_;
  TrainShape shape_;
  ChunkShape chunk_;
  Builder builder_;
  uint stream_ = 0;
  TrainProgram out_;
};

}  // namespace

std::size_t unpredicted(const TrainShape& shape) {
  const int of_begin = shape.begin && !shape.begin_predicts ? 1 : 0;
  const int of_prefix = std::min(shape.prefix, shape.length) - 1;
  return static_cast<std::size_t>(std::max(of_begin, of_prefix));
}

Result<TrainProgram> build_train_program(const Model& model,
                                         const std::vector<Parameter>& parameters,
                                         const TrainShape& shape) {
  return TrainLowering(model, parameters, shape).run();
}

}  // namespace tepui
