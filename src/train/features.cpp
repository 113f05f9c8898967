// SPDX-License-Identifier: MIT
#include "train/features.h"

#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "base/utf8_text.h"

namespace tepui {

namespace {

class IndexedRows final : public RowSource {
 public:
  IndexedRows(const RowSource& from, std::vector<std::int64_t> index, FeatureMap map)
      : from_(from), index_(std::move(index)), map_(std::move(map)) {}

  std::int64_t rows() const override { return static_cast<std::int64_t>(index_.size()); }
  int width() const override { return map_.out_width(); }

  // Neighbours are read together.
  Status read(std::int64_t first, std::int64_t count, std::span<float> to) const override {
    const auto width = static_cast<std::size_t>(map_.width);
    std::vector<float> raw(static_cast<std::size_t>(count) * width);
    std::int64_t done = 0;
    while (done < count) {
      const std::int64_t begin = index_[static_cast<std::size_t>(first + done)];
      std::int64_t run = 1;
      while (done + run < count &&
             index_[static_cast<std::size_t>(first + done + run)] == begin + run)
        ++run;
      TEPUI_TRY(from_.read(begin, run,
                           std::span(raw).subspan(static_cast<std::size_t>(done) * width,
                                                  static_cast<std::size_t>(run) * width)));
      done += run;
    }
    map_.apply(raw, to);
    return {};
  }

 private:
  const RowSource& from_;
  std::vector<std::int64_t> index_;
  FeatureMap map_;
};

class CopiedRows final : public RowSource {
 public:
  CopiedRows(std::int64_t rows, int width)
      : rows_(rows),
        width_(width),
        values_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width)) {}

  std::int64_t rows() const override { return rows_; }
  int width() const override { return width_; }
  std::span<float> values() { return values_; }
  Status read(std::int64_t first, std::int64_t count, std::span<float> to) const override {
    const auto width = static_cast<std::size_t>(width_);
    const auto from = std::span(values_).subspan(static_cast<std::size_t>(first) * width,
                                                 static_cast<std::size_t>(count) * width);
    std::copy(from.begin(), from.end(), to.begin());
    return {};
  }

 private:
  std::int64_t rows_;
  int width_;
  std::vector<float> values_;
};

// Sums of a block, or of all of them.
struct Moments {
  std::vector<double> sum;
  std::vector<double> square;
};

}  // namespace

std::string FeatureSpec::name() const {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "+") + part; };
  if (limit > 0) add(fmt::format("clipped:{:g}", limit));
  if (channels == Channels::without_massive) add("without-massive");
  if (channels == Channels::only_massive) add("only-massive");
  if (rms) add("rms");
  if (standardised) add("standardised");
  return text.empty() ? "raw" : text;
}

Result<FeatureSpec> parse_features(std::string_view text, std::string_view option) {
  FeatureSpec spec;
  const std::string_view whole = text;
  const auto wrong = [&] {
    return fail(ErrorKind::usage,
                "{} {}: expected raw, standardised, without-massive, only-massive, clipped:V, rms, "
                "or several of them joined by +",
                option, valid_utf8(whole));
  };
  while (true) {
    const std::size_t end = std::min(text.find('+'), text.size());
    const std::string_view part = text.substr(0, end);
    if (part == "standardised") {
      spec.standardised = true;
    } else if (part == "rms") {
      spec.rms = true;
    } else if (part == "without-massive" && !spec.needs_massive()) {
      spec.channels = FeatureSpec::Channels::without_massive;
    } else if (part == "only-massive" && !spec.needs_massive()) {
      spec.channels = FeatureSpec::Channels::only_massive;
    } else if (part.starts_with("clipped:")) {
      const auto read = std::from_chars(part.data() + 8, part.data() + part.size(), spec.limit);
      if (read.ec != std::errc() || read.ptr != part.data() + part.size() ||
          !std::isfinite(spec.limit) || spec.limit <= 0)
        return wrong();
    } else if (part != "raw" || whole != "raw") {
      return wrong();
    }
    if (end == text.size()) return spec;
    text.remove_prefix(end + 1);
  }
}

void FeatureMap::apply(std::span<const float> rows, std::span<float> out) const {
  const auto in_width = static_cast<std::size_t>(width);
  const auto own = static_cast<std::size_t>(out_width());
  const std::size_t count = rows.size() / in_width;
  TEPUI_ASSERT(out.size() == count * own);
  for (std::size_t r = 0; r < count; ++r) {
    const float* const row = &rows[r * in_width];
    float* const to = &out[r * own];
    double square = 0;
    for (std::size_t c = 0; c < own; ++c) {
      float value = row[channels.empty() ? c : static_cast<std::size_t>(channels[c])];
      if (limit > 0) value = std::clamp(value, -limit, limit);
      to[c] = value;
      square += double{value} * double{value};
    }
    if (rms) {
      const double level = std::sqrt(square / static_cast<double>(own));
      const double factor = level > 0 ? 1 / level : 0;
      for (std::size_t c = 0; c < own; ++c) to[c] = static_cast<float>(double{to[c]} * factor);
    }
    if (mean.empty()) continue;
    for (std::size_t c = 0; c < own; ++c)
      to[c] = static_cast<float>((double{to[c]} - double{mean[c]}) * double{scale[c]});
  }
}

Result<std::unique_ptr<RowSource>> mapped_rows(const RowSource& from,
                                               std::vector<std::int64_t> index,
                                               const FeatureMap& map, std::uint64_t most_bytes) {
  auto lazy = std::make_unique<IndexedRows>(from, std::move(index), map);
  const auto width = static_cast<std::uint64_t>(lazy->width());
  if (static_cast<std::uint64_t>(lazy->rows()) * width * sizeof(float) > most_bytes)
    return std::unique_ptr<RowSource>(std::move(lazy));
  auto copy = std::make_unique<CopiedRows>(lazy->rows(), lazy->width());
  for (std::int64_t first = 0; first < lazy->rows(); first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, lazy->rows() - first);
    TEPUI_TRY(lazy->read(first, count,
                         copy->values().subspan(static_cast<std::size_t>(first) * width,
                                                static_cast<std::size_t>(count) * width)));
  }
  return std::unique_ptr<RowSource>(std::move(copy));
}

Result<FeatureMap> learn_features(const FeatureSpec& spec, std::span<const int> massive,
                                  const RowSource& from, const std::vector<std::int64_t>& index,
                                  ThreadPool* pool) {
  FeatureMap map;
  map.width = from.width();
  map.limit = static_cast<float>(spec.limit);
  map.rms = spec.rms;
  if (spec.needs_massive()) {
    const bool only = spec.channels == FeatureSpec::Channels::only_massive;
    for (int c = 0; c < map.width; ++c)
      if (std::ranges::binary_search(massive, c) == only) map.channels.push_back(c);
    if (massive.empty() || map.channels.empty())
      return fail(ErrorKind::usage,
                  "features {}: expected massive channels beside others, found {} of {}: lower "
                  "--min-ratio and --min-abs, or name them by --massive-channels",
                  spec.name(), massive.size(), map.width);
  }
  if (!spec.standardised) return map;
  const IndexedRows rows(from, index, map);
  const auto width = static_cast<std::size_t>(map.out_width());
  const auto slots = pool != nullptr ? static_cast<std::size_t>(pool->size()) : 1;
  std::vector<Moments> parts(slots);
  // About the first row, so that channels with a large constant part keep their digits.
  std::vector<float> origin(width);
  if (rows.rows() > 0) TEPUI_TRY(rows.read(0, 1, origin));
  Moments all{std::vector<double>(width), std::vector<double>(width)};
  TEPUI_TRY(for_each_block(
      rows, pool, static_cast<int>(slots),
      [&](const RowsOfBlock& block, int slot) -> Status {
        Moments& part = parts[static_cast<std::size_t>(slot)];
        part.sum.assign(width, 0);
        part.square.assign(width, 0);
        for (std::size_t i = 0; i < block.rows.size(); ++i) {
          const double x = double{block.rows[i]} - double{origin[i % width]};
          part.sum[i % width] += x;
          part.square[i % width] += x * x;
        }
        return {};
      },
      [&](std::int64_t /*block*/, int slot) {
        const Moments& part = parts[static_cast<std::size_t>(slot)];
        for (std::size_t c = 0; c < width; ++c) {
          all.sum[c] += part.sum[c];
          all.square[c] += part.square[c];
        }
      }));
  const double n = std::max(1.0, static_cast<double>(rows.rows()));
  for (std::size_t c = 0; c < width; ++c) {
    const double mean = all.sum[c] / n;
    const double variance = all.square[c] / n - mean * mean;
    map.mean.push_back(static_cast<float>(mean + double{origin[c]}));
    // Below the rounding of the sums a channel is constant.
    const bool varies = variance > 1e-13 * (all.square[c] / n);
    map.scale.push_back(varies ? static_cast<float>(1 / std::sqrt(variance)) : 0.0F);
  }
  return map;
}

}  // namespace tepui
