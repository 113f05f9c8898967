// SPDX-License-Identifier: MIT
#include "exec/wave_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/hash.h"

namespace tepui {

namespace {

using nlohmann::json;

// Absent or of another run: nothing.
std::optional<WaveState::Progress> read_note(const std::filesystem::path& path,
                                             const std::string& identity) {
  std::ifstream stream(path);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const json note = json::parse(text, nullptr, false);
  if (!note.is_object() || note.value("run", json()) != identity) return std::nullopt;
  const auto whole = [&](const char* name) {
    return note.value(name, json()).is_number_unsigned();
  };
  for (const char* name : {"first", "last", "next_part", "side", "row_bytes"})
    if (!whole(name)) return std::nullopt;
  WaveState::Progress found;
  found.unit = {note["first"].get<int>(), note["last"].get<int>()};
  found.next_part = note["next_part"].get<int>();
  found.side = note["side"].get<int>();
  found.row_bytes = note["row_bytes"].get<std::uint64_t>();
  if (found.next_part < 1 || found.side > 1) return std::nullopt;
  return found;
}

Status sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (synced) return {};
  return fail(ErrorKind::io, "{}: cannot be synced: {}", folder.string(), std::strerror(error));
}

}  // namespace

WaveState::WaveState(std::filesystem::path folder, std::string identity, RowSink& sink)
    : folder_(std::move(folder)),
      identity_(std::move(identity)),
      journal_(sink, folder_ / "rows") {}

Result<std::unique_ptr<WaveState>> WaveState::open(const std::filesystem::path& folder,
                                                   const std::string& identity, RowSink& sink) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(ErrorKind::io, "{}: the folder cannot be made: {}", folder.string(),
                error.message());
  std::unique_ptr<WaveState> state(new WaveState(folder, identity, sink));
  state->found_ = read_note(state->note_path(), identity);
  return state;
}

Status WaveState::begin(std::int64_t rows, std::size_t row_bytes) {
  TEPUI_TRY(states_, StateFile::open(folder_, rows, row_bytes));
  return {};
}

Status WaveState::commit(std::pair<int, int> unit, int next_part, int side) {
  TEPUI_TRY(states_.sync(side));
  TEPUI_TRY(const std::uint64_t rows, journal_.sync());
  const json note = {{"run", identity_},       {"first", unit.first}, {"last", unit.second},
                     {"next_part", next_part}, {"side", side},        {"row_bytes", rows}};
  const std::string text = note.dump() + "\n";
  const auto part = folder_ / "progress.part";
  {
    TEPUI_TRY(PositionedFile file, PositionedFile::open(part));
    TEPUI_TRY(file.cut(0));
    TEPUI_TRY(file.write(0, std::as_bytes(std::span(text))));
    TEPUI_TRY(file.sync());
  }
  if (::rename(part.c_str(), note_path().c_str()) != 0)
    return fail(ErrorKind::io, "{}: cannot be written: {}", note_path().string(),
                std::strerror(errno));
  return sync_folder(folder_);
}

void WaveState::forget() {
  found_.reset();
  // Where this fails the store still says that the unit is done.
  std::error_code ignored;
  std::filesystem::remove(note_path(), ignored);
}

void WaveState::remove() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

// What was computed before is of use for the same sequences, branches and sites alone.
std::string state_identity(const std::string& run, Sequences sequences, const SiteSelection& sites,
                           const Schedule& schedule) {
  std::string all = run + "\n";
  for (const auto& sequence : sequences) {
    for (const TokenId id : sequence) all += fmt::format("{} ", id);
    all += "\n";
  }
  for (const Point& point : sites.points())
    all += fmt::format("{}.{} ", site_name(point.site), point.layer);
  for (const PartLanes& part : schedule.parts) {
    all += "\n";
    for (const Lane& lane : part.lanes) {
      all += fmt::format("{} <", lane.parent);
      for (const LaneEdit& edit : lane.edits) all += edit.edit->key + ";";
    }
  }
  return hash_hex(all);
}

}  // namespace tepui
