// SPDX-License-Identifier: MIT
// Rows of activations to files (study/capture_files.h) while they are computed. After every unit of
// work the files are synced and the number of finished sequences is written down; whoever goes on
// writes over what came behind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exec/row_stream.h"
#include "study/capture_files.h"

namespace tepui {

class CaptureWriter final : public RowConsumer {
 public:
  // Goes on behind what the folder holds of the same identity. An error where a file is there that
  // no capture of this folder wrote.
  static Result<CaptureWriter> open(const CapturePlan& plan);

  int finished() const { return finished_; }  // sequences, from the first one on

  Status begin_unit(int first_sequence, int last_sequence) override;
  Status take(const RowBlock& block) override;
  Status end_unit() override;
  // Every row is there.
  Status finish() { return files_->finish(); }

 private:
  explicit CaptureWriter(const CapturePlan& plan) : plan_(&plan) {}
  const CapturePlan* plan_;
  std::unique_ptr<CaptureFiles> files_;
  int finished_ = 0;
  int unit_end_ = 0;
  std::vector<float> rows_;  // of a block that are kept
};

// Nothing is left to do: the note of finished sequences goes.
Status remove_capture_progress(const std::filesystem::path& folder);

}  // namespace tepui
