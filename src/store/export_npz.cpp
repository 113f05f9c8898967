// SPDX-License-Identifier: MIT
#include "store/export_npz.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "base/utf8_text.h"
#include "store/little_endian.h"

namespace tepui {

namespace {

constexpr std::string_view kList = "above";  // the metric that is written as a list

// What one metric of a site needs room for.
struct Extent {
  int ranks = 0;
  bool ranked = false;  // false: a single number, without a rank
  bool has_position = false;
  bool has_channel = false;
  bool has_parameter = false;
  std::int64_t rows = 0;

  void add(const ObservationRow& row) {
    ranked = ranked || row.rank >= 0;
    ranks = std::max(ranks, std::max(row.rank, 0) + 1);
    has_position = has_position || row.position >= 0;
    has_channel = has_channel || row.channel >= 0;
    has_parameter = has_parameter || row.parameter != 0;
    ++rows;
  }
};

struct SeriesExtent {
  std::set<int> sequences;  // that have it
  std::size_t length = 0;
  bool has_indices = false;
};

struct SiteExtent {
  std::set<int> layers;
  std::map<std::string, Extent> metrics;
  std::map<std::string, SeriesExtent> series;
};

// The places of a site in the order of the arrays.
struct Places {
  StoreReader* store = nullptr;
  std::vector<int> sequences;
  std::vector<int> layers;
  Site site = Site::resid_post;
};

template <class T>
void append(std::string& bytes, T value) {
  if constexpr (std::endian::native == std::endian::big) {
    auto* first = reinterpret_cast<char*>(&value);
    std::reverse(first, first + sizeof(T));
  }
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// Visits place after place; `put` appends one place's bytes.
using PlaceWriter = std::function<Status(const Places&, int sequence, Point point, std::string&)>;

std::function<NextPiece()> place_by_place(std::shared_ptr<const Places> places, PlaceWriter put) {
  return [places, put] {
    return [places, put, at = std::size_t{0}]() mutable -> Result<std::string> {
      std::string bytes;
      // A place may have nothing, in a list; an empty piece would end the array.
      while (bytes.empty() && at < places->sequences.size() * places->layers.size()) {
        const int sequence = places->sequences[at / places->layers.size()];
        const int layer = places->layers[at % places->layers.size()];
        ++at;
        TEPUI_TRY(put(*places, sequence, Point{layer, places->site}, bytes));
      }
      return bytes;
    };
  };
}

// One field of a metric's rows: its type, what stands where there is no row, and how it is read.
struct Field {
  const char* suffix;
  const char* descr;
  void (*put)(std::string& bytes, const ObservationRow* row, int sequence, Point point);
};

constexpr Field kValue = {"", "<f4", [](std::string& bytes, const ObservationRow* row, int, Point) {
                            append(bytes, row ? row->value : std::nanf(""));
                          }};
constexpr Field kPosition = {"_position", "<i8",
                             [](std::string& bytes, const ObservationRow* row, int, Point) {
                               append(bytes, row ? row->position : std::int64_t{-1});
                             }};
constexpr Field kChannel = {"_channel", "<i8",
                            [](std::string& bytes, const ObservationRow* row, int, Point) {
                              append(bytes, row ? row->channel : std::int64_t{-1});
                            }};
constexpr Field kParameter = {"_parameter", "<f8",
                              [](std::string& bytes, const ObservationRow* row, int, Point) {
                                append(bytes, row ? row->parameter : std::nan(""));
                              }};
constexpr Field kSequence = {"_sequence", "<i8",
                             [](std::string& bytes, const ObservationRow*, int sequence, Point) {
                               append(bytes, std::int64_t{sequence});
                             }};
constexpr Field kLayer = {"_layer", "<i8",
                          [](std::string& bytes, const ObservationRow*, int, Point point) {
                            append(bytes, std::int64_t{point.layer});
                          }};

std::vector<Field> fields_of(const Extent& extent) {
  std::vector<Field> fields{kValue};
  if (extent.has_position) fields.push_back(kPosition);
  if (extent.has_channel) fields.push_back(kChannel);
  if (extent.has_parameter) fields.push_back(kParameter);
  return fields;
}

using Shared = std::shared_ptr<const Places>;

std::vector<std::int64_t> axes(const Places& places) {
  return {static_cast<std::int64_t>(places.sequences.size()),
          static_cast<std::int64_t>(places.layers.size())};
}

void add_metric(const std::string& metric, const Extent& extent, const Shared& places,
                std::vector<NpzArray>& arrays) {
  for (const Field& field : fields_of(extent)) {
    auto shape = axes(*places);
    if (extent.ranked) shape.push_back(extent.ranks);
    const auto put = [metric, field, ranks = extent.ranks](const Places& from, int sequence,
                                                           Point point,
                                                           std::string& bytes) -> Status {
      TEPUI_TRY(const auto rows, from.store->observations(sequence, point, metric));
      std::vector<const ObservationRow*> by_rank(static_cast<std::size_t>(ranks), nullptr);
      for (const ObservationRow& row : rows) {
        const int rank = std::max(row.rank, 0);
        if (rank < ranks) by_rank[static_cast<std::size_t>(rank)] = &row;
      }
      for (const ObservationRow* row : by_rank) field.put(bytes, row, sequence, point);
      return {};
    };
    arrays.push_back({fmt::format("{}.{}{}", site_name(places->site), metric, field.suffix),
                      field.descr, shape, place_by_place(places, put)});
  }
}

void add_list(const std::string& metric, const Extent& extent, const Shared& places,
              std::vector<NpzArray>& arrays) {
  for (const Field& field : {kValue, kSequence, kLayer, kPosition, kChannel, kParameter}) {
    const auto put = [metric, field](const Places& from, int sequence, Point point,
                                     std::string& bytes) -> Status {
      TEPUI_TRY(const auto rows, from.store->observations(sequence, point, metric));
      for (const ObservationRow& row : rows) field.put(bytes, &row, sequence, point);
      return {};
    };
    arrays.push_back({fmt::format("{}.{}{}", site_name(places->site), metric, field.suffix),
                      field.descr,
                      {extent.rows},
                      place_by_place(places, put)});
  }
}

// The values of a series, or its indices, padded to `length`.
Status put_series(const Places& from, int sequence, Point point, const std::string& metric,
                  std::size_t length, bool indices, std::string& bytes) {
  TEPUI_TRY(const auto all, from.store->series(sequence, point));
  const auto found = std::ranges::find(all, metric, &SeriesRow::metric);
  for (std::size_t at = 0; at < length; ++at) {
    if (indices)
      append(bytes, found != all.end() && at < found->indices.size()
                        ? std::int64_t{found->indices[at]}
                        : std::int64_t{-1});
    else
      append(bytes,
             found != all.end() && at < found->values.size() ? found->values[at] : std::nanf(""));
  }
  return {};
}

void add_series(const std::string& metric, const SeriesExtent& extent, const Shared& site,
                std::vector<NpzArray>& arrays) {
  const std::string name = fmt::format("{}.{}", site_name(site->site), metric);
  auto places = std::make_shared<Places>(*site);
  if (extent.sequences.size() < site->sequences.size()) {
    places->sequences.assign(extent.sequences.begin(), extent.sequences.end());
    arrays.push_back(
        npz_integers(name + "_sequence", {extent.sequences.begin(), extent.sequences.end()}));
  }
  auto shape = axes(*places);
  shape.push_back(static_cast<std::int64_t>(extent.length));
  for (const bool indices : {false, true}) {
    if (indices && !extent.has_indices) continue;
    const auto put = [metric, indices, length = extent.length](const Places& from, int sequence,
                                                               Point point, std::string& bytes) {
      return put_series(from, sequence, point, metric, length, indices, bytes);
    };
    arrays.push_back({name + (indices ? "_at" : ""), indices ? "<i8" : "<f4", shape,
                      place_by_place(places, put)});
  }
}

Result<std::map<Site, SiteExtent>> extents(StoreReader& store, const std::vector<int>& scanned) {
  std::map<Site, SiteExtent> sites;
  for (const int sequence : scanned) {
    TEPUI_TRY(const auto points, store.points(sequence));
    for (const Point point : points) {
      SiteExtent& site = sites[point.site];
      site.layers.insert(point.layer);
      TEPUI_TRY(const auto rows, store.observations(sequence, point));
      for (const ObservationRow& row : rows) site.metrics[row.metric].add(row);
      TEPUI_TRY(const auto all, store.series(sequence, point));
      for (const SeriesRow& series : all) {
        SeriesExtent& extent = site.series[series.metric];
        extent.sequences.insert(sequence);
        extent.length = std::max(extent.length, series.values.size());
        extent.has_indices = extent.has_indices || !series.indices.empty();
      }
    }
  }
  return sites;
}

Status add_input(StoreReader& store, std::vector<NpzArray>& arrays) {
  TEPUI_TRY(const auto sequences, store.sequences());
  std::vector<std::string> sources;
  std::vector<std::int64_t> first_tokens, has_bos, tokens, begins{0};
  for (const SequenceRow& row : sequences) {
    sources.push_back(escape_bytes(row.source));
    first_tokens.push_back(row.first_token);
    has_bos.push_back(row.has_bos ? 1 : 0);
    tokens.insert(tokens.end(), row.tokens.begin(), row.tokens.end());
    begins.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  arrays.push_back(npz_texts("sequences.source", sources));
  arrays.push_back(npz_integers("sequences.first_token", first_tokens));
  arrays.push_back(npz_integers("sequences.has_bos", has_bos));
  arrays.push_back(npz_integers("sequences.tokens", tokens));
  arrays.push_back(npz_integers("sequences.tokens_begin", begins));
  TEPUI_TRY(const auto vocabulary, store.vocabulary());
  std::vector<std::int64_t> ids;
  std::vector<std::string> pieces, bytes;
  for (const VocabularyRow& row : vocabulary) {
    ids.push_back(row.token_id);
    pieces.push_back(escape_bytes(row.piece));
    bytes.push_back(escape_bytes(row.bytes));
  }
  arrays.push_back(npz_integers("vocabulary.token_id", ids));
  arrays.push_back(npz_texts("vocabulary.piece", pieces));
  arrays.push_back(npz_texts("vocabulary.bytes", bytes));
  return {};
}

}  // namespace

Result<std::vector<NpzArray>> store_arrays(StoreReader& store) {
  std::vector<NpzArray> arrays;
  TEPUI_TRY(const auto scanned, store.finished());
  arrays.push_back(npz_integers("scanned", {scanned.begin(), scanned.end()}));
  TEPUI_TRY(add_input(store, arrays));
  TEPUI_TRY(const auto sites, extents(store, scanned));
  for (const auto& [site, extent] : sites) {
    auto places = std::make_shared<Places>();
    places->store = &store;
    places->sequences = scanned;
    places->layers.assign(extent.layers.begin(), extent.layers.end());
    places->site = site;
    arrays.push_back(npz_integers(fmt::format("{}.layer", site_name(site)),
                                  {extent.layers.begin(), extent.layers.end()}));
    for (const auto& [metric, rows] : extent.metrics) {
      if (metric == kList)
        add_list(metric, rows, places, arrays);
      else
        add_metric(metric, rows, places, arrays);
    }
    for (const auto& [metric, rows] : extent.series) add_series(metric, rows, places, arrays);
  }
  return arrays;
}

}  // namespace tepui
