// SPDX-License-Identifier: MIT
// Rows of activations to disk, as they are computed, with what they are of beside them.
#pragma once

#include <filesystem>
#include <string>

#include "study/branch_setup.h"
#include "study/input_request.h"

namespace tepui {

struct CaptureRequest : InputRequest {  // `out`: the folder
  std::string sites = "resid_post";     // as --sites of a scan
  std::string layers;                   // of the sites that name none; empty: all
  std::string tokens = "all";           // positions and ids, as TOKENS of an edit
  std::string edits;                    // rows are those of this branch; empty: as the model is
  std::string format = "npy";           // or safetensors: one file
  CalibrationRequest calibration;
  MassiveRule rule;
};

struct CaptureOutcome : RunOutcome {
  std::int64_t rows = 0;  // of each file
  int files = 0;
  std::uint64_t bytes = 0;  // of all files
};

// Writes SITE.LAYER.npy (f32 [rows, width], rows in order of sequence and position), or the same
// arrays in capture.safetensors, and capture.json, whose "complete" is false until every row is
// there. The same request goes on where an interrupted one stopped.
Result<CaptureOutcome> run_capture(const CaptureRequest& request, const RunProgress& progress);

}  // namespace tepui
