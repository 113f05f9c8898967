// SPDX-License-Identifier: MIT
#include "study/capture_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/assert.h"
#include "input/json_file.h"
#include "store/output_file.h"

namespace tepui {

namespace {

using nlohmann::json;

std::filesystem::path progress_file(const std::filesystem::path& folder) {
  return folder / "progress.json";
}

Status write_progress(const CapturePlan& plan, int finished) {
  TEPUI_TRY(OutputFile file, OutputFile::create(progress_file(plan.folder)));
  const json progress = {{"identity", plan.identity}, {"finished_sequences", finished}};
  TEPUI_TRY(file.write(progress.dump() + "\n"));
  return file.commit();
}

// Sequences that an earlier run of the same identity finished; -1 where there was none.
Result<int> read_progress(const CapturePlan& plan) {
  const auto path = progress_file(plan.folder);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return -1;
  TEPUI_TRY(const json progress, input::read_json(path));
  const json* const finished = input::member(progress, "finished_sequences");
  const json* const identity = input::member(progress, "identity");
  const auto sequences = static_cast<std::int64_t>(plan.positions.size());
  if (finished == nullptr || !finished->is_number_integer() || identity == nullptr ||
      !identity->is_string() || finished->get<std::int64_t>() < 0 ||
      finished->get<std::int64_t>() > sequences)
    return fail(ErrorKind::data, "{}: expected the progress of a capture, found something else",
                path.string());
  if (identity->get<std::string>() != plan.identity)
    return fail(
        ErrorKind::usage,
        "{}: expected a capture of this model, text, sites, tokens and edits, found another "
        "one: choose another --out",
        plan.folder.string());
  return finished->get<int>();
}

}  // namespace

Result<CaptureWriter> CaptureWriter::open(const CapturePlan& plan) {
  CaptureWriter writer(plan);
  TEPUI_TRY(const int finished, read_progress(plan));
  writer.finished_ = std::max(finished, 0);
  if (finished < 0) {
    for (const std::string& name : capture_file_names(plan)) {
      const auto path = plan.folder / name;
      std::error_code error;
      if (std::filesystem::exists(path, error))
        return fail(ErrorKind::data,
                    "{}: expected no such file, found one that is not of an unfinished capture: "
                    "choose another --out",
                    path.string());
    }
    TEPUI_TRY(write_progress(plan, 0));
  }
  TEPUI_TRY(writer.files_, open_capture_files(plan, writer.finished_));
  return writer;
}

Status CaptureWriter::begin_unit(int first_sequence, int last_sequence) {
  TEPUI_ASSERT(first_sequence == finished_);
  unit_end_ = last_sequence;
  return {};
}

Status CaptureWriter::take(const RowBlock& block) {
  const auto width = static_cast<std::size_t>(block.width);
  rows_.clear();
  std::size_t first_row = 0;
  for (std::size_t s = 0; s < block.lengths.size(); ++s) {
    const auto sequence = static_cast<std::size_t>(block.first_sequence) + s;
    for (const int position : plan_->positions[sequence]) {
      const auto row =
          block.rows.subspan((first_row + static_cast<std::size_t>(position)) * width, width);
      if (!plan_->edited)
        TEPUI_TRY(check_finite_row(row, block.point, block.first_sequence + static_cast<int>(s),
                                   position));
      rows_.insert(rows_.end(), row.begin(), row.end());
    }
    first_row += static_cast<std::size_t>(block.lengths[s]);
  }
  return files_->write(block.point, rows_);
}

Status CaptureWriter::end_unit() {
  TEPUI_TRY(files_->sync());
  TEPUI_TRY(write_progress(*plan_, unit_end_));
  finished_ = unit_end_;
  return {};
}

Status remove_capture_progress(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::remove(progress_file(folder), error);
  if (error)
    return fail(ErrorKind::io, "{}: cannot be removed: {}", progress_file(folder).string(),
                error.message());
  return {};
}

}  // namespace tepui
