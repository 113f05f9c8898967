// SPDX-License-Identifier: MIT
// Weights on a backend. A tensor is read from its file, checked for NaN and infinity, and packed or
// cast once per residency; tables are adopted as they are. Layers stay resident as long as the
// budget allows, else until the next one needs the room; the next one is loaded meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "exec/prefetch.h"
#include "exec/weight_loader.h"
#include "exec/weights_loaded.h"
#include "input/tokenizer.h"
#include "models/model.h"
#include "tepui/backend.h"

namespace tepui {

// A buffer of these values.
Result<Buffer> upload_values(Backend& backend, const std::vector<float>& values);

class WeightStore {
 public:
  // `budget` is in bytes of the backend's memory; one layer is always allowed.
  WeightStore(Backend& backend, const Model& model, ThreadPool& pool, std::uint64_t budget);

  // Whether the whole model may stay: then a wave costs no packing, however small it is.
  bool all_fit() const;

  bool resident(int layer) const { return resident_.contains(layer); }
  // Whether the table of token embeddings is too large to become resident, for one allocation or
  // beside anything else: then a chunk takes the rows of its tokens.
  bool gathers_tokens() const;
  // The rows of these tokens, one behind the other, as they are stored.
  Result<Buffer> gather_tokens(std::span<const TokenId> ids);

  // What a layer takes once it is resident (kNoLayer: the embeddings and the final norm).
  std::uint64_t bytes_of(int layer) const;
  std::uint64_t largest_layer() const;

  // Called before memory is given back that work under way may read: it waits for that work.
  void before_release(std::function<Status()> settle) { settle_ = std::move(settle); }

  // Makes a layer's weights resident (kNoLayer: the embeddings and the final norm). Others may have
  // to leave; work under way that reads them goes on, and what takes their place comes behind it.
  Status require(int layer);
  // Begins to load a layer that is required next, as far as there is room beside `current`.
  Status prefetch(int layer, int current);
  // Lets go of all layers, so that others may have the memory.
  void release_layers();
  // Valid until the next call of the above but for layers that stay. The role must be one of the
  // model's.
  BufferSlice slice(int layer, WeightRole role) const;

  // Tables are read where they are mapped: whether their files are still whole, and what to do
  // when they have been read.
  Status check_tables() const;
  void drop_tables() const;

  std::uint64_t bytes_read() const;                          // from files, for packing
  double seconds_waited() const { return seconds_waited_; }  // in require()
  const WeightsLoaded& loaded() const { return loaded_; }    // by the last require()

 private:
  using Slots = std::map<WeightRole, Buffer>;
  struct UnderWay {
    int layer = 0;
    Slots slots;
  };

  std::span<const BoundWeight> bound(int layer) const;
  bool held(const BoundWeight& weight) const;
  std::uint64_t held_bytes(const BoundWeight& weight) const;
  Result<Buffer> load(const BoundWeight& weight, bool check, int layer);
  std::optional<Buffer> take_spare(std::size_t bytes);
  // Lets go of what is not needed until there is room; false where there is nothing left to let go.
  Result<bool> make_room(std::uint64_t bytes, std::span<const int> keep);
  Result<Buffer> take(std::size_t bytes, std::span<const int> keep);
  Status take_over(int layer, Slots& slots);
  Status load_layer(int layer);

  Backend& backend_;
  const Model& model_;
  ThreadPool& pool_;
  WeightLoader loader_;
  std::uint64_t budget_;
  std::uint64_t held_ = 0;  // bytes of all buffers: resident, under way, spare
  std::map<int, Slots> resident_;
  std::multimap<std::size_t, Buffer> spare_;  // of layers that left
  std::optional<UnderWay> under_way_;
  std::unique_ptr<Prefetch> prefetch_;  // made when first used
  std::set<int> checked_;               // layers whose numbers are known to be finite
  double seconds_waited_ = 0;
  WeightsLoaded loaded_;
  BackendCounters loaded_ahead_;  // by all that was taken over
  std::function<Status()> settle_;
};

}  // namespace tepui
