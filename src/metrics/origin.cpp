// SPDX-License-Identifier: MIT
// What the residual stream is made of at a few places (tokens and channels): what every sub-layer
// adds there, and of that what each head and the strongest neurons give. The rows of the tokens
// come back from the device; heads and neurons are told apart on the host, with the rows of the
// output projections that belong to the channels.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

#include "metrics/list.h"
#include "models/model.h"
#include "models/weight_rows.h"
#include "tepui/op.h"

namespace tepui {

namespace {

// The tokens that a chunk's places name, by sequence, ascending.
class ChunkTokens {
 public:
  ChunkTokens(const OriginPlaces& places, int first_sequence, std::span<const int> lengths) {
    int begin = 0;
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      const auto sequence = static_cast<std::size_t>(first_sequence) + s;
      for (const OriginPlace& place :
           sequence < places.size() ? places[sequence] : std::vector<OriginPlace>{})
        if (place.position < lengths[s]) rows_[begin + place.position] = 0;
      begins_.push_back(begin);
      begin += lengths[s];
    }
    std::size_t next = 0;
    for (auto& [row, at] : rows_) at = next++;
  }

  // Rows of the chunk, ascending.
  std::vector<std::int32_t> rows() const {
    std::vector<std::int32_t> rows;
    for (const auto& [row, at] : rows_) rows.push_back(row);
    return rows;
  }
  // Where the token's row is among those.
  std::size_t index(std::size_t s, int position) const { return rows_.at(begins_[s] + position); }

 private:
  std::map<std::int32_t, std::size_t> rows_;
  std::vector<std::int32_t> begins_;
};

// What the elements of one token's row give to one channel through a projection.
struct Parts {
  std::vector<float> give;          // each: element * weight, and of experts * the expert's share
  std::vector<float> weight;        // [as many]
  std::vector<std::uint32_t> unit;  // [as many]: neuron, of experts e * F + neuron
};

// Which experts a token has, and what each counts for: those of op `route`.
struct Chosen {
  std::vector<std::uint32_t> expert;
  std::vector<float> share;
};
Chosen route(std::span<const float> logits, std::size_t count) {
  Chosen chosen{std::vector<std::uint32_t>(count), std::vector<float>(count)};
  const auto experts = static_cast<std::int64_t>(logits.size());
  const Shape shape{1, static_cast<std::int64_t>(count)};
  const HostView in{{DType::f32, Shape{1, experts}}, std::as_bytes(logits)};
  const std::array<MutableHostView, 2> out{
      MutableHostView{{DType::u32, shape}, std::as_writable_bytes(std::span(chosen.expert))},
      MutableHostView{{DType::f32, shape}, std::as_writable_bytes(std::span(chosen.share))}};
  op_of(OpCode::route)
      .reference({&in, 1}, out,
                 ParamBytes(RouteParams{1, static_cast<uint>(experts), static_cast<uint>(count)}));
  return chosen;
}

class Origin : public Metric {
 public:
  Origin(const Model& model, const OriginPlaces& places, int neurons)
      : model_(model), places_(places), neurons_(static_cast<std::size_t>(neurons)) {}

  std::string_view name() const override { return "origin"; }
  bool accepts(Site site) const override {
    switch (site) {
      case Site::embeddings:
      case Site::z:
      case Site::attn_out:
      case Site::attn_out_post:
      case Site::mlp_act:
      case Site::mlp_out:
      case Site::mlp_out_post:
      case Site::resid_post: return true;
      default: return false;
    }
  }
  bool measures(int first_sequence, int last_sequence) const override {
    for (int s = first_sequence; s < last_sequence; ++s) {
      if (!of_sequence(s).empty()) return true;
    }
    return false;
  }
  std::string variant(int first_sequence, int last_sequence) const override {
    std::string key;
    for (int s = first_sequence; s < last_sequence; ++s) {
      for (const OriginPlace& place : of_sequence(s)) key += fmt::format("{}.", place.position);
      key += '/';
    }
    return key;
  }

  std::vector<Value> emit(EmitContext& context) const override {
    const auto rows = ChunkTokens(places_, context.first_sequence, context.lengths).rows();
    const Value ids = context.builder.input(
        {DType::i32, Shape{static_cast<std::int64_t>(rows.size())}}, "tokens of places");
    Constant constant{ids, std::vector<std::byte>(rows.size() * sizeof(std::int32_t))};
    std::memcpy(constant.bytes.data(), rows.data(), constant.bytes.size());
    context.constants.push_back(std::move(constant));
    std::vector<Value> out{context.builder.embed(ids, context.x, "rows of places")};
    if (context.router_logits.present())
      out.push_back(context.builder.embed(ids, context.router_logits, "logits of places"));
    return out;
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    const ChunkTokens tokens(places_, context.first_sequence, context.lengths);
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      const int sequence = context.first_sequence + static_cast<int>(s);
      std::vector<OriginPlace> own = of_sequence(sequence);
      std::erase_if(own, [&](const auto& place) { return place.position >= context.lengths[s]; });
      if (own.empty()) continue;
      const auto row_of = [&](std::size_t output, const OriginPlace& place) {
        const auto width = static_cast<std::size_t>(outputs[output].type.shape[1]);
        return outputs[output].as<float>().subspan(tokens.index(s, place.position) * width, width);
      };
      if (context.point.site == Site::z) {
        std::vector<float> by_head;
        for (const OriginPlace& place : own) {
          const auto parts = heads(context.point.layer, place.channel, row_of(0, place));
          by_head.insert(by_head.end(), parts.begin(), parts.end());
        }
        TEPUI_TRY(add(sink, context, sequence, "by_head", by_head, {}));
      } else if (context.point.site == Site::mlp_act) {
        std::vector<float> give;
        std::vector<float> weight;
        std::vector<float> act;
        std::vector<std::uint32_t> unit;
        for (const OriginPlace& place : own) {
          const auto logits = outputs.size() > 1 ? row_of(1, place) : std::span<const float>{};
          const auto row = row_of(0, place);
          const Parts parts = neurons(context.point.layer, place.channel, row, logits);
          for (const std::size_t i : strongest(parts.give)) {
            give.push_back(parts.give[i]);
            weight.push_back(parts.weight[i]);
            act.push_back(row[i]);
            unit.push_back(parts.unit[i]);
          }
        }
        TEPUI_TRY(add(sink, context, sequence, "by_neuron", give, unit));
        TEPUI_TRY(add(sink, context, sequence, "by_neuron.act", act, {}));
        TEPUI_TRY(add(sink, context, sequence, "by_neuron.weight", weight, {}));
      } else {
        Observation row;
        row.sequence = sequence;
        row.point = context.point;
        row.metric = "origin";
        for (const OriginPlace& place : own) {
          row.rank = static_cast<int>(&place - own.data());
          row.position = place.position;
          row.channel = place.channel;
          row.value = row_of(0, place)[static_cast<std::size_t>(place.channel)];
          TEPUI_TRY(sink.add(row));
        }
      }
    }
    return {};
  }

 private:
  const std::vector<OriginPlace>& of_sequence(int sequence) const {
    static const std::vector<OriginPlace> kNothing;
    const auto at = static_cast<std::size_t>(sequence);
    return at < places_.size() ? places_[at] : kNothing;
  }

  static Status add(RowSink& sink, const TapContext& context, int sequence, std::string_view metric,
                    const std::vector<float>& values, const std::vector<std::uint32_t>& indices) {
    Series row;
    row.sequence = sequence;
    row.point = context.point;
    row.metric = metric;
    row.values = values;
    row.indices = indices;
    return sink.add(row);
  }

  std::vector<float> heads(int layer, int channel, std::span<const float> z) const {
    const BoundWeight* const weight = find_weight(model_, layer, WeightRole::o);
    const auto row = matrix_rows(*weight, static_cast<std::uint32_t>(channel), 1);
    const auto size = static_cast<std::size_t>(model_.spec.dims.head_dim);
    std::vector<float> parts;
    for (std::size_t begin = 0; begin < z.size(); begin += size) {
      double sum = 0;
      for (std::size_t d = begin; d < begin + size; ++d) sum += double{z[d]} * double{row[d]};
      parts.push_back(static_cast<float>(sum));
    }
    return parts;
  }

  Parts neurons(int layer, int channel, std::span<const float> act,
                std::span<const float> logits) const {
    const auto hidden = static_cast<std::size_t>(model_.spec.dims.hidden);
    const auto row = static_cast<std::uint32_t>(channel);
    Parts parts;
    const auto append = [&](const BoundWeight& weight, std::size_t expert, double share,
                            std::span<const float> own) {
      const auto entries = matrix_rows(weight, row, 1, expert);
      for (std::size_t j = 0; j < hidden; ++j) {
        parts.give.push_back(static_cast<float>(share * double{own[j]} * double{entries[j]}));
        parts.weight.push_back(entries[j]);
        parts.unit.push_back(static_cast<std::uint32_t>(expert * hidden + j));
      }
    };
    if (logits.empty()) {
      append(*find_weight(model_, layer, WeightRole::down), 0, 1, act);
      return parts;
    }
    const BoundWeight& weight = *find_weight(model_, layer, WeightRole::expert_down);
    const Chosen chosen = route(logits, act.size() / hidden);
    for (std::size_t i = 0; i < chosen.expert.size(); ++i)
      append(weight, chosen.expert[i], double{chosen.share[i]}, act.subspan(i * hidden, hidden));
    return parts;
  }

  // The first few by magnitude, those of a lower index first among equals.
  std::vector<std::size_t> strongest(const std::vector<float>& give) const {
    std::vector<std::size_t> order(give.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const std::size_t count = std::min(neurons_, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end(), [&](std::size_t a, std::size_t b) {
                        const float left = std::abs(give[a]);
                        const float right = std::abs(give[b]);
                        return left != right ? left > right : a < b;
                      });
    order.resize(count);
    return order;
  }

  const Model& model_;
  const OriginPlaces& places_;
  std::size_t neurons_;
};

}  // namespace

std::unique_ptr<Metric> make_origin(const Model& model, const OriginPlaces& places, int neurons) {
  return std::make_unique<Origin>(model, places, neurons);
}

}  // namespace tepui
