// SPDX-License-Identifier: MIT
#include "exec/prefix.h"

namespace tepui {

namespace {

constexpr std::string_view kRows = "rows";

// A site's whole value, as one series a sequence.
class WholeRows final : public Metric {
 public:
  std::string_view name() const override { return kRows; }

  std::vector<Value> emit(EmitContext& context) const override {
    return {context.builder.act(context.x, TEPUI_ACT_NONE, "rows")};  // x may be bound elsewhere
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    const auto values = outputs[0].as<float>();
    const auto width = static_cast<std::size_t>(context.width);
    std::size_t begin = 0;
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      Series row;
      row.sequence = context.first_sequence + static_cast<int>(s);
      row.point = context.point;
      row.metric = kRows;
      row.values = values.subspan(begin, static_cast<std::size_t>(context.lengths[s]) * width);
      TEPUI_TRY(sink.add(row));
      begin += row.values.size();
    }
    return {};
  }
};

class PrefixSink final : public RowSink {
 public:
  explicit PrefixSink(std::vector<std::vector<Prefix>>& into) : into_(into) {}
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Observation& /*row*/) override { return {}; }

  Status add(const Series& row) override {
    Prefix& prefix =
        into_[static_cast<std::size_t>(row.sequence)][static_cast<std::size_t>(row.branch)];
    auto& layers = row.point.site == Site::k ? prefix.keys : prefix.values;
    layers[static_cast<std::size_t>(row.point.layer)].assign(row.values.begin(), row.values.end());
    return {};
  }

 private:
  std::vector<std::vector<Prefix>>& into_;
};

// The last row of every sequence of the chunk, of every branch.
Status take_last_rows(Backend& backend, const ChunkResult& chunk,
                      std::vector<std::vector<Prefix>>& into) {
  const auto rows = static_cast<std::size_t>(chunk.shape->rows());
  for (std::size_t branch = 0; branch < chunk.branches.size(); ++branch) {
    const BufferSlice from = chunk.branches[branch];
    std::vector<float> state(from.bytes / sizeof(float));
    TEPUI_TRY(
        backend.wait(backend.download(std::as_writable_bytes(std::span<float>(state)), from, {})));
    const std::size_t width = state.size() / rows;
    std::size_t end = 0;
    for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
      end += static_cast<std::size_t>(chunk.shape->lengths[s]) * width;
      Prefix& prefix = into[static_cast<std::size_t>(chunk.first_sequence) + s][branch];
      const auto last = state.begin() + static_cast<std::ptrdiff_t>(end);
      prefix.final_norm.assign(last - static_cast<std::ptrdiff_t>(width), last);
    }
  }
  return {};
}

}  // namespace

std::vector<std::unique_ptr<Metric>> prefix_metrics() {
  std::vector<std::unique_ptr<Metric>> list;
  list.push_back(std::make_unique<WholeRows>());
  return list;
}

Result<SiteSelection> prefix_sites(const ModelSpec& spec) {
  return SiteSelection::parse("k,v", spec);
}

Result<std::vector<std::vector<Prefix>>> compute_prefixes(Executor& executor, Backend& backend,
                                                          const Model& model, Sequences sequences,
                                                          const Schedule* schedule,
                                                          const OnProgress& on_progress) {
  const auto layers = static_cast<std::size_t>(model.spec.dims.layers);
  const auto branches = static_cast<std::size_t>(schedule == nullptr ? 1 : schedule->branches);
  std::vector<std::vector<Prefix>> prefixes;
  for (const auto& sequence : sequences) {
    Prefix empty;
    empty.length = static_cast<int>(sequence.size());
    empty.ids.assign(sequence.begin(), sequence.end());
    empty.keys.resize(layers);
    empty.values.resize(layers);
    prefixes.emplace_back(branches, empty);
  }
  TEPUI_TRY(const SiteSelection sites, prefix_sites(model.spec));
  PrefixSink sink(prefixes);
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  const std::vector<int> one(sequences.size(), 1);
  const StateRequest states{
      [&](const ChunkResult& chunk) { return take_last_rows(backend, chunk, prefixes); }, one};
  TEPUI_TRY(executor.run(sequences, all, sites, sink, on_progress, states, {}, schedule));
  return prefixes;
}

}  // namespace tepui
