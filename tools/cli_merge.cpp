// SPDX-License-Identifier: MIT
// tepui merge
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "study/sweep_merge.h"

namespace tepui {

namespace {

struct MergeArguments {
  std::vector<std::filesystem::path> folders;
  std::filesystem::path out;
};

Status run(const MergeArguments& a) {
  TEPUI_TRY(const auto merged, merge_folders(a.folders, a.out));
  for (const MergedStore& store : merged)
    fmt::print("{}: {} of {} sequences, from {} store{}\n", store.folder.string(), store.finished,
               store.sequences, store.parts, store.parts == 1 ? "" : "s");
  TEPUI_TRY(flush_output());
  const auto missing = std::ranges::count_if(
      merged, [](const MergedStore& store) { return store.finished < store.sequences; });
  if (missing == 0) return {};
  return fail(
      ErrorKind::data,
      "merge: {} of {} store{} lack{} sequences that none of the folders has; what they have "
      "is joined, and the same command takes up the rest",
      missing, merged.size(), merged.size() == 1 ? "" : "s", missing == 1 ? "s" : "");
}

}  // namespace

void add_merge(CLI::App& app, int& code) {
  auto a = std::make_shared<MergeArguments>();
  CLI::App* command = app.add_subcommand("merge", "Join the folders of a sweep's shards");
  command
      ->add_option("DIR", a->folders,
                   "Folders of shards of one study, or stores of one run\nthat each hold a part of "
                   "its sequences")
      ->required()
      ->type_name("");
  command->add_option("--out", a->out, "Folder of what they are together")
      ->required()
      ->type_name("DIR");
  command->footer(
      "What does not belong together is refused: another model, text, option or version of tepui,\n"
      "or other results for the same sequences. What is read stays as it is. The exit code is 1 "
      "where\n"
      "sequences are still missing.\n\n"
      "  tepui merge shard1 shard2 --out study");
  command->callback([a, &code] { code = finish_command(run(*a)); });
}

}  // namespace tepui
