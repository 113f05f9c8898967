// SPDX-License-Identifier: MIT
#include "report/training_source.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/utf8_text.h"
#include "store/reader.h"
#include "store/schema.h"
#include "study/zeroing.h"

namespace tepui {

namespace {

// The branches of a store that are not known already, as the unedited one may be.
Status add_edits(const std::filesystem::path& folder, TrainingSource& source) {
  std::error_code error;
  if (!std::filesystem::exists(folder / kStoreFile, error)) return {};
  TEPUI_TRY(StoreReader store, StoreReader::open(folder));
  TEPUI_TRY(const auto rows, store.likelihoods());
  if (rows.empty()) return {};
  TEPUI_TRY(const ScoredRun scored, read_scores(store));
  for (const BranchScores& branch : scored.branches) {
    if (std::ranges::find(source.edited, branch.name, &BranchScores::name) == source.edited.end())
      source.edited.push_back(branch);
  }
  return {};
}

}  // namespace

Result<std::optional<TrainingSource>> open_training_source(const std::string& folder) {
  const std::filesystem::path path(folder);
  std::error_code error;
  if (!std::filesystem::is_directory(path, error) ||
      std::filesystem::exists(path / kStoreFile, error) || error)
    return std::nullopt;
  TrainingSource source;
  source.folder = folder;
  const bool trained = std::filesystem::exists(path / kTrainingLog, error);
  if (trained) {
    TEPUI_TRY(source.log, read_training_log(path / kTrainingLog));
  }
  TEPUI_TRY(source.watched, read_emergence(path, EmergenceRequest().threshold));
  if (!trained && source.watched.states.empty()) return std::nullopt;
  if (!source.watched.states.empty()) {
    TEPUI_TRY(StoreReader store, StoreReader::open(source.watched.states.back().store));
    TEPUI_TRY(const auto runs, store.runs());
    if (!runs.empty()) source.run = runs.back();
  }
  for (const char* folder : {kZeroedFolder, "intervene"})
    TEPUI_TRY(add_edits(path / folder, source));
  return source;
}

std::vector<std::string> training_labels(const std::vector<TrainingSource>& sources) {
  std::vector<std::string> labels;
  for (const TrainingSource& source : sources) {
    const std::filesystem::path path = std::filesystem::path(source.folder).lexically_normal();
    const auto name = path.has_filename() ? path.filename() : path.parent_path().filename();
    labels.push_back(valid_utf8(name.string()));
  }
  if (std::set<std::string>(labels.begin(), labels.end()).size() == labels.size()) return labels;
  for (std::size_t at = 0; at < sources.size(); ++at) labels[at] = valid_utf8(sources[at].folder);
  return labels;
}

}  // namespace tepui
