// SPDX-License-Identifier: MIT
#include "exec/head.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "exec/device_sizes.h"
#include "exec/weight_store.h"
#include "models/lower.h"
#include "ops/builder.h"

namespace tepui {

namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// The tied head is the token embedding, read as a matrix.
BoundWeight head_weight(const Model& model) {
  if (const BoundWeight* head = model.find_global(WeightRole::head)) return *head;
  return *model.find_global(WeightRole::token_embedding);
}

}  // namespace

Result<std::unique_ptr<Head>> Head::make(Backend& backend, const Model& model, ThreadPool& pool,
                                         int tile, bool keep) {
  std::unique_ptr<Head> head(new Head(backend, model, pool, keep));
  TEPUI_TRY(head->pack(pool, tile > 0 ? tile : usual_head_tile(backend.device())));
  return head;
}

DType Head::weight_type(const Model& model) {
  return packed_dtype(head_weight(model).tensor->type.dtype);
}

std::uint64_t Head::weight_bytes(const Backend& backend, const Model& model) {
  const PackParams place = head_weight(model).place;
  return backend.storage_bytes({weight_type(model), Shape{place.n, place.k}});
}

Status Head::pack(ThreadPool& pool, int tile) {
  if (const BoundWeight* bias = model_.find_global(WeightRole::head_bias)) {
    TEPUI_TRY(check_finite(*bias->tensor, pool));
    TEPUI_TRY(bias_, upload_values(backend_, vector_values(*bias)));
  }
  const int vocabulary = static_cast<int>(head_weight(model_).place.n);
  for (int first = 0; first < vocabulary; first += tile) {
    Tile& out = tiles_.emplace_back();
    out.first = first;
    out.count = std::min(tile, vocabulary - first);
    if (keeps_) TEPUI_TRY(begin_tile(out));
  }
  checked_ = keeps_;
  return {};
}

Status Head::begin_tile(Tile& tile) {
  if (tile.weight.storage != nullptr) return {};
  const BoundWeight weight = head_weight(model_);
  const TensorType packed{weight_type(model_), Shape{tile.count, weight.place.k}};
  TEPUI_TRY(tile.weight, backend_.allocate(backend_.storage_bytes(packed), Memory::device));
  return loader_.pack_rows(*weight.tensor, weight, tile.first, tile.count, !checked_,
                           BufferSlice::whole(tile.weight));
}

void Head::end_tile(Tile& tile) {
  if (keeps_) return;
  tile.weight = {};
  checked_ = checked_ || &tile == &tiles_.back();
}

Result<Head::TileProgram> Head::make_program(Kind kind, int rows, const Tile& tile) {
  Builder builder;
  TileProgram out;
  const std::int64_t width = model_.spec.dims.embedding_width;
  out.x = builder.input({DType::f32, Shape{rows, width}}, "final_norm");
  out.weight = builder.weight({weight_type(model_), Shape{tile.count, width}}, "head");
  if (bias_.storage != nullptr)
    out.bias = builder.weight({DType::f32, Shape{tile.count}}, "head_bias");
  const Value products =
      builder.linear(out.x, out.weight, out.bias, kNone, TEPUI_ACT_NONE, "logits");
  out.logits = lower_logits(builder, model_.spec, products);
  const auto first = static_cast<uint>(tile.first);
  const TensorType state{DType::f32, Shape{rows, 3}};
  if (kind == Kind::arg_max) {
    out.inputs = {builder.input({DType::f32, Shape{rows}}, "value"),
                  builder.input({DType::u32, Shape{rows}}, "index")};
    const auto best = builder.arg_max(out.logits, out.inputs[0], out.inputs[1], first, "arg_max");
    out.outputs = {best.value, best.index};
  } else if (kind == Kind::logits) {
    out.outputs = {out.logits};
  } else {
    out.inputs = {builder.input({DType::i32, Shape{rows}}, "targets"),
                  builder.input(state, "state")};
    out.outputs = {builder.cross_entropy(out.logits, out.inputs[0], out.inputs[1], first, "loss")};
  }
  if (kind == Kind::first) out.outputs.push_back(out.logits);
  if (kind == Kind::other) {
    out.inputs.push_back(builder.input(builder.type(out.logits), "first_logits"));
    out.inputs.push_back(builder.input(state, "divergence"));
    out.outputs.push_back(
        builder.divergence(out.inputs[2], out.logits, out.inputs[3], first, "divergence"));
  }
  for (const Value value : out.outputs) builder.mark_output(value);
  TEPUI_TRY(const Program program, builder.finish());
  out.values = program.values.size();
  TEPUI_TRY(out.prepared, backend_.prepare(program));
  return out;
}

Result<const Head::TileProgram*> Head::program_for(Kind kind, int rows, const Tile& tile) {
  const auto key = std::tuple(kind, rows, tile.first);
  if (const auto found = programs_.find(key); found != programs_.end()) return &found->second;
  TEPUI_TRY(TileProgram program, make_program(kind, rows, tile));
  return &programs_.emplace(key, std::move(program)).first->second;
}

Result<Buffer> Head::upload(std::span<const std::byte> bytes) {
  TEPUI_TRY(Buffer buffer, backend_.allocate(bytes.size(), Memory::device));
  TEPUI_TRY(backend_.wait(backend_.upload(BufferSlice::whole(buffer), bytes, {})));
  return buffer;
}

Ticket Head::run_tile(const TileProgram& program, const Tile& tile, BufferSlice x,
                      std::span<const BufferSlice> inputs, std::span<const BufferSlice> outputs,
                      Tickets after) {
  Bindings bindings(program.values);
  bindings[program.x.id] = x;
  bindings[program.weight.id] = BufferSlice::whole(tile.weight);
  if (program.bias.present())
    bindings[program.bias.id] = {&bias_, static_cast<std::size_t>(tile.first) * sizeof(float),
                                 static_cast<std::size_t>(tile.count) * sizeof(float)};
  for (std::size_t i = 0; i < inputs.size(); ++i) bindings[program.inputs[i].id] = inputs[i];
  for (std::size_t i = 0; i < outputs.size(); ++i) bindings[program.outputs[i].id] = outputs[i];
  return backend_.run(*program.prepared, bindings, after);
}

Result<Head::Folding> Head::start_folding(std::span<const BufferSlice> states, int rows,
                                          std::span<const std::int32_t> targets) {
  constexpr std::size_t kProgramsKept = 1024;  // chunks of many heights would gather without end
  if (programs_.size() >= kProgramsKept) programs_.clear();
  const auto n = static_cast<std::size_t>(rows);
  Folding folding;
  folding.states = states;
  folding.rows = rows;
  std::vector<float> state(3 * n, 0.0F);
  for (std::size_t r = 0; r < n; ++r) state[3 * r] = kMinusInfinity;
  TEPUI_TRY(folding.targets, upload(std::as_bytes(targets)));
  TEPUI_TRY(folding.start, upload(std::as_bytes(std::span<const float>(state))));
  const std::size_t bytes = folding.start.bytes;
  folding.folds.resize(states.size());
  for (Fold& fold : folding.folds) {
    for (Buffer& half : fold.loss) {
      TEPUI_TRY(half, backend_.allocate(bytes, Memory::device));
    }
    if (&fold == &folding.folds.front()) continue;
    for (Buffer& half : fold.divergence) {
      TEPUI_TRY(half, backend_.allocate(bytes, Memory::device));
    }
  }
  if (states.size() > 1) {
    const std::size_t columns = static_cast<std::size_t>(tiles_.front().count);
    TEPUI_TRY(folding.logits, backend_.allocate(n * columns * sizeof(float), Memory::device));
  }
  return folding;
}

Status Head::fold_tile(Folding& folding, std::size_t tile, std::size_t state) {
  const bool compare = folding.states.size() > 1;
  const Kind kind = !compare ? Kind::losses : state == 0 ? Kind::first : Kind::other;
  TEPUI_TRY(const TileProgram* const program, program_for(kind, folding.rows, tiles_[tile]));
  Fold& fold = folding.folds[state];
  const std::size_t from = tile % 2;
  const std::size_t to = 1 - from;
  const auto before = [&](const Buffer& half) {
    return BufferSlice::whole(tile == 0 ? folding.start : half);
  };
  const BufferSlice logits{&folding.logits, 0,
                           static_cast<std::size_t>(folding.rows) *
                               static_cast<std::size_t>(tiles_[tile].count) * sizeof(float)};
  std::vector<BufferSlice> inputs = {BufferSlice::whole(folding.targets), before(fold.loss[from])};
  std::vector<BufferSlice> outputs = {BufferSlice::whole(fold.loss[to])};
  if (kind == Kind::first) outputs.push_back(logits);
  if (kind == Kind::other) {
    inputs.push_back(logits);
    inputs.push_back(before(fold.divergence[from]));
    outputs.push_back(BufferSlice::whole(fold.divergence[to]));
  }
  folding.last = {
      run_tile(*program, tiles_[tile], folding.states[state], inputs, outputs, folding.last)};
  return {};
}

Status Head::wait_for(std::vector<Ticket>& tickets) {
  Status status;
  for (const Ticket ticket : tickets) {
    const Status waited = backend_.wait(ticket);
    if (status) status = waited;
  }
  return status;
}

Status Head::fold_tiles(Folding& folding) {
  Status status;
  for (std::size_t tile = 0; tile < tiles_.size() && status; ++tile) {
    status = begin_tile(tiles_[tile]);
    for (std::size_t state = 0; state < folding.states.size() && status; ++state)
      status = fold_tile(folding, tile, state);
    if (keeps_) continue;
    const Status waited = wait_for(folding.last);
    if (status) status = waited;
    end_tile(tiles_[tile]);
  }
  // Also after an error: what has been issued uses buffers of this call.
  const Status waited = wait_for(folding.last);
  return status ? waited : status;
}

Result<std::vector<Head::Scores>> Head::scores(std::span<const BufferSlice> states, int rows,
                                               std::span<const std::int32_t> targets) {
  const auto n = static_cast<std::size_t>(rows);
  TEPUI_TRY(Folding folding, start_folding(states, rows, targets));
  TEPUI_TRY(fold_tiles(folding));
  const std::size_t last = tiles_.size() % 2;
  std::vector<float> state(3 * n);
  const auto download = [&](const Buffer& from) -> Status {
    return backend_.wait(backend_.download(std::as_writable_bytes(std::span<float>(state)),
                                           BufferSlice::whole(from), {}));
  };
  std::vector<Scores> out(states.size());
  std::vector<double> first_sum(n);  // the first state's log-sum-exp
  for (std::size_t i = 0; i < states.size(); ++i) {
    TEPUI_TRY(download(folding.folds[i].loss[last]));
    std::vector<double> sum(n);
    out[i].losses.assign(n, 0.0);
    out[i].divergences.assign(n, 0.0);
    for (std::size_t r = 0; r < n; ++r) {
      sum[r] = double{state[3 * r]} + std::log(double{state[3 * r + 1]});
      if (targets[r] >= 0) out[i].losses[r] = sum[r] - double{state[3 * r + 2]};
    }
    if (i == 0) {
      first_sum = sum;
      continue;
    }
    TEPUI_TRY(download(folding.folds[i].divergence[last]));
    for (std::size_t r = 0; r < n; ++r)
      out[i].divergences[r] =
          double{state[3 * r + 2]} / double{state[3 * r + 1]} - first_sum[r] + sum[r];
  }
  return out;
}

Result<std::vector<double>> Head::losses(BufferSlice x, int rows,
                                         std::span<const std::int32_t> targets) {
  TEPUI_TRY(auto all, scores({&x, 1}, rows, targets));
  return std::move(all.front().losses);
}

// Each tile behind the one before, and waited for together unless its weights have to leave. Also
// after an error: what was issued uses buffers of whoever asks.
Status Head::run_tiles(const std::function<Status(Tile&)>& issue, std::vector<Ticket>& last) {
  Status status;
  for (std::size_t i = 0; i < tiles_.size() && status; ++i) {
    status = begin_tile(tiles_[i]);
    if (status) status = issue(tiles_[i]);
    if (keeps_) continue;
    const Status waited = wait_for(last);
    if (status) status = waited;
    end_tile(tiles_[i]);
  }
  if (!status) (void)wait_for(last);
  return status;
}

Result<std::vector<std::uint32_t>> Head::arg_max(BufferSlice x, int rows) {
  const auto n = static_cast<std::size_t>(rows);
  const std::vector<float> start(n, kMinusInfinity);
  const std::vector<std::uint32_t> nowhere(n, 0xffffffffU);
  TEPUI_TRY(Buffer value_now, upload(std::as_bytes(std::span<const float>(start))));
  TEPUI_TRY(Buffer index_now, upload(std::as_bytes(std::span<const std::uint32_t>(nowhere))));
  TEPUI_TRY(Buffer value_next, backend_.allocate(value_now.bytes, Memory::device));
  TEPUI_TRY(Buffer index_next, backend_.allocate(index_now.bytes, Memory::device));
  std::vector<Ticket> last;
  const auto issue = [&](Tile& tile) -> Status {
    TEPUI_TRY(const TileProgram* const program, program_for(Kind::arg_max, rows, tile));
    const BufferSlice inputs[] = {BufferSlice::whole(value_now), BufferSlice::whole(index_now)};
    const BufferSlice outputs[] = {BufferSlice::whole(value_next), BufferSlice::whole(index_next)};
    last = {run_tile(*program, tile, x, inputs, outputs, last)};
    std::swap(value_now, value_next);
    std::swap(index_now, index_next);
    return {};
  };
  TEPUI_TRY(run_tiles(issue, last));
  std::vector<std::uint32_t> index(n);
  last = {backend_.download(std::as_writable_bytes(std::span<std::uint32_t>(index)),
                            BufferSlice::whole(index_now), last)};
  TEPUI_TRY(wait_for(last));
  return index;
}

Result<std::span<const float>> Head::logits(BufferSlice x, int rows) {
  const auto vocabulary = static_cast<std::size_t>(model_.spec.dims.vocabulary);
  const auto n = static_cast<std::size_t>(rows);
  logits_.resize(n * vocabulary);
  const std::size_t bytes = n * vocabulary * sizeof(float);
  if (logits_there_.bytes < bytes) {
    TEPUI_TRY(logits_there_, backend_.allocate(bytes, Memory::device));
  }
  std::vector<Ticket> last;
  // A tile's rows lie together, behind those of the tiles before.
  const auto issue = [&](Tile& tile) -> Status {
    TEPUI_TRY(const TileProgram* const program, program_for(Kind::logits, rows, tile));
    const auto first = static_cast<std::size_t>(tile.first);
    const auto count = static_cast<std::size_t>(tile.count);
    const BufferSlice outputs[] = {
        {&logits_there_, n * first * sizeof(float), n * count * sizeof(float)}};
    last = {run_tile(*program, tile, x, {}, outputs, last)};
    return {};
  };
  TEPUI_TRY(run_tiles(issue, last));
  const bool apart = n > 1 && tiles_.size() > 1;
  tile_logits_.resize(apart ? n * vocabulary : 0);
  const std::span<float> to = apart ? std::span(tile_logits_) : std::span(logits_);
  last = {backend_.download(std::as_writable_bytes(to), {&logits_there_, 0, bytes}, last)};
  TEPUI_TRY(wait_for(last));
  for (std::size_t i = 0; apart && i < tiles_.size(); ++i) {
    const auto first = static_cast<std::size_t>(tiles_[i].first);
    const auto count = static_cast<std::size_t>(tiles_[i].count);
    for (std::size_t r = 0; r < n; ++r)
      std::ranges::copy(to.subspan(n * first + r * count, count),
                        std::span(logits_).subspan(r * vocabulary + first, count).begin());
  }
  return logits_;
}

}  // namespace tepui
