// SPDX-License-Identifier: MIT
// A tile of a linear layer on matrix units: f16 products, f32 sums. Both operands are two halves for
// each element (lib/split.glsl): the rows of x by split_rows.comp, the weights by pack_split.comp or
// split_weights.comp or, for few rows, on their way to shared memory. Of the four products of terms
// the three that f32 would notice are summed, by their weight in two accumulators; f16 weights are
// halves as they are stored and need two. The order of the sums follows from k alone: a row has the
// same bits in any tile (law 2).
//
// A subgroup computes HIGH x WIDE matrices, a workgroup DOWN x ACROSS of these blocks. What the next
// slice of K needs is loaded while this one's products are made, without branches, behind which loads
// would wait for each other.
//
// Needs TILE_large, TILE_small or TILE_few, math.glsl, weights.glsl, split.glsl, `weight` with its
// factors, `terms` of split_rows.comp, parameters `p` that hold n and k, and the functions declared
// here.

layout(constant_id = 1) const uint kM = 16;
layout(constant_id = 2) const uint kN = 16;
layout(constant_id = 3) const uint kK = 16;
layout(constant_id = 4) const uint kFrom = 0;  // where the weights are:
#define AS_STORED 0                            // split here
#define HALVES_STORED 1                        // f16, whole panels of eights
#define PLANES 2                               // behind the terms of x, by split_weights.comp
#define SPLIT_STORED 3                         // f32, by pack_split.comp, likewise
// Written out, since compilers put arrays into memory whose length is a specialization constant.
#if defined(TILE_large)
#define DOWN 4
#define ACROSS 2
#define HIGH 2
#define WIDE 4
#elif defined(TILE_small)
#define DOWN 2
#define ACROSS 2
#define HIGH 2
#define WIDE 2
#else
#define DOWN 1
#define ACROSS 2
#define HIGH 1
#define WIDE 1
#endif
// Rows of K of a slice; where there are few rows of x, time goes to waiting for weights and to
// splitting them: 256 lanes do so, most of whose subgroups have no block. AHEAD: so many vectors of a
// slice a lane loads at most, where no side of a matrix exceeds a subgroup.
#if defined(TILE_few)
const uint kDepth = 128;
#define AHEAD 4
#else
const uint kDepth = kSplitDepth;
#define AHEAD 8
#endif
const uint kRows = kM * HIGH * DOWN;
const uint kColumns = kN * WIDE * ACROSS;  // divide a panel's
const uint kTermsW = kFrom == HALVES_STORED ? 1 : 2;
// Halves lie in shared memory by eight, since matrices are loaded from where 16 bytes begin, and
// nothing else aligns an array to them.
const uint kEightsX = kDepth / 8;
const uint kEightsW = kColumns / 8;
const uint kPitchX = kEightsX + 1;
const uint kPitchW = kEightsW + 1;
const uint kAllX = 2 * kRows * kEightsX;
const uint kAllW = kDepth * kEightsW * kTermsW;  // or as many vectors of four columns

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Eights { uvec4 v[]; };

shared uvec4 room_x[2 * kRows * kPitchX];
shared uvec4 room_w[kTermsW * kDepth * kPitchW];
shared vec4 room_y[DOWN * ACROSS * kM * kN / 4];

#define SUMS coopmat<float, gl_ScopeSubgroup, kM, kN, gl_MatrixUseAccumulator>
#define TERM_X coopmat<float16_t, gl_ScopeSubgroup, kM, kK, gl_MatrixUseA>
#define TERM_W coopmat<float16_t, gl_ScopeSubgroup, kK, kN, gl_MatrixUseB>
#define EACH(i, all) [[unroll]] for (uint i = 0; i < AHEAD && i * LANES < all; ++i)

uint rows_of_x();                  // that `terms` has
uint row_brought(uint i, uint r);  // there, of the tile's row r, which the i-th load of a lane is of
uint matrix_begin();               // behind `weight`, in vectors of four columns
bool row_there(uint r);            // of the tile
// What is done with an element of the product that is there, and the factor to divide it by.
void finish(uint r, uint n, float sum, float factor);

uint column;  // the tile's first
uvec4 ahead_x[AHEAD];
uvec4 ahead_w[AHEAD];
ScaleWords ahead_scale[AHEAD];
const bool kOneScale = kScaled >= kDepth;  // of all rows that a lane brings of a slice
vec4 own_factors = vec4(1);                // of the four columns that it brings

uvec4 where(bool there, uvec4 x) { return mix(uvec4(0), x, bvec4(there)); }

uint tiles_across(uint n) { return (n + kColumns - 1) / kColumns; }
uint first_of_panel() { return column / (4 * PANEL) * PANEL; }  // in vectors of four columns
uint factors_begin() {
  const uint first = first_of_panel();
  return kVectorWords * matrix_begin() + factors_at((p.n + 3) / 4, first, p.k) - 4 * first;
}

// Of both terms, by the i-th load of this lane.
uint line_brought(uint i) { return min(i * LANES + lane(), kAllX - 1) / kEightsX; }

void load_x(uint from) {
  const uint eights = split_depth(p.k) / 8;
  const uint begin = (rows_of_x() + 3) / 4;
  EACH(i, kAllX) {
    const uint e = min(i * LANES + lane(), kAllX - 1);
    const uint line = line_brought(i);
    const uint r = row_brought(i, line % kRows);
    const uint at = from / 8 + e % kEightsX;
    const bool there = kDepth == kSplitDepth || at < eights;
    const uint i_x = begin + (line / kRows * rows_of_x() + r) * eights + min(at, eights - 1);
    ahead_x[i] = where(there, Eights(uvec2(terms)).v[i_x]);
  }
}

void keep_x() {
  EACH(i, kAllX) {
    const uint e = i * LANES + lane();
    if (kAllX % LANES == 0 || e < kAllX) room_x[e / kEightsX * kPitchX + e % kEightsX] = ahead_x[i];
  }
}

// Columns behind the last are others: nobody reads what becomes of them.
void load_w(uint from) {
  const uint vectors = (p.n + 3) / 4;
  const uint first = first_of_panel();
  const uint width = panel_width(vectors, first);
  EACH(i, kAllW) {
    const uint e = min(i * LANES + lane(), kAllW - 1);
    if (kFrom == AS_STORED || kFrom == SPLIT_STORED) {
      const uint k = from + e / (2 * kEightsW);
      const uint v = column / 4 - first + e % (2 * kEightsW);
      const uint base = matrix_begin() + factored_begin(vectors, first, p.k) + min(v, width - 1);
      const uint own = min(k, p.k - 1);
      if (kFrom == SPLIT_STORED) {
        ahead_w[i] = where(k < p.k, Eights(weight).v[base + own * width]);
      } else {
        ahead_w[i] = weight_word(weight, base, width, own);
        if (i == 0 || !kOneScale) ahead_scale[i] = scale_words(weight, base, width, own);
      }
    } else {
      const uint line = e / kEightsW;  // of both terms
      const uint k = from + line % kDepth;
      const uint v = (column - 4 * first) / 8 + e % kEightsW;
      if (kFrom == HALVES_STORED) {
        const uint begin = (matrix_begin() + first * p.k + min(k, p.k - 1) * width) / 2;
        const uint own = min(v, width / 2 - 1);
        ahead_w[i] = where(k < p.k, Eights(weight).v[begin + own]);
      } else {
        const uint depth = split_depth(p.k);
        const uint plane = (vectors + PANEL - 1) / PANEL * depth * (PANEL / 2);
        const uint begin = split_words(rows_of_x(), p.k) / 4 + line / kDepth * plane;
        const uint own = min(k, depth - 1);
        const uint at = begin + (first * depth + own * PANEL) / 2 + v;
        ahead_w[i] = where(kDepth == kSplitDepth || k < depth, Eights(uvec2(terms)).v[at]);
      }
    }
  }
}

// Of weights that are split here.
void load_factors() {
  const uint vectors = (p.n + 3) / 4;
  const uint factors = factors_begin();
  [[unroll]] for (uint c = 0; c < 4; ++c) {
    const uint n = column + 4 * (lane() % (2 * kEightsW)) + c;
    own_factors[c] = Floats(weight).v[factors + min(n, 4 * vectors - 1)];
  }
}

void keep_w(uint from) {
  WeightScale scale = WeightScale(vec4(0), vec4(0));
  EACH(i, kAllW) {
    const uint e = i * LANES + lane();
    if (kAllW % LANES != 0 && e >= kAllW) continue;
    if (kFrom == HALVES_STORED || kFrom == PLANES) {
      room_w[e / kEightsW * kPitchW + e % kEightsW] = ahead_w[i];
      continue;
    }
    const uint v = e % (2 * kEightsW);
    const uint at = e / (2 * kEightsW) * kPitchW + v / 2;
    if (kFrom == SPLIT_STORED) {
      room_w[v % 2 * kDepth * kPitchW + at] = ahead_w[i];
      continue;
    }
    const uint k = from + e / (2 * kEightsW);
    if (kQuantised && (i == 0 || !kOneScale)) scale = scale_from(ahead_scale[i], k);
    const vec4 w = k < p.k ? weight_from(ahead_w[i], scale) : vec4(0);
    uvec2 high = uvec2(0);
    uvec2 low = uvec2(0);
    [[unroll]] for (uint c = 0; c < 4; ++c) {
      const uvec2 t = split_terms(w[c] * own_factors[c]) << (16 * (c % 2));
      high[c / 2] |= t.x;
      low[c / 2] |= t.y;
    }
    const uint half_ = 2 * (v % 2);
    room_w[at][half_] = high.x;
    room_w[at][half_ + 1] = high.y;
    room_w[kDepth * kPitchW + at][half_] = low.x;
    room_w[kDepth * kPitchW + at][half_ + 1] = low.y;
  }
}

// The products of the tile whose first column is `column`.
void multiply_tile() {
  // One round where there is a subgroup for every block.
  for (uint round = 0; round < DOWN * ACROSS; round += gl_NumSubgroups) {
    const uint block = round + gl_SubgroupID;
    const bool works = block < DOWN * ACROSS;
    const uint top = min(block / ACROSS, DOWN - 1) * kM * HIGH;
    const uint left = block % ACROSS * kN * WIDE;
    SUMS sum0[HIGH * WIDE];
    SUMS sum1[HIGH * WIDE];
    [[unroll]] for (uint i = 0; i < HIGH * WIDE; ++i) {
      sum0[i] = SUMS(0.0);
      sum1[i] = SUMS(0.0);
    }
    if (kFrom == AS_STORED && kFactorLines != 0) load_factors();
    load_x(0);
    load_w(0);
    for (uint from = 0; from < p.k; from += kDepth) {
      barrier();
      keep_x();
      keep_w(from);
      barrier();
      if (from + kDepth < p.k) {
        load_x(from + kDepth);
        load_w(from + kDepth);
      }
      if (!works) continue;
      [[unroll]] for (uint k = 0; k < kDepth; k += kK) {
        TERM_X x0[HIGH];
        TERM_X x1[HIGH];
        [[unroll]] for (uint i = 0; i < HIGH; ++i) {
          const uint at = (top + i * kM) * kPitchX + k / 8;
          coopMatLoad(x0[i], room_x, at, kPitchX, gl_CooperativeMatrixLayoutRowMajor);
          coopMatLoad(x1[i], room_x, kRows * kPitchX + at, kPitchX,
                      gl_CooperativeMatrixLayoutRowMajor);
        }
        [[unroll]] for (uint j = 0; j < WIDE; ++j) {
          const uint at = k * kPitchW + (left + j * kN) / 8;
          TERM_W w0;
          TERM_W w1;
          coopMatLoad(w0, room_w, at, kPitchW, gl_CooperativeMatrixLayoutRowMajor);
          if (kTermsW == 2)
            coopMatLoad(w1, room_w, kDepth * kPitchW + at, kPitchW,
                        gl_CooperativeMatrixLayoutRowMajor);
          [[unroll]] for (uint i = 0; i < HIGH; ++i) {
            const uint s = i * WIDE + j;
            sum0[s] = coopMatMulAdd(x0[i], w0, sum0[s]);
            sum1[s] = coopMatMulAdd(x1[i], w0, sum1[s]);
            if (kTermsW == 2) sum1[s] = coopMatMulAdd(x0[i], w1, sum1[s]);
          }
        }
      }
    }
    const uint factors = factors_begin();
    [[unroll]] for (uint i = 0; i < HIGH * WIDE; ++i) {
      barrier();
      if (works) {
        const SUMS sum = sum1[i] * (1.0 / kTermShift) + sum0[i];
        coopMatStore(sum, room_y, block * kM * kN / 4, kN / 4, gl_CooperativeMatrixLayoutRowMajor);
      }
      barrier();
      for (uint e = gl_SubgroupInvocationID; works && e < kM * kN; e += gl_SubgroupSize) {
        const uint r = top + i / WIDE * kM + e / kN;
        const uint n = column + left + i % WIDE * kN + e % kN;
        if (!row_there(r) || n >= p.n) continue;
        const float factor =
            kFactorLines == 0 ? 1.0 : inverse_factor(Floats(weight).v[factors + n]);
        finish(r, n, room_y[block * kM * kN / 4 + e / 4][e % 4], factor);
      }
    }
  }
}
