// SPDX-License-Identifier: MIT
// What a backend and its companion did to make a part's weights resident.
#pragma once

#include "tepui/backend.h"

namespace tepui {

struct WeightsLoaded {
  BackendCounters ahead;  // while earlier parts were computed
  BackendCounters still;  // while the host waited for them; its waits are in here
};

}  // namespace tepui
