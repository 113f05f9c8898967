// SPDX-License-Identifier: MIT
#include "edit_options.h"

#include "usage.h"

namespace tepui {

const char* const kEditGrammar =
    "LAYERS    all, first-massive, massive, or numbers and ranges: 3, 1-6,9\n"
    "TOKENS    all, largest, massive, above:T, or positions, ranges and ids: 0, 1-5,id:13\n"
    "CHANNELS  all, massive, or numbers and ranges\n"
    "RULE      zero, const:V, mean, clip:V, clip:qQ, clip:kM, scale:S, patch:BRANCH, round:f16,\n"
    "          round:bf16, round:fp8 or round:int8 (:tensor, :token or :channel behind these "
    "two)\n"
    "At attn_scores and attn_probs TOKENS are the keys looked at, by position or id, CHANNELS "
    "heads,\n"
    "and the rules zero, const:V, clip:V and scale:S.\n";

void add_edit_options(CLI::App& command, EditWords& words) {
  command
      .add_option("--edit", words.edits,
                  "A branch of its own: SITE.LAYERS:TOKENS:CHANNELS=RULE,\nseveral edits separated "
                  "by ';'")
      ->type_name("EDIT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--branch", words.branches, "The same with a name: NAME=EDIT[;EDIT]")
      ->type_name("NAME=EDIT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_calibration_options(CLI::App& command, CalibrationRequest& calibration,
                             MassiveRule& rule) {
  command
      .add_option("--calibrate", calibration.text,
                  "Texts over which massive layers are found and means\ntaken (default: what is "
                  "run itself)")
      ->type_name("FILE");
  command
      .add_option("--calibration-sequences", calibration.sequences,
                  "At most so many of its sequences")
      ->check(count_up_to(1 << 30))
      ->type_name("N")
      ->capture_default_str();
  add_rule_options(command, rule);
}

Result<std::vector<BranchRequest>> branch_requests(const EditWords& words) {
  std::vector<BranchRequest> requests;
  for (const std::string& edits : words.edits) requests.push_back({"", edits});
  for (const std::string& branch : words.branches) {
    TEPUI_TRY(BranchRequest request, parse_branch_option(branch));
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace tepui
