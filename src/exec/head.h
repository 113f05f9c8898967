// SPDX-License-Identifier: MIT
// The head in vocabulary tiles: the logits of a whole sequence are never held. Works on the final
// norm's rows of one chunk; its weights are packed once, at construction, tile by tile, or, where
// memory is short, whenever a tile is needed. Programs are prepared once for each height of a
// chunk, and everything stays on the device until the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "exec/weight_loader.h"
#include "models/model.h"
#include "tepui/backend.h"

namespace tepui {

class Head {
 public:
  // `tile`: columns of the vocabulary at once; 0: as many as suit the device (device_sizes.h).
  static Result<std::unique_ptr<Head>> make(Backend& backend, const Model& model, ThreadPool& pool,
                                            int tile = 0, bool keep = true);

  // What its matrix is packed as, and the bytes of all tiles.
  static DType weight_type(const Model& model);
  static std::uint64_t weight_bytes(const Backend& backend, const Model& model);

  // What the model says of the tokens that follow, in nats, from logits in f32.
  struct Scores {
    std::vector<double> losses;       // -log p(target) of each row; a target of -1 gives 0
    std::vector<double> divergences;  // KL(p of the first || p of this one) of each row
  };
  // Of several states of the same rows, each f32 [rows, D]; the first one's divergences are 0. They
  // are computed tile by tile side by side, and waited for once.
  Result<std::vector<Scores>> scores(std::span<const BufferSlice> states, int rows,
                                     std::span<const std::int32_t> targets);
  // Those of one state.
  Result<std::vector<double>> losses(BufferSlice x, int rows,
                                     std::span<const std::int32_t> targets);
  // The most probable token of each row; the lowest id wins ties.
  Result<std::vector<std::uint32_t>> arg_max(BufferSlice x, int rows);
  // All logits, [rows, V], of few rows: valid until the next call.
  Result<std::span<const float>> logits(BufferSlice x, int rows);

 private:
  struct Tile {
    int first = 0;
    int count = 0;
    Buffer weight;
  };  // its part of the bias is in bias_
  // A prepared Program for one tile and chunks of one height.
  struct TileProgram {
    std::unique_ptr<Prepared> prepared;
    std::size_t values = 0;
    Value x, weight, bias, logits;
    std::vector<Value> inputs;   // targets and state, or value and index
    std::vector<Value> outputs;  // the new state
  };
  // `first` is losses that leave their logits behind, `other` losses with the divergence from them.
  enum class Kind : std::uint8_t { losses, first, other, arg_max, logits };
  // The running state of one of the states that are scored; tiles read one half, write the other.
  struct Fold {
    Buffer loss[2];
    Buffer divergence[2];
  };
  // What scores() has on the device.
  struct Folding {
    std::span<const BufferSlice> states;
    int rows = 0;
    Buffer targets;
    Buffer start;   // every fold's first state
    Buffer logits;  // of the first state, of the tile in hand
    std::vector<Fold> folds;
    std::vector<Ticket> last;  // of the run that was issued last
  };

  Head(Backend& backend, const Model& model, ThreadPool& pool, bool keep)
      : backend_(backend), model_(model), loader_(backend, pool), keeps_(keep) {}
  Status pack(ThreadPool& pool, int tile);
  // A tile's weights are there between these two; nothing may read them at the second.
  Status begin_tile(Tile& tile);
  void end_tile(Tile& tile);
  Status wait_for(std::vector<Ticket>& tickets);
  Result<TileProgram> make_program(Kind kind, int rows, const Tile& tile);
  Result<const TileProgram*> program_for(Kind kind, int rows, const Tile& tile);
  Result<Buffer> upload(std::span<const std::byte> bytes);
  Ticket run_tile(const TileProgram& program, const Tile& tile, BufferSlice x,
                  std::span<const BufferSlice> inputs, std::span<const BufferSlice> outputs,
                  Tickets after);
  Result<Folding> start_folding(std::span<const BufferSlice> states, int rows,
                                std::span<const std::int32_t> targets);
  Status fold_tile(Folding& folding, std::size_t tile, std::size_t state);
  Status fold_tiles(Folding& folding);
  Status run_tiles(const std::function<Status(Tile&)>& issue, std::vector<Ticket>& last);

  Backend& backend_;
  const Model& model_;
  WeightLoader loader_;
  bool keeps_;
  bool checked_ = false;  // all numbers are known to be finite
  std::vector<Tile> tiles_;
  Buffer bias_;  // f32 [V]; empty where the head has none
  // Of logits(), whose memory is the same for every token of a text.
  Buffer logits_there_;
  std::vector<float> logits_;
  std::vector<float> tile_logits_;
  std::map<std::tuple<Kind, int, int>, TileProgram> programs_;  // by kind, rows and first column
};

}  // namespace tepui
