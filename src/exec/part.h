// SPDX-License-Identifier: MIT
// A lowered, edited and tapped part of a model, prepared on a backend together with the buffers
// that belong to it: constants and tap outputs. Parts are cached by the chunk's shape, by what the
// part is and by what is edited and tapped, so that the layers of a model and the chunks of a wave
// share them.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exec/edit_steps.h"
#include "exec/tap.h"
#include "tepui/backend.h"

namespace tepui {

// Where a value that a tap gives comes to lie on the host. Those in the part's own buffer lie there
// as they do on the device; values that the caller binds anyway (own is false) follow.
struct TapPlace {
  Value value;
  bool own = false;
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

struct Part {
  // Outputs of one run wait to be downloaded while the next one writes its own.
  static constexpr std::size_t kTapSets = 2;

  Tapped tapped;
  std::vector<EditInput> edit_inputs;
  std::unique_ptr<Prepared> prepared;
  std::vector<Buffer> constants;          // as tapped.constants
  std::vector<Ticket> uploads;            // of the constants: runs come behind them
  std::vector<TapPlace> places;           // of the values of tapped.outputs, one behind the other
  std::size_t tap_bytes = 0;              // of the part's own buffer
  std::size_t host_bytes = 0;             // of all places
  std::array<Buffer, kTapSets> tap_sets;  // all outputs of a run in one; made when first bound
  std::size_t next_set = 0;
};

// Binds the constants and, in turn, one of the sets of tap outputs, which it returns. At most
// kTapSets runs of a part may be under way.
Result<const Buffer*> bind_taps(Backend& backend, Part& part, Bindings& bindings);

class PartCache {
 public:
  PartCache(Backend& backend, const ModelSpec& spec,
            std::span<const std::unique_ptr<Metric>> metrics, const MassiveRule& massive)
      : backend_(backend), spec_(spec), metrics_(metrics), massive_(massive) {}

  // `kind` names the part ("block 0.125"); `lower` is called when it is not there yet. The part
  // has the steps of those metrics that measure any of the chunk's sequences.
  Result<Part*> get(const std::string& kind, const ChunkShape& chunk, int first_sequence,
                    std::span<const LaneEdit> edits, const SiteWork& sites,
                    const std::function<Result<Lowered>()>& lower);
  std::size_t size() const { return parts_.size(); }
  void clear() { parts_.clear(); }

 private:
  Result<std::unique_ptr<Part>> make(const ChunkShape& chunk, int first_sequence,
                                     std::span<const LaneEdit> edits, const SiteWork& sites,
                                     std::span<const Metric* const> metrics, Lowered lowered);

  Backend& backend_;
  const ModelSpec& spec_;
  std::span<const std::unique_ptr<Metric>> metrics_;
  MassiveRule massive_;
  std::map<std::string, std::unique_ptr<Part>> parts_;
};

}  // namespace tepui
