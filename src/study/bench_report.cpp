// SPDX-License-Identifier: MIT
#include "study/bench_report.h"

#include <algorithm>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/scan.h"
#include "study/text_table.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double middle =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {middle, values.front(), values.back()};
}

std::string spread_text(const Spread& s, double factor, const char* unit) {
  return fmt::format("{}{} ({}-{})", rounded(s.median * factor), unit, rounded(s.least * factor),
                     rounded(s.most * factor));
}

// Of each round.
struct Figures {
  Spread plain;          // tokens a second
  Spread measured;       // tokens a second
  Spread cost;           // of the statistics, as a share of the pass
  Spread share;          // of the peak, without statistics
  Spread scored;         // tokens a second
  Spread scored_share;   // of the peak
  Spread last;           // tokens a second
  Spread written;        // tokens a second of one sequence
  Spread written_share;  // of the peak of reading memory
};

Figures figures_of(const BenchRow& row) {
  std::vector<double> plain;
  std::vector<double> measured;
  std::vector<double> cost;
  std::vector<double> share;
  const double tokens = static_cast<double>(row.sequences) * row.length;
  for (std::size_t i = 0; i < row.plain.size(); ++i) {
    plain.push_back(tokens / row.plain[i]);
    measured.push_back(tokens / row.measured[i]);
    cost.push_back(row.measured[i] / row.plain[i] - 1);
    share.push_back(row.flops / row.plain[i] / row.peaks[i]);
  }
  std::vector<double> scored;
  std::vector<double> scored_share;
  for (std::size_t i = 0; i < row.scored.size(); ++i) {
    scored.push_back(tokens / row.scored[i]);
    scored_share.push_back(row.scored_flops / row.scored[i] / row.peaks[i]);
  }
  std::vector<double> last;
  for (const double seconds : row.last) last.push_back(tokens / seconds);
  std::vector<double> written;
  std::vector<double> written_share;
  for (std::size_t i = 0; i < row.token.size(); ++i) {
    written.push_back(1 / row.token[i]);
    written_share.push_back(row.token_bytes / row.token[i] / row.peak_bytes[i]);
  }
  return {spread_of(plain), spread_of(measured), spread_of(cost),
          spread_of(share), spread_of(scored),   spread_of(scored_share),
          spread_of(last),  spread_of(written),  spread_of(written_share)};
}

Json spread_json(const Spread& s) {
  return {{"median", number(s.median)}, {"least", number(s.least)}, {"most", number(s.most)}};
}

Json spread_or_null(const Spread& s, const std::vector<double>& of) {
  return of.empty() ? Json(nullptr) : spread_json(s);
}

Json list_json(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

}  // namespace

std::string bench_text(const BenchResult& result) {
  std::string text =
      fmt::format("{}, {} of {} layers", result.model, result.layers, result.of_layers);
  const std::size_t rounds = result.rows.empty() ? 0 : result.rows.front().plain.size();
  text += result.layers == result.of_layers ? "" : ", times scaled to all";
  text += fmt::format("; medians (least-most) of {}\n",
                      counted(static_cast<std::int64_t>(rounds), "interleaved round"));
  std::vector<std::string> told;
  for (const DeviceInfo& device : result.devices) {
    const std::string line =
        fmt::format("{}: {}, {}{}\n", device.backend, device.name, device.detail,
                    device.software ? "; a software device: its speed says nothing" : "");
    if (std::ranges::find(told, line) == told.end()) told.push_back(line);
  }
  for (const std::string& line : told) text += line;
  std::vector<TextColumn> columns{
      {"backend", Align::left, 9, {}},
      {"type", Align::left, 9, {}},
      {"length", Align::right, 9, {}},
      {"tokens/s", Align::right, 9, {}},
      {"of the peak", Align::right, 2, {}},
      {fmt::format("with statistics of {}", result.sites), Align::right, 8, {}},
      {"their cost", Align::right, 5, {}}};
  const bool scored = !result.rows.empty() && !result.rows.front().scored.empty();
  const bool written = !result.rows.empty() && !result.rows.front().token.empty();
  if (scored) {
    columns.push_back({"with every loss", Align::right, 7, {}});
    columns.push_back({"of the peak", Align::right, 2, {}});
  }
  const bool last = !result.rows.empty() && !result.rows.front().last.empty();
  if (last) columns.push_back({"with last logits", Align::right, 7, {}});
  if (written) {
    columns.push_back({"one by one", Align::right, 6, {}});
    columns.push_back({"of the memory's rate", Align::right, 2, {}});
  }
  for (const BenchRow& row : result.rows) {
    const Figures f = figures_of(row);
    columns[0].cells.push_back(row.backend);
    columns[1].cells.push_back(row.type);
    columns[2].cells.push_back(fmt::format("{}", row.length));
    columns[3].cells.push_back(spread_text(f.plain, 1, ""));
    columns[4].cells.push_back(spread_text(f.share, 100, " %"));
    columns[5].cells.push_back(spread_text(f.measured, 1, ""));
    columns[6].cells.push_back(spread_text(f.cost, 100, " %"));
    if (scored) {
      columns[7].cells.push_back(spread_text(f.scored, 1, ""));
      columns[8].cells.push_back(spread_text(f.scored_share, 100, " %"));
    }
    if (last) columns[scored ? 9 : 7].cells.push_back(spread_text(f.last, 1, ""));
    if (written) {
      columns[columns.size() - 2].cells.push_back(spread_text(f.written, 1, ""));
      columns.back().cells.push_back(spread_text(f.written_share, 100, " %"));
    }
  }
  text += "\n" + put_together(columns);
  text +=
      "\nPeak: multiply-adds on registers alone, on all threads or of the device, beside every "
      "run.\nTokens are those of a prefill without the head. Statistics are a scan's, without the "
      "surface "
      "of its first sequence.\n";
  if (written)
    text +=
        "One by one: tokens of one sequence behind a prompt; all weights are read for each, and "
        "the "
        "sequence's keys and values.\n";
  return text;
}

Json bench_json(const BenchResult& result) {
  Json out{{"tepui", tepui_version()}, {"model", valid_utf8(result.model)},
           {"layers", result.layers},  {"of_layers", result.of_layers},
           {"sites", result.sites},    {"devices", Json::array()},
           {"rows", Json::array()}};
  for (const DeviceInfo& device : result.devices)
    out["devices"].push_back({{"backend", device.backend},
                              {"name", valid_utf8(device.name)},
                              {"isa", device.isa},
                              {"detail", device.detail},
                              {"software", device.software}});
  for (const BenchRow& row : result.rows) {
    const Figures f = figures_of(row);
    out["rows"].push_back(
        {{"backend", row.backend},
         {"type", row.type},
         {"length", row.length},
         {"sequences", row.sequences},
         {"flops", number(row.flops)},
         {"tokens_per_second", spread_json(f.plain)},
         {"tokens_per_second_with_statistics", spread_json(f.measured)},
         {"cost_of_statistics", spread_json(f.cost)},
         {"share_of_peak", spread_json(f.share)},
         {"scored_tokens_per_second", spread_or_null(f.scored, row.scored)},
         {"scored_share_of_peak", spread_or_null(f.scored_share, row.scored)},
         {"last_logits_tokens_per_second", spread_or_null(f.last, row.last)},
         {"generated_tokens_per_second", spread_or_null(f.written, row.token)},
         {"generated_share_of_memory_rate", spread_or_null(f.written_share, row.token)},
         {"seconds", list_json(row.plain)},
         {"seconds_with_statistics", list_json(row.measured)},
         {"seconds_with_last_logits", list_json(row.last)},
         {"peak_flops", list_json(row.peaks)}});
  }
  return out;
}

}  // namespace tepui
