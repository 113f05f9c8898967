// SPDX-License-Identifier: MIT
// Rows of a matrix added up by weights, for 16 results at once: 64 lanes have two channels of all of
// them. Each is one chain over the rows; what has a weight of 0 adds nothing, whatever its row holds,
// so that nothing depends on what else is in the tile. The weights lie in the room of
// lib/score_tile.glsl, of each row, by result: it is free from the end of one multiply_tile on until the
// next, and devices need have no more than 16 KiB for all.
const uint kChannels = 2;  // of a lane, kTileLanes apart
const uint kFours = kTileShort / 4;

vec4 mixed[kChannels * kFours];  // never but by fma: nothing to contract

// How many workgroups share a head's channels, and a lane's first one in part `part`.
uint channel_parts() {
  return (ATTENTION.head_dim + kChannels * kTileLanes - 1) / (kChannels * kTileLanes);
}
uint first_channel(uint part) { return part * kChannels * kTileLanes + lane(); }

void put_weight(uint row, uint result, float weight) {
  tile_room[row * kFours + result / 4][result % 4] = weight;
}
void put_only_weight(uint row, float weight) {  // of result 0
  for (uint i = 0; i < kFours; ++i)
    tile_room[row * kFours + i] = vec4(i == 0 ? weight : 0.0, 0, 0, 0);
}

void clear_mixed() {
  [[unroll]] for (uint i = 0; i < kChannels * kFours; ++i) mixed[i] = vec4(0);
}

// Adds rows of.first and on, kTileLong of them or up to of.last, whose weights all lanes have put.
void mix_rows(HeadRows of, uint channel) {
  barrier();
  for (uint r4 = 0; r4 < kTileLong && of.first + r4 <= of.last; r4 += 4) {
    float value[4 * kChannels];
    [[unroll]] for (uint r = 0; r < 4; ++r) {
      const uint at = of.begin + min(of.first + r4 + r, of.last) * of.pitch;
      [[unroll]] for (uint c = 0; c < kChannels; ++c)
        value[r * kChannels + c] =
            of.from.v[at + min(channel + c * kTileLanes, ATTENTION.head_dim - 1)];
    }
    [[unroll]] for (uint r = 0; r < 4; ++r) {
      [[unroll]] for (uint i = 0; i < kFours; ++i) {
        const vec4 weight = tile_room[(r4 + r) * kFours + i];
        const bvec4 adds = notEqual(weight, vec4(0));
        [[unroll]] for (uint c = 0; c < kChannels; ++c) {
          const uint m = c * kFours + i;
          mixed[m] = mix(mixed[m], fma(weight, vec4(value[r * kChannels + c]), mixed[m]), adds);
        }
      }
    }
  }
}

// Runs DO for each result `r` and channel `d` of the lane, with `value`.
#define EACH_MIXED(DO)                                                         \
  [[unroll]] for (uint c = 0; c < kChannels; ++c) {                            \
    const uint d = channel + c * kTileLanes;                                   \
    [[unroll]] for (uint r = 0; r < kTileShort; ++r) {                         \
      if (d >= ATTENTION.head_dim) continue;                                   \
      float value = mixed[c * kFours + r / 4][r % 4];                          \
      DO                                                                       \
    }                                                                          \
  }
