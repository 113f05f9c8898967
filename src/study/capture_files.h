// SPDX-License-Identifier: MIT
// The files that captured rows go to: one .npy a place, or one safetensors file with a tensor a
// place. Headers tell the final shapes from the beginning. What is unfinished cannot be taken for
// whole: an array is shorter than its header says, a safetensors file has another name until the
// end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

inline constexpr const char* kCaptureFile = "capture.json";  // what a capture's files are

enum class CaptureFormat : std::uint8_t { npy, safetensors };
// "npy" or "safetensors".
Result<CaptureFormat> capture_format_from_name(std::string_view name);

struct CapturePlan {
  std::filesystem::path folder;
  std::string identity;  // what rows depend on
  CaptureFormat format = CaptureFormat::npy;
  std::vector<std::pair<Point, int>> points;  // with the width of each
  std::vector<std::vector<int>> positions;    // by sequence: those whose rows are kept, ascending
  bool edited = false;  // captured under edits, whose values need not be finite
};

std::int64_t rows_of(const CapturePlan& plan, int first_sequence, int last_sequence);
std::string capture_name(Point point);  // "resid_post.3", "final_norm"
// Where a place's rows are: "resid_post.3.npy", or "capture.safetensors" for all.
std::string capture_file_name(CaptureFormat format, Point point);
// All files that a capture writes in its folder, unfinished ones as well.
std::vector<std::string> capture_file_names(const CapturePlan& plan);

class CaptureFiles {
 public:
  virtual ~CaptureFiles() = default;
  // [rows, width], behind those of the place that were written before.
  virtual Status write(Point point, std::span<const float> rows) = 0;
  virtual Status sync() = 0;
  virtual Status finish() = 0;  // every row is there
};

// Behind the rows of the first `finished` sequences, which the files hold. The plan must outlive
// them.
Result<std::unique_ptr<CaptureFiles>> open_capture_files(const CapturePlan& plan, int finished);

}  // namespace tepui
