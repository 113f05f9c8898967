// SPDX-License-Identifier: MIT
#include "show/attention_section.h"

#include <algorithm>

#include "study/attention_report.h"

namespace tepui {

Result<bool> are_of_attention(std::span<ShownStore> stores) {
  std::size_t count = 0;
  for (ShownStore& store : stores) {
    TEPUI_TRY(const auto identity, store.reader.identity());
    if (is_attention(identity)) ++count;
  }
  if (count != 0 && count != stores.size())
    return fail(ErrorKind::usage,
                "show: expected scans, or stores of tepui attention alone, found both");
  return count != 0;
}

Result<std::string> show_attention(std::span<ShownStore> stores, const ShowOptions& options,
                                   const Style& style) {
  const bool chosen = options.site || options.sequence || options.channel ||
                      !options.layers.empty() || !options.sections.empty();
  if (chosen)
    return fail(ErrorKind::usage,
                "show: a store of tepui attention is shown as a whole: expected no --site, "
                "--layers, --only, --sequence or --channel");
  std::string text;
  for (ShownStore& store : stores) {
    TEPUI_TRY(const AttentionSummary summary, summarise_attention(store.reader, {}));
    if (!text.empty()) text += "\n";
    if (stores.size() > 1)
      text += painted(spelled_out(store.name, style.letters) + "\n", Paint::strong, style);
    text += attention_table(summary, style.letters, style.columns);
  }
  return text;
}

}  // namespace tepui
