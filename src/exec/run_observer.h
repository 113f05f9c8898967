// SPDX-License-Identifier: MIT
// Who wants to know which part of a model the executor issues: to name what is compared or counted
// while it does. Nothing that is computed depends on it.
#pragma once

#include <string_view>

#include "exec/tap.h"

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
  virtual void before(const PartRun& /*part*/) {}
  virtual void after(const PartRun& /*part*/) {}  // it was issued; a device may still work on it
};

}  // namespace tepui
