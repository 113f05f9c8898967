// SPDX-License-Identifier: MIT
#include "study/capture_files.h"

#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "exec/state_file.h"
#include "store/append_file.h"
#include "store/little_endian.h"
#include "store/npy_header.h"

namespace tepui {

namespace {

constexpr const char* kTensors = "capture.safetensors";
constexpr const char* kUnfinished = "capture.safetensors.part";

int sequence_count(const CapturePlan& plan) { return static_cast<int>(plan.positions.size()); }

std::uint64_t bytes_of(const CapturePlan& plan, int finished, int width) {
  return static_cast<std::uint64_t>(rows_of(plan, 0, finished)) *
         static_cast<std::uint64_t>(width) * sizeof(float);
}

class NpyFiles final : public CaptureFiles {
 public:
  Status open(const CapturePlan& plan, int finished) {
    for (const auto& [point, width] : plan.points) {
      const std::int64_t shape[] = {rows_of(plan, 0, sequence_count(plan)), width};
      const std::string header = npy_header("<f4", shape);
      const std::uint64_t keep =
          finished == 0 ? 0 : header.size() + bytes_of(plan, finished, width);
      AppendFile& file = files_[point];
      TEPUI_TRY(file, AppendFile::open(plan.folder / capture_file_name(plan.format, point), keep));
      if (keep == 0) TEPUI_TRY(file.write(std::string_view(header)));
    }
    return {};
  }

  Status write(Point point, std::span<const float> rows) override {
    return files_.at(point).write(std::span<const std::byte>(to_blob<float>(rows)));
  }
  Status sync() override {
    for (auto& [point, file] : files_) TEPUI_TRY(file.sync());
    return {};
  }
  Status finish() override { return {}; }

 private:
  std::map<Point, AppendFile> files_;
};

// A header, then the tensors one behind the other, each with its final room.
class SafetensorsFile final : public CaptureFiles {
 public:
  Status open(const CapturePlan& plan, int finished) {
    whole_ = plan.folder / kTensors;
    path_ = plan.folder / kUnfinished;
    const int sequences = sequence_count(plan);
    nlohmann::ordered_json header;
    header["__metadata__"] = {{"format", "tepui capture"}, {"see", "capture.json"}};
    std::uint64_t end = 0;
    for (const auto& [point, width] : plan.points) {
      const std::uint64_t begin = end;
      end += bytes_of(plan, sequences, width);
      next_[point] = begin + bytes_of(plan, finished, width);
      header[capture_name(point)] = {{"dtype", "F32"},
                                     {"shape", {rows_of(plan, 0, sequences), width}},
                                     {"data_offsets", {begin, end}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    std::string start;
    for (int byte = 0; byte < 8; ++byte)
      start += static_cast<char>((static_cast<std::uint64_t>(text.size()) >> (8 * byte)) & 0xFFU);
    start += text;
    for (auto& [point, offset] : next_) offset += start.size();
    std::error_code error;
    // It was renamed, and then the process was killed.
    if (finished == sequences && std::filesystem::exists(whole_, error)) path_ = whole_;
    TEPUI_TRY(file_, PositionedFile::open(path_));
    if (finished == 0) return file_.write(0, std::as_bytes(std::span(start)));
    std::string found(start.size(), '\0');
    TEPUI_TRY(file_.read(0, std::as_writable_bytes(std::span(found))));
    if (found == start) return {};
    return fail(ErrorKind::data, "{}: expected the header that was written before, found another",
                path_.string());
  }

  Status write(Point point, std::span<const float> rows) override {
    std::uint64_t& offset = next_.at(point);
    TEPUI_TRY(file_.write(offset, std::span<const std::byte>(to_blob<float>(rows))));
    offset += rows.size_bytes();
    return {};
  }
  Status sync() override { return file_.sync(); }
  Status finish() override {
    if (path_ == whole_) return {};
    std::error_code error;
    std::filesystem::rename(path_, whole_, error);
    if (error)
      return fail(ErrorKind::io, "{}: cannot be renamed to {}: {}", path_.string(), kTensors,
                  error.message());
    path_ = whole_;
    return {};
  }

 private:
  std::filesystem::path whole_;
  std::filesystem::path path_;
  PositionedFile file_;
  std::map<Point, std::uint64_t> next_;  // where the place's next rows belong
};

template <class Files>
Result<std::unique_ptr<CaptureFiles>> opened(const CapturePlan& plan, int finished) {
  auto files = std::make_unique<Files>();
  TEPUI_TRY(files->open(plan, finished));
  return files;
}

}  // namespace

Result<CaptureFormat> capture_format_from_name(std::string_view name) {
  if (name == "npy") return CaptureFormat::npy;
  if (name == "safetensors") return CaptureFormat::safetensors;
  return fail(ErrorKind::usage, "--format {}: expected npy or safetensors", name);
}

std::int64_t rows_of(const CapturePlan& plan, int first_sequence, int last_sequence) {
  std::int64_t rows = 0;
  for (int s = first_sequence; s < last_sequence; ++s)
    rows += static_cast<std::int64_t>(plan.positions[static_cast<std::size_t>(s)].size());
  return rows;
}

std::string capture_name(Point point) {
  if (point.layer == kNoLayer) return std::string(site_name(point.site));
  return fmt::format("{}.{}", site_name(point.site), point.layer);
}

std::string capture_file_name(CaptureFormat format, Point point) {
  return format == CaptureFormat::npy ? capture_name(point) + ".npy" : kTensors;
}

std::vector<std::string> capture_file_names(const CapturePlan& plan) {
  if (plan.format == CaptureFormat::safetensors) return {kTensors, kUnfinished};
  std::vector<std::string> names;
  for (const auto& [point, width] : plan.points)
    names.push_back(capture_file_name(plan.format, point));
  return names;
}

Result<std::unique_ptr<CaptureFiles>> open_capture_files(const CapturePlan& plan, int finished) {
  if (plan.format == CaptureFormat::npy) return opened<NpyFiles>(plan, finished);
  return opened<SafetensorsFile>(plan, finished);
}

}  // namespace tepui
