// SPDX-License-Identifier: MIT
#include "study/failure_list.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <utility>

namespace tepui {

void FailureList::add(std::string where, std::string reason) {
  auto entry = std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& one) { return one.reason == reason; });
  if (entry == entries_.end()) entry = entries_.insert(entry, {std::move(reason), {}});
  entry->places.push_back(std::move(where));
}

void FailureList::add(const FailureList& other) {
  for (const Entry& entry : other.entries_)
    for (const std::string& place : entry.places) add(place, entry.reason);
}

std::size_t FailureList::places() const {
  std::size_t count = 0;
  for (const Entry& entry : entries_) count += entry.places.size();
  return count;
}

std::vector<std::string> FailureList::lines() const {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    const std::size_t named = std::min(entry.places.size(), kNamed);
    const std::size_t more = entry.places.size() - named;
    lines.push_back(fmt::format("{}{}: {}", fmt::join(std::span(entry.places).first(named), "; "),
                                more > 0 ? fmt::format(" and {} more", more) : "", entry.reason));
  }
  return lines;
}

}  // namespace tepui
