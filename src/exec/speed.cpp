// SPDX-License-Identifier: MIT
#include "exec/speed.h"

#include <algorithm>
#include <numeric>

#include "backend/registry.h"
#include "base/assert.h"
#include "exec/head.h"
#include "exec/lane_runner.h"
#include "exec/timed.h"

namespace tepui {

namespace {

constexpr double kLeastSeconds = 0.5;  // that a figure is measured over
constexpr int kMostTimes = 200;

class NoRows final : public RowSink {
 public:
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& /*row*/) override { return {}; }
  Status add(const Series& /*row*/) override { return {}; }
  Status end_unit() override { return {}; }
};

PartLanes separate_lanes(int count) {
  PartLanes lanes;
  for (int lane = 0; lane < count; ++lane) {
    lanes.lanes.push_back({lane, {lane}, {}, {}});
    lanes.order.push_back(lane);
  }
  return lanes;
}

// The mean of some calls behind a first one, which prepares.
template <class Call>
Result<double> seconds_of(const Call& call) {
  TEPUI_TRY(call());
  const auto start = Timed::Clock::now();
  int times = 0;
  do {
    TEPUI_TRY(call());
    ++times;
  } while (Timed::since(start) < kLeastSeconds && times < kMostTimes);
  return Timed::since(start) / times;
}

class Measurement {
 public:
  Measurement(Backend& backend, const Model& model, ThreadPool& pool,
              const MemoryQuestion& question, const MemoryDivision& memory)
      : backend_(backend),
        model_(model),
        host_pool_(pool),
        q_(question),
        memory_(memory),
        weights_(backend, model, pool, 0),
        parts_(backend, model.spec, question.metrics, {}) {}

  Result<Speed> run() {
    TEPUI_TRY(load());
    const auto together = [](std::size_t, std::size_t) { return true; };
    const SequenceRange all{0, static_cast<int>(q_.sequences.size())};
    const SequenceRange first = cut(q_.sequences, all, memory_.chunk_tokens, together).front();
    TEPUI_TRY(auto one,
              load_wave(backend_, model_.spec, q_.sequences, first, memory_.chunk_tokens));
    TEPUI_TRY(auto two,
              load_wave(backend_, model_.spec, q_.sequences, first, memory_.chunk_tokens));
    ChunkState& chunk = one.front();
    out_.rows = chunk.shape.rows();
    TEPUI_TRY(embed(chunk));
    TEPUI_TRY(out_.layer, seconds_of([&] { return compute(chunk, 1); }));
    if (q_.schedule.branches > 1) {
      TEPUI_TRY(embed(two.front()));
      chunk.hidden.push_back(std::move(two.front().hidden.front()));
      TEPUI_TRY(const double both, seconds_of([&] { return compute(chunk, 2); }));
      out_.edited_layer = std::max(0.0, both - out_.layer);
      chunk.hidden.resize(1);
    }
    if (q_.scores) TEPUI_TRY(score(chunk));
    return out_;
  }

  Result<LayerSteps> steps(int rounds) {
    TEPUI_TRY(load());
    const SequenceRange all{0, static_cast<int>(q_.sequences.size())};
    const SequenceRange first =
        cut(q_.sequences, all, memory_.chunk_tokens, [](std::size_t, std::size_t) {
          return true;
        }).front();
    TEPUI_TRY(auto wave,
              load_wave(backend_, model_.spec, q_.sequences, first, memory_.chunk_tokens));
    ChunkState& chunk = wave.front();
    TEPUI_TRY(embed(chunk));
    TEPUI_TRY(compute(chunk, 1));
    SiteWork work;
    work.measured = q_.sites.at_layer(layer_);
    TEPUI_TRY(const Part* const part,
              parts_.get(fmt::format("block {}", layer_kind(model_.spec, layer_)), chunk.shape,
                         chunk.first_sequence, {}, work,
                         [&] { return lower_block(model_, layer_, chunk.shape); }));
    LayerSteps out;
    out.program = part->tapped.lowered.program;
    std::vector<std::vector<double>> taken(out.program.steps.size());
    for (int round = 0; round < rounds; ++round) {
      const auto now = step_seconds(backend_, *part->prepared);
      TEPUI_ASSERT(now.size() == taken.size());
      const std::vector<double> before(now.begin(), now.end());
      TEPUI_TRY(compute(chunk, 1));
      for (std::size_t i = 0; i < taken.size(); ++i)
        taken[i].push_back(step_seconds(backend_, *part->prepared)[i] - before[i]);
    }
    for (auto& all_of_step : taken) {
      std::ranges::sort(all_of_step);
      out.seconds.push_back(all_of_step[all_of_step.size() / 2]);
    }
    return out;
  }

 private:
  Status load() {
    auto start = Timed::Clock::now();
    TEPUI_TRY(weights_.require(kNoLayer));
    out_.globals = Timed::since(start);
    const std::uint64_t before = weights_.bytes_read();
    start = Timed::Clock::now();
    TEPUI_TRY(weights_.require(layer_));
    out_.load = Timed::since(start);
    out_.layer_bytes = weights_.bytes_read() - before;
    return {};
  }

  Status embed(ChunkState& chunk) {
    const SiteWork none;
    const bool gathers = weights_.gathers_tokens();
    if (gathers) TEPUI_TRY(gather_tokens(backend_, weights_, chunk));
    const PartRun what{"embedding", kNoLayer, chunk.first_sequence, chunk.shape, none};
    TEPUI_TRY(lanes_.run_part(chunk, separate_lanes(1), what,
                              [&] { return lower_embedding(model_, chunk.shape, gathers); }));
    weights_.drop_tables();
    return collector_.drain();
  }

  Status compute(ChunkState& chunk, int lanes) {
    const SiteWork work{q_.sites.at_layer(layer_)};
    const PartRun what{"block", layer_, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(lanes_.run_part(chunk, separate_lanes(lanes), what,
                              [&] { return lower_block(model_, layer_, chunk.shape); }));
    return collector_.drain();
  }

  Status score(ChunkState& chunk) {
    const SiteWork none;
    const PartRun what{"final norm", kNoLayer, chunk.first_sequence, chunk.shape, none};
    TEPUI_TRY(lanes_.run_part(chunk, separate_lanes(1), what,
                              [&] { return lower_final_norm(model_, chunk.shape); }));
    TEPUI_TRY(collector_.drain());
    weights_.release_layers();
    TEPUI_TRY(const auto head, Head::make(backend_, model_, host_pool_, 0, memory_.keeps_head));
    const std::vector<std::int32_t> targets(static_cast<std::size_t>(out_.rows), 0);
    const BufferSlice state = BufferSlice::whole(chunk.hidden.front());
    const auto seconds = [&](std::size_t states) -> Result<double> {
      const std::vector<BufferSlice> all(states, state);
      return seconds_of([&]() -> Status {
        TEPUI_TRY(head->scores(all, out_.rows, targets));
        return {};
      });
    };
    TEPUI_TRY(const double one, seconds(1));
    out_.head = one;
    if (q_.schedule.branches == 1) return {};
    TEPUI_TRY(const double two, seconds(2));
    out_.head = std::max(0.0, two - one);
    out_.head_start = std::max(0.0, one - out_.head);
    return {};
  }

  Backend& backend_;
  const Model& model_;
  ThreadPool& host_pool_;
  const MemoryQuestion& q_;
  const MemoryDivision& memory_;
  const int layer_ = q_.layers() / 2;
  NoRows sink_;
  WeightStore weights_;
  PartCache parts_;
  BufferPool pool_{backend_};
  TapCollector collector_{backend_, sink_, nullptr, nullptr};
  LaneRunner lanes_{
      {backend_, model_, weights_, parts_, nullptr,
       std::ranges::any_of(q_.metrics, [](const auto& metric) { return metric->compares(); })},
      collector_,
      pool_};
  Speed out_;
};

}  // namespace

Result<Speed> measure_speed(Backend& backend, const Model& model, ThreadPool& pool,
                            const MemoryQuestion& question, const MemoryDivision& memory) {
  return Measurement(backend, model, pool, question, memory).run();
}

Result<LayerSteps> measure_layer_steps(Backend& backend, const Model& model, ThreadPool& pool,
                                       const MemoryQuestion& question, const MemoryDivision& memory,
                                       int rounds) {
  return Measurement(backend, model, pool, question, memory).steps(rounds);
}

Expectation expect(const MemoryQuestion& question, const MemoryDivision& memory,
                   const Speed& speed) {
  Expectation out;
  const auto together = [](std::size_t, std::size_t) { return true; };
  const SequenceRange all{0, static_cast<int>(question.sequences.size())};
  const int layers = question.layers();
  double chunks_of_speed = 0;  // chunks as high as the measured one
  for (const SequenceRange& wave : cut(question.sequences, all, memory.wave_tokens, together)) {
    ++out.waves;
    for (const SequenceRange& chunk :
         cut(question.sequences, wave, memory.chunk_tokens, together)) {
      ++out.chunks;
      for (int i = chunk.first; i < chunk.second; ++i)
        out.tokens +=
            static_cast<std::int64_t>(question.sequences[static_cast<std::size_t>(i)].size());
    }
  }
  chunks_of_speed = static_cast<double>(out.tokens) / std::max(1, speed.rows);
  const std::int64_t runs = question.schedule.block_runs(layers);
  out.block_runs = out.chunks * runs;
  out.unshared_block_runs = out.chunks * question.schedule.branches * layers;
  out.layers = chunks_of_speed *
               (speed.layer * layers + speed.edited_layer * static_cast<double>(runs - layers));
  const std::int64_t passes = memory.all_resident ? 1 : out.waves;
  out.weights = static_cast<double>(passes) * layers * speed.load + speed.globals;
  out.bytes_read = static_cast<std::uint64_t>(passes * layers) * speed.layer_bytes;
  if (question.scores) {
    const int others = std::max(1, question.schedule.branches - 1);
    const int group = memory.head_branches > 0 ? memory.head_branches : others;
    const int groups = (others + group - 1) / group;
    const double states = question.schedule.branches + groups - 1;
    out.head = chunks_of_speed * (speed.head * states + speed.head_start * groups);
  }
  out.overlaps = question.backend.device().threads == 0;
  return out;
}

}  // namespace tepui
