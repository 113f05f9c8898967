// SPDX-License-Identifier: MIT
// The one loop of byte-pair encoding: of all neighbours that may merge, the pair with the lowest
// priority merges first, the leftmost of equals; O(n log n) through a heap with stale entries.
// Which pairs may merge, and with what priority, is the caller's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "input/tokenizer.h"

namespace tepui::input {

struct Symbol {
  std::int32_t begin = 0;   // in the word, bytes
  std::int32_t length = 0;  // 0 once merged into its left neighbour
  std::int32_t previous = -1;
  std::int32_t next = -1;
  TokenId id = -1;
  bool frozen = false;  // takes part in no merge
};

struct Merge {
  double priority = 0;
  TokenId id = -1;
};

struct MergeCandidate {
  double priority = 0;
  std::int32_t left = 0;
  std::int32_t right = 0;
  std::int32_t length = 0;  // of both when it was found; anything else now means it is stale
  TokenId id = -1;
};

// What a thread reuses from word to word.
struct MergeScratch {
  std::vector<Symbol> symbols;
  std::vector<MergeCandidate> heap;

  void add(std::size_t begin, std::size_t length, TokenId id, bool frozen = false) {
    const auto index = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({static_cast<std::int32_t>(begin), static_cast<std::int32_t>(length),
                       index - 1, -1, id, frozen});
    if (index > 0) symbols[symbols.size() - 2].next = index;
  }
};

// Find: (const Symbol& left, const Symbol& right) -> std::optional<Merge>. Afterwards the symbols
// that are left are those on the `next` chain from symbol 0.
template <class Find>
void merge_symbols(MergeScratch& scratch, const Find& find) {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  const auto later = [](const MergeCandidate& a, const MergeCandidate& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.left > b.left;
  };
  const auto at = [&](std::int32_t index) -> Symbol& {
    return symbols[static_cast<std::size_t>(index)];
  };
  const auto consider = [&](std::int32_t left, std::int32_t right) {
    if (left < 0 || right < 0 || at(left).frozen || at(right).frozen) return;
    const std::optional<Merge> merge = find(at(left), at(right));
    if (!merge) return;
    heap.push_back({merge->priority, left, right, at(left).length + at(right).length, merge->id});
    std::push_heap(heap.begin(), heap.end(), later);
  };

  heap.clear();
  const auto count = static_cast<std::int32_t>(symbols.size());
  for (std::int32_t i = 0; i + 1 < count; ++i) consider(i, i + 1);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const MergeCandidate top = heap.back();
    heap.pop_back();
    Symbol& left = at(top.left);
    Symbol& right = at(top.right);
    if (left.length == 0 || right.length == 0 || left.next != top.right ||
        left.length + right.length != top.length)
      continue;
    left.length = top.length;
    left.id = top.id;
    left.next = right.next;
    right.length = 0;
    if (left.next >= 0) at(left.next).previous = top.left;
    consider(left.previous, top.left);
    consider(top.left, left.next);
  }
}

}  // namespace tepui::input
