// SPDX-License-Identifier: MIT
// A lowered and tapped part of a model, prepared on a backend together with the buffers that belong
// to it: constants and tap outputs. Parts are cached by the chunk's shape, by what the part is and
// by what is tapped, so that the layers of a model and the chunks of a wave share them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exec/tap.h"
#include "tepui/backend.h"

namespace tepui {

struct Part {
  Tapped tapped;
  std::unique_ptr<Prepared> prepared;
  std::vector<Buffer> constants;                 // as tapped.constants
  std::vector<std::vector<Buffer>> tap_buffers;  // as tapped.outputs
};

class PartCache {
 public:
  PartCache(Backend& backend, const ModelSpec& spec,
            std::span<const std::unique_ptr<Metric>> metrics)
      : backend_(backend), spec_(spec), metrics_(metrics) {}

  // `kind` names the part ("block 0.125"); `lower` is called when it is not there yet. The part
  // has the steps of those metrics that measure any of the chunk's sequences.
  Result<Part*> get(const std::string& kind, const ChunkShape& chunk, int first_sequence,
                    std::span<const Site> sites, const std::function<Result<Lowered>()>& lower);
  std::size_t size() const { return parts_.size(); }
  void clear() { parts_.clear(); }

 private:
  Result<std::unique_ptr<Part>> make(const ChunkShape& chunk, std::span<const Site> sites,
                                     std::span<const Metric* const> metrics, Lowered lowered);

  Backend& backend_;
  const ModelSpec& spec_;
  std::span<const std::unique_ptr<Metric>> metrics_;
  std::map<std::string, std::unique_ptr<Part>> parts_;
};

// Brings a tap's outputs back and hands them to its metric, once for each site that the value is.
Status collect_taps(Backend& backend, const Part& part, int layer, int first_sequence,
                    const ChunkShape& chunk, std::span<const Site> sites, Tickets after,
                    RowSink& sink);

}  // namespace tepui
