// SPDX-License-Identifier: MIT
// Several runs side by side on shared axes.
#include <algorithm>
#include <map>
#include <set>

#include "show/row_plot.h"
#include "show/sections.h"
#include "study/text_table.h"

namespace tepui {

namespace {

constexpr Paint kPaints[] = {Paint::first, Paint::second, Paint::third, Paint::fourth};

const PointSummary* peak_of(const ScanSummary& scan, Site site) {
  const PointSummary* peak = nullptr;
  for (const PointSummary& point : scan.points)
    if (point.point.site == site && !point.top_mean.empty() &&
        (peak == nullptr || point.top_mean[0] > peak->top_mean[0]))
      peak = &point;
  return peak;
}

std::string massive_layers(const ScanSummary& scan, Site site) {
  std::vector<std::int64_t> layers;
  for (const PointSummary& point : scan.points)
    if (point.point.site == site && point.massive_sequences > 0)
      layers.push_back(point.point.layer);
  return layers.empty() ? "none" : ranges(layers);
}

bool any_bos(const ScanSummary& scan) {
  return std::ranges::any_of(scan.sequences, [](const SequenceRow& row) { return row.has_bos; });
}

std::string overview(std::span<const NamedRun> runs, Site site, const Style& style) {
  TextColumn letter{"", Align::left, 99, {}}, model{"model", Align::left, 90, {}};
  TextColumn text{"text", Align::left, 40, {}}, bos{"BOS", Align::left, 45, {}};
  TextColumn backend{"backend", Align::left, 30, {}}, sequences{"seq.", Align::right, 20, {}};
  TextColumn massive{"massive in", Align::left, 80, {}}, top{"top-1", Align::right, 85, {}};
  TextColumn ratio{"ratio", Align::right, 70, {}}, layer{"layer", Align::right, 60, {}};
  TextColumn channel{"channel", Align::right, 65, {}}, token{"token", Align::left, 50, {}};
  const auto shortened = [&](const std::string& name, int columns) {
    const std::string whole = spelled_out(name, style.letters);
    if (display_width(whole) <= columns) return whole;
    const std::string cut = quoted(name, style.letters, columns + 2);  // with its quotes
    return cut.substr(1, cut.size() - 2);
  };
  for (const NamedRun& run : runs) {
    const ScanSummary& scan = *run.scan;
    letter.cells.push_back(run.letter);
    model.cells.push_back(shortened(scan.run.model, 20));
    const std::size_t slash = scan.run.text.rfind('/');
    text.cells.push_back(shortened(
        slash == std::string::npos ? scan.run.text : scan.run.text.substr(slash + 1), 16));
    bos.cells.push_back(any_bos(scan) ? "yes" : "no");
    backend.cells.push_back(shortened(scan.run.backend, 10));
    sequences.cells.push_back(fmt::format("{}", scan.finished.size()));
    massive.cells.push_back(massive_layers(scan, site));
    const PointSummary* peak = peak_of(scan, site);
    const TopValue* largest = peak == nullptr || peak->top.empty() ? nullptr : &peak->top[0];
    top.cells.push_back(peak == nullptr ? "-" : rounded(peak->top_mean[0]));
    ratio.cells.push_back(
        peak == nullptr || !(peak->median > 0) ? "-" : rounded(peak->top_mean[0] / peak->median));
    layer.cells.push_back(peak == nullptr ? "-" : layer_label(peak->point));
    channel.cells.push_back(largest == nullptr ? "-" : fmt::format("{}", largest->channel));
    token.cells.push_back(
        largest == nullptr
            ? "-"
            : quoted(scan.token(largest->sequence, largest->position).bytes, style.letters, 12));
  }
  return put_together(fitted(
      {letter, model, text, bos, backend, sequences, massive, top, ratio, layer, channel, token},
      style.columns));
}

std::set<int> layers_of(std::span<const NamedRun> runs, Site site) {
  std::set<int> layers;
  for (const NamedRun& run : runs)
    for (const PointSummary& point : run.scan->points)
      if (point.point.site == site) layers.insert(point.point.layer);
  return layers;
}

// Top-1 over the median by layer, as many runs side by side as fit; the others below.
std::string by_layer(std::span<const NamedRun> runs, Site site, const std::set<int>& layers,
                     const Style& style) {
  TextColumn layer{"layer", Align::right, 0, {}};
  for (const int at : layers) layer.cells.push_back(layer_label({at, site}));
  std::vector<TextColumn> block{layer};
  std::string text;
  for (const NamedRun& run : runs) {
    TextColumn top{run.letter + " top-1", Align::right, 0, {}};
    TextColumn ratio{run.letter + " ratio", Align::right, 0, {}};
    for (const int at : layers) {
      const PointSummary* point = run.scan->at({at, site});
      const bool has = point != nullptr && !point->top_mean.empty();
      top.cells.push_back(
          has ? rounded(point->top_mean[0]) + (point->massive_sequences > 0 ? "*" : " ") : "- ");
      ratio.cells.push_back(has && point->median > 0 ? rounded(point->top_mean[0] / point->median)
                                                     : "-");
    }
    auto wider = block;
    wider.insert(wider.end(), {top, ratio});
    if (block.size() > 1 && total_width(wider) > style.columns) {
      text += put_together(block) + "\n";
      wider = {layer, top, ratio};
    }
    block = std::move(wider);
  }
  return text + put_together(block);
}

std::string chart(std::span<const NamedRun> runs, Site site, const std::set<int>& layers,
                  const Style& style) {
  std::vector<PlotRow> rows;
  for (const int at : layers) {
    PlotRow row{layer_label({at, site}), {}, {}, ""};
    std::size_t index = 0;
    for (const NamedRun& run : runs) {
      const Paint paint = kPaints[index++ % std::size(kPaints)];
      const PointSummary* point = run.scan->at({at, site});
      if (point == nullptr) continue;
      if (!point->top_mean.empty()) row.marks.push_back({run.letter, point->top_mean[0], paint});
    }
    for (const NamedRun& run : runs) {
      const PointSummary* point = run.scan->at({at, site});
      if (point != nullptr) row.marks.push_back({"m", point->median, Paint::faint});
    }
    rows.push_back(std::move(row));
  }
  return wrapped(
             "|x| on a log scale: a letter is that run's mean top-1, m a median; one mark may "
             "hide another\n",
             style.columns) +
         row_plot(rows, style);
}

}  // namespace

std::string compare_section(std::span<const NamedRun> runs, Site site, Parts parts,
                            const Style& style) {
  const std::set<int> layers = layers_of(runs, site);
  if (runs.size() < 2 || layers.empty()) return {};
  std::string text =
      heading(fmt::format("{} runs side by side, {}", runs.size(), site_name(site)),
              "* massive; ratio: top-1 over the median, both means over sequences", style);
  if (parts.tables) {
    text += overview(runs, site, style) + "\n";
    text += by_layer(runs, site, layers, style);
  }
  if (!parts.charts) return text;
  return text + (parts.tables ? "\n" : "") + chart(runs, site, layers, style);
}

}  // namespace tepui
