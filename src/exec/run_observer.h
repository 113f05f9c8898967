// SPDX-License-Identifier: MIT
// Who wants to know which part of a model the executor issues: to name what is compared or counted
// while it does. Nothing that is computed depends on it.
#pragma once

#include <string_view>

#include "exec/tap.h"
#include "exec/weights_loaded.h"

namespace tepui {

struct PartRun {
  std::string_view part;  // "embedding", "block", "final norm"
  int layer = kNoLayer;
  int first_sequence = 0;
  const ChunkShape& shape;
  const SiteWork& work;
};

class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // The layer's weights are resident (kNoLayer: the embeddings and the final norm).
  virtual void loaded(int /*layer*/, const WeightsLoaded& /*what*/) {}
  virtual void before(const PartRun& /*part*/) {}
  // It was issued with the downloads of what its taps give, of so many bytes; a device may still
  // work on it.
  virtual void after(const PartRun& /*part*/, std::size_t /*asked_bytes*/) {}
};

}  // namespace tepui
