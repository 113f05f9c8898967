// SPDX-License-Identifier: MIT
#include "exec/head.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
                                         int tile) {
  std::unique_ptr<Head> head(new Head(backend, model));
  TEPUI_TRY(head->pack(pool, tile));
  return head;
}

Status Head::pack(ThreadPool& pool, int tile) {
  const BoundWeight weight = head_weight(model_);
  TEPUI_TRY(check_finite(*weight.tensor, pool));
  TEPUI_TRY(const Buffer source, backend_.adopt(weight.tensor->bytes));
  if (const BoundWeight* bias = model_.find_global(WeightRole::head_bias)) {
    TEPUI_TRY(check_finite(*bias->tensor, pool));
    TEPUI_TRY(bias_, upload_values(backend_, vector_values(*bias)));
  }
  const int vocabulary = static_cast<int>(weight.place.n);
  for (int first = 0; first < vocabulary; first += tile) {
    Tile out;
    out.first = first;
    out.count = std::min(tile, vocabulary - first);
    PackParams place = weight.place;
    place.n = static_cast<uint>(out.count);
    place.offset += static_cast<uint>(first) * place.stride;
    Builder builder;
    const Value from = builder.weight(weight.tensor->type, weight.tensor->name);
    const Value to = builder.pack(from, place, "head");
    builder.mark_output(to);
    TEPUI_TRY(const Program program, builder.finish());
    TEPUI_TRY(const auto prepared, backend_.prepare(program));
    TEPUI_TRY(out.weight,
              backend_.allocate(backend_.storage_bytes(program.info(to).type), Memory::device));
    Bindings bindings(program.values.size());
    bindings[from.id] = BufferSlice::whole(source);
    bindings[to.id] = BufferSlice::whole(out.weight);
    TEPUI_TRY(backend_.wait(backend_.run(*prepared, bindings, {})));
    tiles_.push_back(std::move(out));
  }
  return {};
}

Result<Head::TileProgram> Head::program_for(Kind kind, int rows, const Tile& tile) {
  Builder builder;
  TileProgram out;
  const std::int64_t width = model_.spec.dims.embedding_width;
  out.x = builder.input({DType::f32, Shape{rows, width}}, "final_norm");
  out.weight = builder.weight({DType::packed, Shape{tile.count, width}}, "head");
  if (bias_.storage != nullptr)
    out.bias = builder.weight({DType::f32, Shape{tile.count}}, "head_bias");
  const Value products =
      builder.linear(out.x, out.weight, out.bias, kNone, TEPUI_ACT_NONE, "logits");
  out.logits = lower_logits(builder, model_.spec, products);
  const auto first = static_cast<uint>(tile.first);
  if (kind == Kind::losses) {
    out.inputs = {builder.input({DType::i32, Shape{rows}}, "targets"),
                  builder.input({DType::f32, Shape{rows, 3}}, "state")};
    out.outputs = {builder.cross_entropy(out.logits, out.inputs[0], out.inputs[1], first, "state")};
  } else if (kind == Kind::arg_max) {
    out.inputs = {builder.input({DType::f32, Shape{rows}}, "value"),
                  builder.input({DType::u32, Shape{rows}}, "index")};
    const auto best = builder.arg_max(out.logits, out.inputs[0], out.inputs[1], first, "arg_max");
    out.outputs = {best.value, best.index};
  } else {
    out.outputs = {out.logits};
  }
  for (const Value value : out.outputs) builder.mark_output(value);
  TEPUI_TRY(const Program program, builder.finish());
  out.values = program.values.size();
  TEPUI_TRY(out.prepared, backend_.prepare(program));
  return out;
}

Result<Buffer> Head::upload(std::span<const std::byte> bytes) {
  TEPUI_TRY(Buffer buffer, backend_.allocate(bytes.size(), Memory::device));
  TEPUI_TRY(backend_.wait(backend_.upload(BufferSlice::whole(buffer), bytes, {})));
  return buffer;
}

Status Head::run_tile(const TileProgram& program, const Tile& tile, BufferSlice x,
                      std::span<const BufferSlice> inputs, std::span<const BufferSlice> outputs) {
  Bindings bindings(program.values);
  bindings[program.x.id] = x;
  bindings[program.weight.id] = BufferSlice::whole(tile.weight);
  if (program.bias.present())
    bindings[program.bias.id] = {&bias_, static_cast<std::size_t>(tile.first) * sizeof(float),
                                 static_cast<std::size_t>(tile.count) * sizeof(float)};
  for (std::size_t i = 0; i < inputs.size(); ++i) bindings[program.inputs[i].id] = inputs[i];
  for (std::size_t i = 0; i < outputs.size(); ++i) bindings[program.outputs[i].id] = outputs[i];
  return backend_.wait(backend_.run(*program.prepared, bindings, {}));
}

Result<std::vector<double>> Head::losses(BufferSlice x, int rows,
                                         std::span<const std::int32_t> targets) {
  const auto n = static_cast<std::size_t>(rows);
  std::vector<float> state(3 * n, 0.0F);
  for (std::size_t r = 0; r < n; ++r) state[3 * r] = kMinusInfinity;
  TEPUI_TRY(const Buffer target_buffer, upload(std::as_bytes(targets)));
  TEPUI_TRY(Buffer current, upload(std::as_bytes(std::span<const float>(state))));
  TEPUI_TRY(Buffer next, backend_.allocate(current.bytes, Memory::device));
  for (const Tile& tile : tiles_) {
    TEPUI_TRY(const TileProgram program, program_for(Kind::losses, rows, tile));
    const BufferSlice inputs[] = {BufferSlice::whole(target_buffer), BufferSlice::whole(current)};
    const BufferSlice outputs[] = {BufferSlice::whole(next)};
    TEPUI_TRY(run_tile(program, tile, x, inputs, outputs));
    std::swap(current, next);
  }
  TEPUI_TRY(backend_.wait(backend_.download(std::as_writable_bytes(std::span<float>(state)),
                                            BufferSlice::whole(current), {})));
  std::vector<double> out(n, 0.0);
  for (std::size_t r = 0; r < n; ++r) {
    if (targets[r] < 0) continue;
    out[r] = static_cast<double>(state[3 * r]) + std::log(static_cast<double>(state[3 * r + 1])) -
             static_cast<double>(state[3 * r + 2]);
  }
  return out;
}

Result<std::vector<std::uint32_t>> Head::arg_max(BufferSlice x, int rows) {
  const auto n = static_cast<std::size_t>(rows);
  const std::vector<float> start(n, kMinusInfinity);
  std::vector<std::uint32_t> index(n, 0xffffffffU);
  TEPUI_TRY(Buffer value_now, upload(std::as_bytes(std::span<const float>(start))));
  TEPUI_TRY(Buffer index_now, upload(std::as_bytes(std::span<const std::uint32_t>(index))));
  TEPUI_TRY(Buffer value_next, backend_.allocate(value_now.bytes, Memory::device));
  TEPUI_TRY(Buffer index_next, backend_.allocate(index_now.bytes, Memory::device));
  for (const Tile& tile : tiles_) {
    TEPUI_TRY(const TileProgram program, program_for(Kind::arg_max, rows, tile));
    const BufferSlice inputs[] = {BufferSlice::whole(value_now), BufferSlice::whole(index_now)};
    const BufferSlice outputs[] = {BufferSlice::whole(value_next), BufferSlice::whole(index_next)};
    TEPUI_TRY(run_tile(program, tile, x, inputs, outputs));
    std::swap(value_now, value_next);
    std::swap(index_now, index_next);
  }
  TEPUI_TRY(backend_.wait(backend_.download(std::as_writable_bytes(std::span<std::uint32_t>(index)),
                                            BufferSlice::whole(index_now), {})));
  return index;
}

Result<std::vector<float>> Head::logits(BufferSlice x, int rows) {
  const auto vocabulary = static_cast<std::size_t>(model_.spec.dims.vocabulary);
  const auto n = static_cast<std::size_t>(rows);
  std::vector<float> all(n * vocabulary);
  for (const Tile& tile : tiles_) {
    TEPUI_TRY(const TileProgram program, program_for(Kind::logits, rows, tile));
    const auto count = static_cast<std::size_t>(tile.count);
    std::vector<float> part(n * count);
    TEPUI_TRY(const Buffer out, backend_.allocate(part.size() * sizeof(float), Memory::device));
    const BufferSlice outputs[] = {BufferSlice::whole(out)};
    TEPUI_TRY(run_tile(program, tile, x, {}, outputs));
    TEPUI_TRY(backend_.wait(
        backend_.download(std::as_writable_bytes(std::span<float>(part)), outputs[0], {})));
    for (std::size_t r = 0; r < n; ++r) {
      std::copy_n(part.begin() + static_cast<std::ptrdiff_t>(r * count), count,
                  all.begin() + static_cast<std::ptrdiff_t>(r * vocabulary) + tile.first);
    }
  }
  return all;
}

}  // namespace tepui
