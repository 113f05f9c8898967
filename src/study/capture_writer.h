// SPDX-License-Identifier: MIT
// Rows of activations to .npy files, one a site and layer, while they are computed. The header of a
// file tells its final shape from the beginning, so that an unfinished one is no valid array. After
// every unit of work the files are synced and the number of finished sequences is written down;
// whoever goes on cuts off what came behind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "exec/row_stream.h"
#include "store/append_file.h"

namespace tepui {

struct CapturePlan {
  std::filesystem::path folder;
  std::string identity;                       // what rows depend on
  std::vector<std::pair<Point, int>> points;  // with the width of each
  std::vector<std::vector<int>> positions;    // by sequence: those whose rows are kept, ascending
};

std::string capture_file_name(Point point);  // "resid_post.3.npy", "final_norm.npy"
std::int64_t rows_of(const CapturePlan& plan, int first_sequence, int last_sequence);

class CaptureWriter final : public RowConsumer {
 public:
  // Goes on behind what the folder holds of the same identity. An error where a file is there that
  // no capture of this folder wrote.
  static Result<CaptureWriter> open(const CapturePlan& plan);

  int finished() const { return finished_; }  // sequences, from the first one on

  Status begin_unit(int first_sequence, int last_sequence) override;
  Status take(const RowBlock& block) override;
  Status end_unit() override;

 private:
  struct File {
    AppendFile file;
    int width = 0;
  };
  explicit CaptureWriter(const CapturePlan& plan) : plan_(&plan) {}
  Status open_files();

  const CapturePlan* plan_;
  std::map<Point, File> files_;
  int finished_ = 0;
  int unit_end_ = 0;
  std::vector<float> rows_;  // of a block that are kept
};

// Nothing is left to do: the note of finished sequences goes.
Status remove_capture_progress(const std::filesystem::path& folder);

}  // namespace tepui
