// SPDX-License-Identifier: MIT
#include "backend/vulkan/attention_plan.h"

#include <algorithm>
#include <initializer_list>

#include "backend/vulkan/attention_stretch.h"

namespace tepui::vulkan {
namespace {

constexpr std::uint32_t kHeadLimit = 8;     // head_dim is at most so many times kLanes
constexpr std::uint64_t kKeys = 64;         // of a tile (shaders/attention.comp)
constexpr std::uint64_t kTileQueries = 16;  // shaders/lib/score_tile.glsl
constexpr std::uint32_t kAside = 8;         // its lanes
constexpr std::uint32_t kAcross = 16;
static_assert(TEPUI_ATTENTION_STRETCH % kKeys == 0);

// With so many workgroups a device has work enough.
constexpr std::uint64_t kEnough = 256;
constexpr std::uint64_t kMostLeft = std::uint64_t{32} << 20;  // bytes that stretches may leave

// There are more operands than slots: those that few models have lie in scratch behind all else.
void put_behind(StepPlan& plan, const Step& step, const Program& program,
                std::initializer_list<std::size_t> slots) {
  for (const std::size_t slot : slots) {
    const Value value = step.in[slot];
    if (!value.present()) continue;
    plan.copied.push_back({value, plan.scratch_bytes});
    plan.scratch_bytes += 4 * static_cast<std::size_t>(program.type_of(value).shape.elements());
  }
}

// Tiles of so many rows (shaders/lib/row_tiles.glsl).
std::uint64_t score_tiles(const AttentionParams& p, std::uint64_t rows) {
  return p.rows == 0 ? 0 : p.rows / rows + p.sequences;
}

// Workgroups that share a head's channels (shaders/lib/mixed_rows.glsl).
std::uint64_t channel_parts(const AttentionParams& p) { return divide_up(p.head_dim, 128); }

// Other forms than a plain softmax of the sequence's keys (shaders/attention_form.comp).
StepPlan plan_form(const AttentionParams& p) {
  return one_pass("attention_form", score_tiles(p, kTileQueries) * p.heads * channel_parts(p));
}

bool is_plain(const AttentionParams& p) {
  return (p.form & ~(TEPUI_ATTEND_PREFIX | TEPUI_ATTEND_ROWS)) == 0 && p.gamma == 0 && p.drop == 0;
}

// The queries that a workgroup takes (shaders/lib/query_tiles.glsl).
struct QueryTile {
  bool deep = false;  // few workgroups, each of which reads more at once
  std::uint32_t of_lane = 1;
  std::uint32_t vectors = 1;  // of four channels, likewise
  std::uint64_t rows = 1;
  std::uint64_t parts = 1;  // of a key head's query heads
};

// More queries share a tile of keys where the sequences have them, fewer where a lane would keep
// too many channels of each.
QueryTile query_tile(const AttentionParams& p, const DeviceTraits& traits) {
  const std::uint32_t of_key = p.heads / p.kv_heads;
  const std::uint64_t queries = divide_up(p.rows, std::max(1U, p.sequences)) * of_key;
  const std::uint32_t wish = queries > 16 ? 4 : queries > 8 ? 2 : 1;
  const std::uint32_t most = traits.small_tiles                  ? 1
                             : p.head_dim <= 128 && traits.roomy ? 4
                             : p.head_dim <= 256                 ? 2
                                                                 : 1;
  QueryTile tile;
  tile.of_lane = std::min(wish, most);
  tile.deep = tile.of_lane == 1 && traits.roomy && !traits.small_tiles;
  tile.vectors = static_cast<std::uint32_t>(divide_up(p.head_dim, 4 * kAcross));
  const std::uint32_t slots = kAside * tile.of_lane;
  tile.parts = divide_up(of_key, slots);
  tile.rows = slots / divide_up(of_key, tile.parts);
  return tile;
}

// The variant of shaders/attention.comp whose lanes hold as many queries and at least as many
// vectors.
std::string shader_of(const QueryTile& tile) {
  if (tile.of_lane == 4) return tile.vectors <= 1 ? "attention.q4v1" : "attention.q4v2";
  if (tile.of_lane == 2) return tile.vectors <= 2 ? "attention.q2v2" : "attention.q2v4";
  if (tile.deep) return tile.vectors <= 2 ? "attention.d1v2" : "attention.d1v8";
  return tile.vectors <= 2 ? "attention.q1v2" : "attention.q1v8";
}

std::uint64_t tile_groups(const AttentionParams& p, const QueryTile& tile) {
  const std::uint64_t tiles = p.rows == 0 ? 0 : p.rows / tile.rows + p.sequences;
  return tiles * p.kv_heads * tile.parts;
}

// Stretches of keys that a sequence's cache may hold (shaders/lib/stretches.glsl), and what they
// leave.
std::uint64_t count_stretches(const AttentionParams& p) {
  return divide_up(p.cached, TEPUI_ATTENTION_STRETCH);
}
std::uint64_t stretch_bytes(const AttentionParams& p) {
  return sizeof(float) * std::uint64_t{p.rows} * p.heads * count_stretches(p) *
         (std::uint64_t{p.head_dim} + 2);
}

// Whether each stretch is a workgroup's own. A software device has few cores, which heads keep
// busy. Edits of probabilities need the whole sum before they look at keys again.
bool takes_apart(const AttentionParams& p, const DeviceTraits& traits) {
  if (!is_plain(p) || p.edits != 0 || traits.small_tiles || count_stretches(p) < 2) return false;
  const std::uint64_t groups = tile_groups(p, query_tile(p, traits));
  return groups > 0 && groups < kEnough && stretch_bytes(p) <= kMostLeft;
}

// One pass by stretches, one that adds up what they found.
void take_apart(StepPlan& plan, const AttentionParams& p) {
  plan.passes[0].groups *= count_stretches(p);
  const std::uint64_t queries = std::uint64_t{p.rows} * p.heads;
  plan.passes.push_back(
      {"attention_fold", {kLanes}, queries * divide_up(p.head_dim, kLanes), {}, {}});
  plan.passes[1].slots = plan.passes[0].slots;
  plan.scratch_bytes = stretch_bytes(p);
}

}  // namespace

std::optional<StepPlan> plan_attention(const Step& step, const Program& program,
                                       const DeviceTraits& traits) {
  const auto p = step.params.as<AttentionParams>();
  if (divide_up(p.head_dim, kLanes) > kHeadLimit) return std::nullopt;
  const QueryTile tile = query_tile(p, traits);
  const bool plain = is_plain(p);
  StepPlan plan = plain ? one_pass(shader_of(tile), tile_groups(p, tile)) : plan_form(p);
  const bool edited = p.edits != 0;
  const bool apart = takes_apart(p, traits);
  const bool scaled = !edited && p.softcap == 0 && p.bias_positions == 0;
  if (plain)
    plan.passes[0].constants = {kAside * kAcross, tile.vectors, scaled ? 1U : 0U, apart ? 1U : 0U,
                                edited ? 1U : 0U};
  std::copy_n(step.in.begin(), 5, plan.passes[0].slots.begin());
  plan.passes[0].slots[5] = step.out[0];
  if (apart) take_apart(plan, p);
  put_behind(plan, step, program, {6, 7, 8, 5});
  return plan;
}

double attention_left(const Step& step, const DeviceTraits& traits) {
  const auto p = step.params.as<AttentionParams>();
  return takes_apart(p, traits) ? static_cast<double>(stretch_bytes(p)) : 0;
}

KeyReads attention_reads(const Step& step, const DeviceTraits& traits) {
  const auto p = step.params.as<AttentionParams>();
  if (p.rows == 0 || p.sequences == 0) return {};
  QueryTile tile;  // of other forms, which read keys twice
  tile.rows = kTileQueries;
  tile.parts = p.heads / p.kv_heads;
  if (is_plain(p)) tile = query_tile(p, traits);
  const std::uint64_t queries = divide_up(p.rows, p.sequences);
  const std::uint64_t keys = divide_up(rows_of_keys(p), p.sequences);
  const std::uint64_t before = keys - std::min(keys, queries);
  const bool prefix = (p.form & TEPUI_ATTEND_PREFIX) != 0;
  std::uint64_t read = 0;
  std::uint64_t most = 0;
  for (std::uint64_t first = 0; first < queries; first += tile.rows) {
    std::uint64_t end = before + std::min(first + tile.rows, queries);
    if (prefix) end = std::min(keys, std::max<std::uint64_t>(end, p.window));
    std::uint64_t begin = 0;
    if (p.window != 0 && !prefix)
      begin = (std::max<std::uint64_t>(before + first + 1, p.window) - p.window) / kKeys * kKeys;
    read += end - begin;
    most = std::max(most, end - begin);
  }
  const double row = sizeof(float) * static_cast<double>(p.head_dim) * p.kv_heads;  // or its value
  const double reads = is_plain(p) ? 2 : 3;
  const double all = reads * static_cast<double>(read * tile.parts);
  const double again = std::max(0.0, all - 2.0 * static_cast<double>(keys));
  return {again * row * p.sequences, 2 * static_cast<double>(most) * row};
}

StepPlan plan_attention_map(const Step& step, const Program& program) {
  StepPlan plan =
      one_pass("attention_map", score_tiles(step.params.as<AttentionMapParams>().of, kTileQueries));
  std::copy_n(step.in.begin(), 4, plan.passes[0].slots.begin());
  std::ranges::copy(step.out, plan.passes[0].slots.begin() + 4);
  put_behind(plan, step, program, {5, 4});
  return plan;
}

// The marked tokens and each query's softmax lie in scratch as well.
StepPlan plan_attention_stats(const Step& step, const Program& program) {
  const auto p = step.params.as<AttentionStatsParams>();
  const std::uint64_t queries = std::uint64_t{p.of.rows} * p.of.heads;
  const std::uint64_t marked = std::uint64_t{p.of.sequences} * p.marked;
  StepPlan plan;
  for (const std::uint32_t pass : {0U, 1U}) {
    const std::uint64_t tiles = score_tiles(p.of, pass == 0 ? kTileQueries : kKeys);
    plan.passes.push_back({"attention_stats", {kLanes, 0, pass}, tiles * p.of.heads, {}, {}});
  }
  for (Pass& pass : plan.passes) std::copy_n(step.in.begin(), 4, pass.slots.begin());
  plan.passes[0].slots[4] = step.out[1];
  plan.passes[0].slots[5] = step.out[2];
  plan.passes[1].slots[4] = step.out[0];
  plan.copied = {{step.in[4], 0}};
  plan.scratch_bytes = 4 * (marked + 2 * queries);
  put_behind(plan, step, program, {6, 5});
  return plan;
}

// What a query's softmax needs lies in scratch; each pass writes one output, since there are more
// than slots.
StepPlan plan_attention_grad(const Step& step, const Program& program) {
  const auto p = step.params.as<AttentionParams>();
  StepPlan plan;
  const std::uint64_t tiles = score_tiles(p, kTileQueries);
  for (std::uint32_t pass = 0; pass < 6; ++pass) {
    const std::uint64_t heads = pass < 2 ? p.heads : p.kv_heads;
    const std::uint64_t parts = pass == 0 ? 1 : channel_parts(p);
    const std::uint64_t of_head = pass < 4 ? tiles : p.sequences;
    plan.passes.push_back({"attention_grad", {kLanes, 0, pass}, of_head * heads * parts, {}, {}});
    std::copy_n(step.in.begin(), 5, plan.passes.back().slots.begin());
    if (pass > 0) plan.passes.back().slots[5] = step.out[pass - 1];
  }
  plan.scratch_bytes = 4 * 3 * std::uint64_t{p.rows} * p.heads;
  put_behind(plan, step, program, {5, 6, 7});
  return plan;
}

}  // namespace tepui::vulkan
