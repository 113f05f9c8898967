// SPDX-License-Identifier: MIT
// The head in vocabulary tiles: the logits of a whole sequence are never held. Works on the final
// norm's rows of one chunk; its weights are packed once, at construction, tile by tile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "models/model.h"
#include "tepui/backend.h"

namespace tepui {

class Head {
 public:
  static constexpr int kTile = 2048;  // columns of the vocabulary at once

  static Result<std::unique_ptr<Head>> make(Backend& backend, const Model& model, ThreadPool& pool,
                                            int tile = kTile);

  // -log p(target) of each row in nats, from logits in f32; a target of -1 gives 0. `x` is f32
  // [rows, D].
  Result<std::vector<double>> losses(BufferSlice x, int rows,
                                     std::span<const std::int32_t> targets);
  // The most probable token of each row; the lowest id wins ties.
  Result<std::vector<std::uint32_t>> arg_max(BufferSlice x, int rows);
  // All logits, [rows, V]: for tests and small models.
  Result<std::vector<float>> logits(BufferSlice x, int rows);

 private:
  struct Tile {
    int first = 0;
    int count = 0;
    Buffer weight;
  };  // its part of the bias is in bias_
  // A prepared Program for tiles of one width and chunks of one height.
  struct TileProgram {
    std::unique_ptr<Prepared> prepared;
    std::size_t values = 0;
    Value x, weight, bias, logits;
    std::vector<Value> inputs;   // targets and state, or value and index
    std::vector<Value> outputs;  // the new state
  };
  enum class Kind : std::uint8_t { losses, arg_max, logits };

  Head(Backend& backend, const Model& model) : backend_(backend), model_(model) {}
  Status pack(ThreadPool& pool, int tile);
  Result<TileProgram> program_for(Kind kind, int rows, const Tile& tile);
  Result<Buffer> upload(std::span<const std::byte> bytes);
  Status run_tile(const TileProgram& program, const Tile& tile, BufferSlice x,
                  std::span<const BufferSlice> inputs, std::span<const BufferSlice> outputs);

  Backend& backend_;
  const Model& model_;
  std::vector<Tile> tiles_;
  Buffer bias_;  // f32 [V]; empty where the head has none
};

}  // namespace tepui
