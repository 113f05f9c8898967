// SPDX-License-Identifier: MIT
#include "store/reader.h"

namespace tepui {

Result<std::vector<WeightRow>> StoreReader::weights() {
  std::vector<WeightRow> rows;
  // Stores that were made before training was watched have no such table.
  TEPUI_TRY(const auto there,
            database_.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'weight'"));
  if (there == 0) return rows;
  TEPUI_TRY(auto query, database_.prepare("SELECT layer, weight, metric, value FROM weight "
                                          "ORDER BY layer, weight, metric"));
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) return rows;
    rows.push_back(
        {static_cast<int>(query.integer(0)), query.text(1), query.text(2), query.real(3)});
  }
}

}  // namespace tepui
