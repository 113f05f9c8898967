// SPDX-License-Identifier: MIT
#include <algorithm>
#include <tuple>

#include "store/reader.h"

namespace tepui {

Result<std::vector<ProbeRow>> read_probes(Database& database, const std::filesystem::path& file) {
  std::vector<ProbeRow> rows;
  // Stores that were made before there were probes have no such table.
  TEPUI_TRY(const auto there,
            database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'probe'"));
  if (there == 0) return rows;
  TEPUI_TRY(auto query,
            database.prepare("SELECT model, target, layer, site, features, probe, seed, "
                             "metric, value FROM probe"));
  for (;;) {
    TEPUI_TRY(const bool more, query.step());
    if (!more) break;
    const std::string name = query.text(3);
    const auto site = site_from_name(name);
    if (!site)
      return fail(ErrorKind::data, "{}: expected the name of a site, found '{}'", file.string(),
                  name);
    rows.push_back({query.text(0),
                    query.text(1),
                    {static_cast<int>(query.integer(2)), *site},
                    query.text(4),
                    query.text(5),
                    static_cast<int>(query.integer(6)),
                    query.text(7),
                    query.real(8)});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const ProbeRow& a, const ProbeRow& b) {
    const auto names = [](const ProbeRow& row) { return std::tie(row.model, row.target); };
    if (names(a) != names(b)) return names(a) < names(b);
    return a.point < b.point;
  });
  return rows;
}

Result<std::vector<ProbeRow>> StoreReader::probes() { return read_probes(database_, file_); }

}  // namespace tepui
