// SPDX-License-Identifier: MIT
// The sizes of attention.comp's tiles, a variant of it each, and macros that repeat what a loop would
// (see lib/common.glsl) for each of a lane's queries, and for each of its keys.
const uint kLanes = 128;  // LANES, written out
const uint kAside = 8;
// Of a lane.
#if defined(TILE_q4v1) || defined(TILE_q4v2)
const uint kQueries = 4;
#define EACH_QUERY(DO) DO(0) DO(1) DO(2) DO(3)
#elif defined(TILE_q2v2) || defined(TILE_q2v4)
const uint kQueries = 2;
#define EACH_QUERY(DO) DO(0) DO(1)
#else
const uint kQueries = 1;
#define EACH_QUERY(DO) DO(0)
#endif
// Likewise vectors of four channels, of which kUsed are there.
#if defined(TILE_q4v1)
const uint kVectors = 1;
#elif defined(TILE_q2v4)
const uint kVectors = 4;
#elif defined(TILE_q1v8) || defined(TILE_d1v8)
const uint kVectors = 8;
#else
const uint kVectors = 2;
#endif
#define EACH_KEY(DO, a) DO(a, 0) DO(a, 1) DO(a, 2) DO(a, 3)
layout(constant_id = 1) const uint kUsed = 1;
// Whether scores are a product and a scale, which need not leave the lanes, nor do these need to know
// what else they could be made of.
layout(constant_id = 2) const uint kScaled = 0;
layout(constant_id = 3) const uint kApart = 0;   // whether a workgroup takes one stretch alone
layout(constant_id = 4) const uint kEdited = 0;  // whether there are edits

const uint kKeys = 64;
// Vectors of four channels of q and k that are there at once. Where one query or few see many keys,
// as when a text is continued, few workgroups run: they wait less often, and what they read next is
// on its way while they work.
#if defined(TILE_d1v2) || defined(TILE_d1v8)
const uint kDepth = 16;
const bool kAhead = true;
#else
const uint kDepth = 4;
const bool kAhead = false;
#endif
const uint kAcross = kLanes / kAside;
const uint kOwnKeys = kKeys / kAcross;
const uint kFours = kAcross / 4;
const uint kSlots = kAside * kQueries;
const uint kPitch = kDepth + 1;  // odd, so that rows lie in different banks
const uint kWeights = kKeys / 4 + 1;
const uint kWidth = kUsed * kAcross;  // vectors of a row of values
const uint kProducts = (kSlots + kKeys) * kPitch;
const uint kRoom = kProducts > 512 ? kProducts : 512;
// Keys whose values are there at once.
const uint kStage = kRoom / kWidth > kKeys ? kKeys : kRoom / kWidth / 4 * 4;
const uint kFetchedProducts = ((kSlots + kKeys) * kDepth + kLanes - 1) / kLanes;
const uint kFetched = (kRoom + kLanes - 1) / kLanes;  // vectors of the room that a lane brings
