// SPDX-License-Identifier: MIT
// What attention.comp's lanes bring to its room: first they fetch, which waits for nothing, then they
// put. Places are clamped rather than tested: loads that stand behind a branch each would wait for each
// other.

#include "lib/channels.glsl"

vec4 next[kFetched];  // what the lane puts into the room next

// Where the keys and values of the tile's head lie.
uint keys_begin;
uint keys_pitch;

// Fetches kDepth vectors of channels from `from` on, of the queries and of the keys from row `first`
// on; of rows that are not there those of others, which nobody sees.
void fetch_slice_by(bool vectors, uint from, uint first, uint stop) {
  [[unroll]] for (uint i = 0; i < kFetchedProducts; ++i) {
    const uint e = i * kLanes + lane();
    const uint row = e / kDepth;
    const uint d = from + 4 * (e % kDepth);
    const bool of_queries = row < kSlots;
    const uint query = query_at[min(row, kSlots - 1)];
    const uint key = keys_begin + min(first + row - kSlots, stop) * keys_pitch;
    const uvec2 rows = mix(uvec2(k), uvec2(q), bvec2(of_queries));
    next[i] = zero_behind(channels(rows, vectors, mix(key, query, of_queries), d), d);
  }
}
void fetch_slice(uint from, uint first, uint stop, bool vectors) {
  if (vectors) fetch_slice_by(true, from, first, stop);
  else fetch_slice_by(false, from, first, stop);
}
void put_slice() {
  [[unroll]] for (uint i = 0; i < kFetchedProducts; ++i) {
    const uint e = i * kLanes + lane();
    const bool whole = (i + 1) * kLanes <= (kSlots + kKeys) * kDepth;
    if (whole || e < (kSlots + kKeys) * kDepth) room[e / kDepth * kPitch + e % kDepth] = next[i];
  }
}

// The same of the values of kStage keys from row `first` on.
void fetch_values_by(bool vectors, uint first, uint stop) {
  [[unroll]] for (uint i = 0; i < kFetched; ++i) {
    const uint e = i * kLanes + lane();
    const uint at = keys_begin + min(first + e / kWidth, stop) * keys_pitch;
    next[i] = channels(uvec2(v), vectors, at, 4 * (e % kWidth));
  }
}
void fetch_values(uint first, uint stop, bool vectors) {
  if (vectors) fetch_values_by(true, first, stop);
  else fetch_values_by(false, first, stop);
}
void put_values() {
  [[unroll]] for (uint i = 0; i < kFetched; ++i) {
    const uint e = i * kLanes + lane();
    const bool whole = (i + 1) * kLanes <= kStage * kWidth;
    if (whole || e < kStage * kWidth) room[e] = next[i];
  }
}
