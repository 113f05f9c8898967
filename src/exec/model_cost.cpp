// SPDX-License-Identifier: MIT
#include "exec/model_cost.h"

#include <algorithm>
#include <functional>
#include <map>

#include "exec/head.h"
#include "exec/tap.h"
#include "models/lower.h"

namespace tepui {

namespace {

// Layers of one kind run the same Program: the first of each, and how many there are, in order.
struct SameLayers {
  int layer = 0;
  int times = 0;
  std::string name;
};
std::vector<SameLayers> kinds_of(int layers, const std::function<std::string(int)>& name_of) {
  std::map<std::string, std::size_t> places;
  std::vector<SameLayers> kinds;
  for (int layer = 0; layer < layers; ++layer) {
    const auto [at, fresh] = places.emplace(name_of(layer), kinds.size());
    if (fresh) kinds.push_back({layer, 0, ""});
    ++kinds[at->second].times;
  }
  for (SameLayers& kind : kinds)
    kind.name = kinds.size() == 1 ? "layer"
                : kind.times == 1
                    ? fmt::format("layer {}", kind.layer)
                    : fmt::format("layers {} and {} more", kind.layer, kind.times - 1);
  return kinds;
}

// The products of a tile of the vocabulary, as logits, and what `finish` makes of them; as often as
// there are tiles.
Status add_tiles(std::vector<PartCost>& parts, const Model& model, const DeviceProfile& profile,
                 std::int64_t rows, const std::function<Value(Builder&, Value)>& finish) {
  const Dims& dims = model.spec.dims;
  const int columns = std::min(dims.vocabulary, profile.head_tile);
  Builder builder;
  const Value x = builder.input({DType::f32, Shape{rows, dims.embedding_width}}, "final_norm");
  const Value weight =
      builder.weight({Head::weight_type(model), Shape{columns, dims.embedding_width}}, "head");
  const Value products = builder.linear(x, weight, kNone, kNone, TEPUI_ACT_NONE, "logits");
  builder.mark_output(finish(builder, lower_logits(builder, model.spec, products)));
  TEPUI_TRY(const Program program, builder.finish());
  PartCost part = cost_of(program, profile);
  part.name = fmt::format("head, {} of the vocabulary", columns);
  part.times = (dims.vocabulary + columns - 1) / columns;
  parts.push_back(std::move(part));
  return {};
}

class Coster {
 public:
  Coster(const CostQuestion& question, const DeviceProfile& profile)
      : q_(question), profile_(profile), chunk_{question.lengths} {}

  Result<std::vector<PartCost>> run() {
    TEPUI_TRY(add("embedding", kNoLayer, {Site::embeddings}, 1,
                  [&] { return lower_embedding(q_.model, chunk_); }));
    TEPUI_TRY(add_layers());
    TEPUI_TRY(add("final norm", kNoLayer, {Site::final_norm}, 1,
                  [&] { return lower_final_norm(q_.model, chunk_); }));
    if (q_.head) TEPUI_TRY(add_head());
    return std::move(parts_);
  }

 private:
  // Layers of one kind that measure the same run the same Program.
  Status add_layers() {
    const auto name_of = [&](int layer) {
      std::string kind = layer_kind(q_.model.spec, layer);
      for (const Site site : q_.sites.at_layer(layer)) kind += fmt::format(" {}", site_name(site));
      return kind;
    };
    for (const SameLayers& kind : kinds_of(q_.model.spec.dims.layers, name_of)) {
      TEPUI_TRY(add(kind.name, kind.layer, q_.sites.at_layer(kind.layer), kind.times,
                    [&] { return lower_block(q_.model, kind.layer, chunk_); }));
    }
    return {};
  }

  template <class Lower>
  Status add(std::string name, int layer, std::vector<Site> sites, int times, const Lower& lower) {
    std::erase_if(sites, [&](Site site) { return !q_.sites.contains({layer, site}); });
    std::vector<const Metric*> metrics;
    for (const auto& metric : q_.metrics)
      if (metric->measures(0, chunk_.sequences())) metrics.push_back(metric.get());
    SiteWork work;
    work.measured = std::move(sites);
    TEPUI_TRY(Lowered lowered, lower());
    TEPUI_TRY(const Tapped tapped,
              attach_taps(std::move(lowered), q_.model.spec, chunk_, 0, work, metrics));
    const Program& program = tapped.lowered.program;
    PartCost part = cost_of(program, profile_);
    part.name = std::move(name);
    part.times = times;
    for (const TapOutput& output : tapped.outputs)
      for (const Value value : output.values)
        part.host_bytes += static_cast<double>(program.type_of(value).bytes());
    parts_.push_back(std::move(part));
    return {};
  }

  // A tile of the vocabulary: products, and their share of the loss.
  Status add_head() {
    return add_tiles(
        parts_, q_.model, profile_, chunk_.rows(), [&](Builder& builder, Value logits) {
          const std::int64_t rows = chunk_.rows();
          return builder.cross_entropy(logits, builder.input({DType::i32, Shape{rows}}, "targets"),
                                       builder.input({DType::f32, Shape{rows, 3}}, "state"), 0,
                                       "loss");
        });
  }

  const CostQuestion& q_;
  const DeviceProfile& profile_;
  ChunkShape chunk_;
  std::vector<PartCost> parts_;
};

Status add_part(std::vector<PartCost>& parts, std::string name, int times, Result<Lowered> lowered,
                const DeviceProfile& profile) {
  if (!lowered) return tl::unexpected<Error>(lowered.error());
  parts.push_back(cost_of(lowered->program, profile));
  parts.back().name = std::move(name);
  parts.back().times = times;
  return {};
}

}  // namespace

Result<std::vector<PartCost>> cost_of(const CostQuestion& question, const DeviceProfile& profile) {
  return Coster(question, profile).run();
}

Result<std::vector<PartCost>> token_cost(const Model& model, int length,
                                         const DeviceProfile& profile) {
  const ChunkShape one{{1}};
  const CacheShape cache{length, length, length, true};
  std::vector<PartCost> parts;
  TEPUI_TRY(add_part(parts, "embedding", 1, lower_embedding(model, one), profile));
  const auto name_of = [&](int layer) { return layer_kind(model.spec, layer); };
  for (SameLayers& kind : kinds_of(model.spec.dims.layers, name_of))
    TEPUI_TRY(add_part(parts, std::move(kind.name), kind.times,
                       lower_block(model, kind.layer, one, cache), profile));
  TEPUI_TRY(add_part(parts, "final norm", 1, lower_final_norm(model, one), profile));
  TEPUI_TRY(add_tiles(parts, model, profile, 1, [](Builder&, Value logits) { return logits; }));
  parts.back().host_bytes =
      std::min(model.spec.dims.vocabulary, profile.head_tile) * static_cast<double>(sizeof(float));
  return parts;
}

}  // namespace tepui
