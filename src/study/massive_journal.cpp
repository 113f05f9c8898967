// SPDX-License-Identifier: MIT
#include "study/massive_journal.h"

#include <algorithm>
#include <bit>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace tepui {

namespace {

using nlohmann::json;

// Values as their bits: all of them come back as they were, those that are not finite too.
json unit_line(SequenceRange unit, const MassiveActivations& found) {
  json rows = json::array();
  for (int s = unit.first; s < unit.second; ++s) {
    for (const MassiveActivation& one : found[static_cast<std::size_t>(s)])
      rows.push_back(
          {s, one.layer, one.position, one.channel, std::bit_cast<std::uint32_t>(one.value)});
  }
  return {{"first", unit.first}, {"last", unit.second}, {"massive", rows}};
}

bool is_row(const json& row, int first, int last) {
  const auto whole = [](const json& one) { return one.is_number_integer(); };
  return row.is_array() && row.size() == 5 && std::all_of(row.begin(), row.end(), whole) &&
         row[0] >= first && row[0] < last;
}

}  // namespace

bool MassiveJournal::take(const std::string& line, MassiveActivations& found) {
  const json unit = json::parse(line, nullptr, false);
  if (!unit.is_object() || !unit.value("first", json()).is_number_integer() ||
      !unit.value("last", json()).is_number_integer() || !unit.value("massive", json()).is_array())
    return false;
  const int first = unit["first"].get<int>();
  const int last = unit["last"].get<int>();
  if (first < 0 || first > last || static_cast<std::size_t>(last) > found.size()) return false;
  for (const json& row : unit["massive"])
    if (!is_row(row, first, last)) return false;
  for (int s = first; s < last; ++s) {
    found[static_cast<std::size_t>(s)].clear();
    held_[static_cast<std::size_t>(s)] = true;
  }
  for (const json& row : unit["massive"])
    found[row[0].get<std::size_t>()].push_back({row[1].get<int>(), row[2].get<std::int64_t>(),
                                                row[3].get<std::int64_t>(),
                                                std::bit_cast<float>(row[4].get<std::uint32_t>())});
  return true;
}

Status MassiveJournal::write(const std::string& line) {
  TEPUI_TRY(file_.write(end_, std::as_bytes(std::span(line))));
  end_ += line.size();
  return file_.sync();
}

Result<MassiveJournal> MassiveJournal::open(const StateKeeping& keeping,
                                            MassiveActivations& found) {
  MassiveJournal journal;
  journal.held_.resize(found.size());
  if (keeping.folder.empty()) return journal;
  std::error_code error;
  std::filesystem::create_directories(keeping.folder, error);
  if (error)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", keeping.folder.string(),
                error.message());
  const auto path = keeping.folder / "found";
  std::ifstream stream(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const std::string head = json({{"run", hash_hex(keeping.identity)}}).dump() + "\n";
  if (text.starts_with(head)) {
    journal.end_ = head.size();
    for (std::size_t end = 0; (end = text.find('\n', journal.end_)) != std::string::npos;
         journal.end_ = end + 1) {
      if (!journal.take(text.substr(journal.end_, end - journal.end_), found)) break;
    }
  }
  TEPUI_TRY(journal.file_, PositionedFile::open(path));
  TEPUI_TRY(journal.file_.cut(journal.end_));
  if (journal.end_ == 0) TEPUI_TRY(journal.write(head));
  return journal;
}

Status MassiveJournal::add(SequenceRange unit, const MassiveActivations& found) {
  if (!file_.is_open()) return {};
  return write(unit_line(unit, found).dump() + "\n");
}

}  // namespace tepui
