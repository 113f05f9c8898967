// SPDX-License-Identifier: MIT
#include "exec/memory_division.h"

#include <algorithm>
#include <set>

#include "base/process_memory.h"
#include "exec/device_sizes.h"
#include "exec/head.h"
#include "exec/part.h"
#include "ir/memory_plan.h"
#include "models/site_width.h"
#include "weights/source.h"

namespace tepui {

namespace {

constexpr int kLeastChunk = 512;  // that weights need not leave memory for
constexpr int kResidentWave = 4096;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
// Stacks, the store's cache, rows that wait to be written, prepared programs, the allocator's
// slack.
constexpr std::uint64_t kSlack = 96 * kMiB;

class Division {
 public:
  explicit Division(const MemoryQuestion& question)
      : q_(question),
        dims_(question.model.spec.dims),
        layers_run_(question.layers()),
        on_host_(question.backend.device().threads > 0) {
    for (const auto& sequence : q_.sequences) {
      const auto length = static_cast<int>(sequence.size());
      rows_ += length;
      longest_ = std::max(longest_, length);
    }
    for (const PartLanes& part : q_.schedule.parts) lanes_ = std::max(lanes_, part.lanes.size());
    for (int layer = 0; layer < layers_run_; ++layer) {
      std::uint64_t bytes = 0;
      for (const BoundWeight& weight : q_.model.layers[static_cast<std::size_t>(layer)])
        bytes += held(weight);
      all_ += bytes;
      layer_ = std::max(layer_, bytes);
    }
    for (const BoundWeight& weight : q_.model.globals) {
      const bool of_head = weight.role == WeightRole::head || weight.role == WeightRole::head_bias;
      if (!of_head) globals_ += held(weight);
    }
    all_ += globals_;
  }

  Result<MemoryDivision> run() {
    out_.budget = q_.budget;
    out_.base = base();
    out_.beside = q_.beside;
    fixed_ = out_.base + out_.beside;
    int rows = rows_of(usual_chunk_tokens(q_.backend.device()));
    TEPUI_TRY(ChunkBytes usual, chunk_bytes(rows));
    while (!fits_whole(usual, rows)) {
      if (rows == rows_of(kLeastChunk)) return streamed(usual, rows);
      rows = rows_of(std::max(kLeastChunk, rows / 2));
      TEPUI_TRY(usual, chunk_bytes(rows));
    }
    return out_;
  }

 private:
  // What a chunk takes, and of that the temporaries and scratch memory, which are one allocation.
  struct ChunkBytes {
    std::uint64_t all = 0;
    std::uint64_t piece = 0;
  };

  int rows_of(int chunk_tokens) const {
    return std::max(longest_, static_cast<int>(std::min<std::int64_t>(rows_, chunk_tokens)));
  }
  bool in_one_piece(const ChunkBytes& chunk) const {
    return on_host_ || chunk.piece <= q_.backend.device().max_allocation_bytes;
  }

  // Where not everything fits at once.
  Result<MemoryDivision> streamed(const ChunkBytes& usual, int rows) {
    TEPUI_TRY(const ChunkBytes least_chunk, chunk_bytes(longest_));
    const std::uint64_t least =
        fixed_ + globals_ + layer_ +
        std::max(least_chunk.all + states_beside_a_chunk(longest_), head_least());
    if (least > q_.budget) {
      // Each part is rounded up, and so is their sum.
      const auto mib = [](std::uint64_t bytes) { return (bytes + kMiB - 1) / kMiB; };
      const std::uint64_t weights = mib(layer_ + globals_);
      const std::uint64_t chunk = mib(least - fixed_ - globals_ - layer_);
      return fail(
          ErrorKind::usage,
          "--memory {} MiB: expected at least {} MiB for this model and these sequences: {} "
          "MiB for a layer's weights, {} MiB for a chunk of {} tokens, {} MiB for the program{}",
          q_.budget / kMiB, weights + chunk + mib(out_.base) + mib(out_.beside), weights, chunk,
          longest_, mib(out_.base),
          q_.beside == 0 ? "" : fmt::format(", {} MiB for {}", mib(q_.beside), q_.beside_what));
    }
    TEPUI_TRY(fit_chunk(rows, usual, least_chunk));
    fit_states();
    fit_head();
    return out_;
  }

  std::uint64_t held(const BoundWeight& weight) const {
    if (on_host_ && kind_of(weight.role) == WeightKind::table) return 0;
    return q_.backend.storage_bytes(resident_type(weight));
  }

  std::uint64_t state_bytes(std::int64_t rows) const {
    const int width = std::max(dims_.width, dims_.embedding_width);
    return static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(width) * sizeof(float);
  }

  // Two loaders' pieces; whole tensors where they cannot be packed in pieces.
  std::uint64_t base() const {
    if (!on_host_) return 0;
    std::uint64_t piece = WeightLoader::kPieceBytes;
    const auto look = [&](const BoundWeight& weight) {
      const WeightKind kind = kind_of(weight.role);
      if (kind != WeightKind::matrix && kind != WeightKind::experts) return;
      if (weight.place.transposed != 0 || q_.backend.packed_rows() == 0)
        piece = std::max<std::uint64_t>(piece, weight.tensor->bytes.size());
    };
    for (const auto& layer : q_.model.layers)
      for (const BoundWeight& weight : layer) look(weight);
    if (q_.scores) piece += head_tile();
    return resident_bytes() + kSlack + 2 * piece;
  }

  std::uint64_t head_tile() const {
    return q_.backend.storage_bytes(
        {Head::weight_type(q_.model),
         Shape{usual_head_tile(q_.backend.device()), dims_.embedding_width}});
  }
  std::uint64_t head_bytes() const {
    return q_.scores ? Head::weight_bytes(q_.backend, q_.model) : 0;
  }
  // While it runs: so many states, a tile and the logits of two states. Layers have left by then,
  // but for what the program's base and a layer take this is counted against.
  std::uint64_t head_run(int rows, int states) const {
    if (!q_.scores) return 0;
    const auto columns = static_cast<std::uint64_t>(usual_head_tile(q_.backend.device()));
    const std::uint64_t logits = static_cast<std::uint64_t>(rows) * columns * sizeof(float);
    return static_cast<std::uint64_t>(states) * state_bytes(rows) + 3 * logits + head_tile();
  }
  std::uint64_t head_least() const {
    const std::uint64_t run = head_run(longest_, std::min(2, q_.schedule.branches));
    return run > layer_ ? run - layer_ : 0;
  }

  // Temporaries, outputs of taps and the values that lanes keep for others, in the layer where they
  // are largest.
  Result<ChunkBytes> chunk_bytes(int rows) const {
    const ChunkShape chunk{std::vector<int>(static_cast<std::size_t>(std::max(1, rows / longest_)),
                                            std::min(rows, longest_))};
    std::vector<const Metric*> metrics;
    for (const auto& metric : q_.metrics)
      if (metric->measures(0, chunk.sequences())) metrics.push_back(metric.get());
    std::set<std::string> seen;
    ChunkBytes most;
    for (int layer = 0; layer < layers_run_; ++layer) {
      SiteWork work{q_.sites.at_layer(layer)};
      if (q_.streamed != nullptr) work.streamed = q_.streamed->at_layer(layer);
      std::string key = layer_kind(q_.model.spec, layer);
      for (const Site site : work.measured) key += fmt::format(" {}", static_cast<int>(site));
      key += " rows";
      for (const Site site : work.streamed) key += fmt::format(" {}", static_cast<int>(site));
      if (!seen.insert(key).second) continue;
      TEPUI_TRY(Lowered lowered, lower_block(q_.model, layer, chunk));
      TEPUI_TRY(const Tapped tapped,
                attach_taps(std::move(lowered), q_.model.spec, chunk, 0, work, metrics));
      const ChunkBytes own = bytes_of(tapped, work, chunk.rows());
      most = {std::max(most.all, own.all), std::max(most.piece, own.piece)};
    }
    return most;
  }

  ChunkBytes bytes_of(const Tapped& tapped, const SiteWork& work, int rows) const {
    const Program& program = tapped.lowered.program;
    const auto size = [&](Value value) { return q_.backend.storage_bytes(program.type_of(value)); };
    std::uint64_t outputs = 0;
    for (const TapOutput& output : tapped.outputs)
      for (const Value value : output.values) outputs += size(value);
    std::uint64_t widest = static_cast<std::uint64_t>(dims_.width);
    std::uint64_t kept = 0;
    for (const Site site : work.measured) {
      const auto width = static_cast<std::uint64_t>(site_width(q_.model.spec, site).value_or(0));
      widest = std::max(widest, width);
      kept += width;
    }
    const auto row = static_cast<std::uint64_t>(rows) * sizeof(float);
    // Kernels' own memory: magnitudes that selections keep, attention's keys and values.
    const std::uint64_t scratch =
        std::max<std::uint64_t>(row * (widest + 3 * static_cast<std::uint64_t>(dims_.width)),
                                q_.backend.scratch_bytes(program));
    const std::uint64_t edits = lanes_ > 1 ? row * (2 * widest + kept) : 0;
    const std::uint64_t sets = Part::kTapSets * (lanes_ > 1 ? lanes_ + 2 : 2);
    const std::uint64_t piece = plan_memory(program, size).bytes + scratch;
    return {piece + edits + (sets + 2) * outputs, piece};
  }

  // The states that a chunk has of its own: of every lane what goes in and what comes out, or,
  // where states lie in files, of one lane at a time, beside the unedited one and a copy for the
  // file.
  std::uint64_t states_beside_a_chunk(int rows) const {
    const std::uint64_t lanes = q_.has_files ? std::min<std::uint64_t>(lanes_, 3) : lanes_;
    return 2 * lanes * state_bytes(rows);
  }

  int wave_of(int usual) const {
    const auto all = static_cast<int>(std::min<std::int64_t>(rows_, 1 << 30));
    return q_.wave_tokens > 0 ? q_.wave_tokens : std::min(std::max(1, all), usual);
  }

  // Everything at once, as long as there is room.
  bool fits_whole(const ChunkBytes& chunk, int rows) {
    out_.chunk_tokens = std::min(rows, usual_chunk_tokens(q_.backend.device()));
    out_.wave_tokens = wave_of(std::max(kResidentWave, longest_));
    const std::int64_t wave = std::max<std::int64_t>(longest_, out_.wave_tokens);
    out_.chunk = chunk.all + lanes_ * state_bytes(rows);
    out_.states = lanes_ * state_bytes(std::min(rows_, wave));
    out_.weights = all_;
    out_.head = std::max(head_bytes(), head_run(rows, 0)) + head_run(rows, 0);
    if (!q_.scores) out_.head = 0;
    out_.all_resident = out_.keeps_head = out_.loads_ahead = true;
    return out_.total() <= q_.budget && (in_one_piece(chunk) || rows == longest_);
  }

  // As many rows at once as leave room to load a layer ahead, if that can be had.
  Status fit_chunk(int rows, ChunkBytes chunk, const ChunkBytes& least) {
    out_.all_resident = out_.keeps_head = false;
    out_.head = 0;
    const std::uint64_t fixed = fixed_ + globals_ + layer_;
    const bool can_load_ahead =
        fixed + layer_ + least.all + states_beside_a_chunk(longest_) <= q_.budget;
    rows_at_once_ = rows;
    while (rows_at_once_ > longest_) {
      const std::uint64_t need = fixed + chunk.all + states_beside_a_chunk(rows_at_once_);
      if (need + (can_load_ahead ? layer_ : 0) <= q_.budget && in_one_piece(chunk)) break;
      rows_at_once_ = std::max(longest_, rows_at_once_ / 2);
      TEPUI_TRY(chunk, chunk_bytes(rows_at_once_));
    }
    out_.chunk = chunk.all;
    out_.chunk_tokens = std::min(rows_at_once_, kLeastChunk);
    return {};
  }

  void fit_states() {
    const std::uint64_t fixed = fixed_ + globals_ + layer_ + out_.chunk;
    const std::uint64_t free = q_.budget - fixed;
    const int rows = rows_at_once_;
    out_.wave_tokens = wave_of(1 << 30);
    const std::int64_t wave = std::min<std::int64_t>(rows_, std::max(longest_, out_.wave_tokens));
    const std::uint64_t in_memory = lanes_ * (state_bytes(wave) + state_bytes(rows));
    out_.spills = q_.has_files && in_memory > free / 2;
    out_.states = out_.spills ? states_beside_a_chunk(rows) : in_memory;
    if (out_.spills) out_.files = 2 * lanes_ * state_bytes(wave);
    if (out_.states > free) {  // no files: several waves
      const std::uint64_t one = lanes_ * state_bytes(1);
      const std::uint64_t most = free / one;
      out_.wave_tokens = static_cast<int>(std::max<std::uint64_t>(
          static_cast<std::uint64_t>(longest_),
          most - std::min<std::uint64_t>(most, static_cast<std::uint64_t>(rows))));
      out_.states = std::min(free, lanes_ * (state_bytes(out_.wave_tokens) + state_bytes(rows)));
    }
    const std::uint64_t room = free - out_.states;
    out_.loads_ahead = room >= layer_;
    out_.weights = globals_ + layer_ + room;
  }

  void fit_head() {
    if (!q_.scores) return;
    const int all = q_.schedule.branches;
    int states = all;
    const std::uint64_t free = q_.budget - fixed_ - globals_ - (out_.spills ? 0 : out_.states);
    while (states > 2 && head_run(rows_at_once_, states) > free) --states;
    out_.head_branches = states == all || !out_.spills ? 0 : states - 1;
  }

  const MemoryQuestion& q_;
  const Dims& dims_;
  const int layers_run_;
  const bool on_host_;
  std::int64_t rows_ = 0;
  int longest_ = 1;
  int rows_at_once_ = 1;  // of the highest chunk
  std::uint64_t lanes_ = 1;
  std::uint64_t all_ = 0;      // weights of all layers and the globals
  std::uint64_t layer_ = 0;    // of the largest layer
  std::uint64_t globals_ = 0;  // the embedding's and the final norm's, which stay
  std::uint64_t fixed_ = 0;    // the program and what is held beside it
  MemoryDivision out_;
};

}  // namespace

int MemoryQuestion::layers() const {
  const int all = model.spec.dims.layers;
  const bool streams = streamed != nullptr && !streamed->points().empty();
  if (scores || (sites.points().empty() && !streams)) return all;
  return std::max(sites.layers_needed(all), streams ? streamed->layers_needed(all) : 0);
}

void MemoryDivision::apply(ExecOptions& options) const {
  options.weight_budget = weights;
  options.chunk_tokens = chunk_tokens;
  options.wave_tokens = wave_tokens;
  options.spill = spills;
  options.head_branches = head_branches;
}

Result<MemoryDivision> divide_memory(const MemoryQuestion& question) {
  return Division(question).run();
}

}  // namespace tepui
