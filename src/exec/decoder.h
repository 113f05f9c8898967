// SPDX-License-Identifier: MIT
// Goes on with sequences whose beginnings are kept (exec/prefix.h): the new tokens of all of them
// pass through the layers together and attend to the keys and values of what precedes them. The
// bits are those of whole sequences (law 2).
//
// Edits reach the new tokens as their TOKENS say; positions count from the sequence's beginning.
// What an edit must know of a sequence (its median, quantile or largest |x|) it takes from the new
// tokens of the call alone. `largest` and the rule patch reach the beginning only.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "exec/buffer_pool.h"
#include "exec/part.h"
#include "exec/prefix.h"
#include "exec/weight_store.h"
#include "models/tables.h"

namespace tepui {

// The new tokens of one sequence.
struct Continuation {
  int prefix = 0;            // which of the kept sequences it goes on with
  int branch = 0;            // whose edits it has: 0 none, else branches[branch - 1]
  std::vector<TokenId> ids;  // at least one
};

// Bytes that keys and values take at most of sequences that grow to so many tokens together, with
// the beginnings that they were given: a cache has room for each to grow by half and a token, and
// the smaller one is there until all layers have moved.
std::uint64_t decoder_bytes(const Dims& dims, std::int64_t tokens);

class Decoder {
 public:
  // All must outlive it.
  Decoder(Backend& backend, const Model& model, WeightStore& weights,
          std::span<const Branch> branches, const MassiveRule& massive);

  // These are kept from now on, numbered from 0.
  Status keep(std::span<const Prefix* const> prefixes);

  // All lengths, with and without the new tokens, must be of one class (models/tables.h), and what
  // is kept holds all that a prefix mask shows (Dims::prefix): a token within it would change what
  // the tokens before it see. The final
  // norm of the new rows, f32 [R, embedding_width], one sequence behind the other; valid
  // until the next call. What is kept afterwards are the continued sequences, in their order.
  // Several may go on with one prefix.
  Result<BufferSlice> run(std::span<const Continuation> continuations);

  int kept() const { return static_cast<int>(kept_.size()); }
  int length(int sequence) const { return kept_[static_cast<std::size_t>(sequence)].length; }

 private:
  struct Kept {
    int begin = 0;  // its first row in the cache
    int room = 0;   // rows from there on that are its own
    int length = 0;
    std::vector<TokenId> ids;
  };
  struct Layer {
    Buffer keys;
    Buffer values;
  };
  // An edit of one branch that selects some of the new rows, or keys inside attention, and which.
  struct ActiveEdit {
    const Edit* edit = nullptr;
    std::vector<std::uint32_t> marks;  // [R], or by row of the cache that will be left
  };
  struct Step;  // what one call works with

  Status load(Step& step, std::span<const Continuation> continuations);
  bool fits_in_place(std::span<const Continuation> continuations) const;
  Status place(Step& step, std::span<const Continuation> continuations);
  Status load_tables(int longest);
  Status compute_all(Step& step);
  Status compute(Step& step, const std::string& kind, Point point,
                 const std::function<Result<Lowered>()>& lower);
  // What an edit of a branch, numbered from 1, selects.
  static std::vector<std::uint32_t> marks_of(const Step& step, const Edit& edit, int branch);
  std::vector<std::uint32_t> attention_words(const Step& step) const;
  Status bind_marks(Step& step, const Part& part, Bindings& bindings);
  Status bind_cache(Step& step, Layer& layer, const Lowered& lowered, Bindings& bindings,
                    std::vector<Ticket>& after);
  std::vector<ActiveEdit> active_edits(const Step& step, Point part) const;
  Status wait(Step& step);

  Backend& backend_;
  const Model& model_;
  WeightStore& weights_;
  std::span<const Branch> branches_;
  PartCache parts_;
  BufferPool pool_;
  std::vector<Kept> kept_;
  int rows_ = 0;  // of the caches
  std::vector<Layer> layers_;
  int table_positions_ = 0;
  std::vector<int> table_class_;
  std::map<Table, Buffer> tables_;
  Buffer state_;  // what the last call left
};

}  // namespace tepui
