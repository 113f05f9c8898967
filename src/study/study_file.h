// SPDX-License-Identifier: MIT
// A study as a TOML file: models, texts and branches, of which a sweep runs every combination. What
// the file says wrong is an error that names its line.
//
//   [study]                      # may be left out
//   sites = "resid_post"         # where the change from the unedited run is measured
//   unit = 16                    # sequences of a unit of work (default: a text is one unit)
//   protocol = "owen2025"        # sun2024 or owen2025, instead of branches
//
//   [massive]                    # may be left out
//   min_abs = 100
//   min_ratio = 1000
//   calibrate = ["other.txt"]    # default: the text itself
//   sequences = 100              # of the calibration text, at most
//
//   [[model]]                    # one or more
//   path = "models/Llama-2-7b-hf"
//   name = "llama"               # default: the last part of the path
//   tokenizer = "..."            # where the model has none
//
//   [[text]]                     # one or more
//   files = ["wiki.test.raw"]
//   name = "wiki"                # default: that of the first file
//   context = 4096               # and stride, sequences, chunks, bos ("auto", "yes", "no"),
//   joiner,
//                                # documents ("files", "lines"), special_tokens (true, false)
//
//   [[branch]]                   # none: the unedited run alone
//   name = "layer {layer} below {limit}"
//   edits = "resid_post.{layer}:all:all=clip:{limit}"
//   layer = "0-31"               # any other field is a placeholder: a list, a range (0-31, 0-31:4)
//   limit = [20, 100]            # or "every layer"; the branch is run for every combination
//   models = ["llama"]           # default: all
//
// Paths are relative to the file's folder.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "input/corpus.h"
#include "plan/massive_rule.h"
#include "study/branch_setup.h"
#include "study/intervene.h"
#include "tepui/result.h"

namespace tepui {

// Where the file has what an option of the command line is called after: "--context" of a [[text]]
// is {"study.toml:6", "context"}.
struct StudyField {
  std::string place;
  std::string key;
};
using StudyFields = std::map<std::string, StudyField>;

struct StudyModel {
  std::string name;
  std::filesystem::path path;
  std::optional<std::filesystem::path> tokenizer;
  std::string place;  // "study.toml:12"
};

struct StudyText {
  std::string name;
  CorpusRequest corpus;
  std::string place;
  StudyFields fields;
};

// A placeholder and what stands for it in turn.
struct StudyVariable {
  std::string name;
  std::vector<std::string> values;
  bool every_layer = false;  // of the model: values are not known here
};

struct StudyBranch {
  std::string name;
  std::string edits;
  std::vector<StudyVariable> variables;  // in order of the file
  std::vector<std::string> models;       // empty: all
  std::string place;
};

struct Study {
  std::string sites = "resid_post";
  int unit = 0;  // sequences; 0: a text is one unit
  Protocol protocol = Protocol::none;
  MassiveRule rule;
  CalibrationRequest calibration;
  StudyFields fields;
  std::vector<StudyModel> models;
  std::vector<StudyText> texts;
  std::vector<StudyBranch> branches;
};

Result<Study> read_study(const std::filesystem::path& file);

// Every combination of the placeholders of the branches that are for this model, the last
// placeholder changing first. Errors of their edits name the place in the file.
std::vector<BranchRequest> expand_branches(const Study& study, const StudyModel& model, int layers);

}  // namespace tepui
