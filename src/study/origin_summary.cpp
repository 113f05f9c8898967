// SPDX-License-Identifier: MIT
#include "study/origin_summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace tepui {

namespace {

// Reads the lives of one sequence, place by place.
class SequenceLives {
 public:
  SequenceLives(StoreReader& store, int sequence, const std::vector<std::int32_t>& tokens)
      : store_(store), sequence_(sequence), tokens_(tokens) {}

  Result<std::vector<OriginLife>> run(const std::vector<Point>& points) {
    TEPUI_TRY(const auto embeddings,
              store_.observations(sequence_, {kNoLayer, Site::embeddings}, "origin"));
    for (const ObservationRow& row : embeddings) {
      if (row.position < 0 || row.position >= static_cast<std::int64_t>(tokens_.size()))
        return wrong({kNoLayer, Site::embeddings});
      OriginLife life;
      life.sequence = sequence_;
      life.position = row.position;
      life.channel = row.channel;
      life.token_id = tokens_[static_cast<std::size_t>(row.position)];
      life.embedding = row.value;
      lives_.push_back(std::move(life));
    }
    for (const Point point : points) {
      if (lives_.empty() || point.layer == kNoLayer) continue;
      for (OriginLife& life : lives_)
        life.layers.resize(std::max(life.layers.size(), static_cast<std::size_t>(point.layer) + 1));
      TEPUI_TRY(read(point));
    }
    return std::move(lives_);
  }

 private:
  Status read(Point point) {
    switch (point.site) {
      case Site::attn_out: return numbers(point, &LayerPart::attention_raw);
      case Site::attn_out_post: return numbers(point, &LayerPart::attention);
      case Site::mlp_out: return numbers(point, &LayerPart::mlp_raw);
      case Site::mlp_out_post: return numbers(point, &LayerPart::mlp);
      case Site::z: return heads(point);
      case Site::mlp_act: return neurons(point);
      case Site::resid_post:
        TEPUI_TRY(massive(point));
        return numbers(point, &LayerPart::resid_post);
      default: return {};
    }
  }

  tl::unexpected<Error> wrong(Point point) const {
    return fail(
        ErrorKind::data, "{}: expected contributions to {} elements of {}.{} of sequence {}",
        store_.file().string(), lives_.size(), site_name(point.site), point.layer, sequence_);
  }
  LayerPart& part(std::size_t place, Point point) {
    return lives_[place].layers[static_cast<std::size_t>(point.layer)];
  }

  Status numbers(Point point, float LayerPart::*to) {
    TEPUI_TRY(const auto rows, store_.observations(sequence_, point, "origin"));
    if (rows.size() != lives_.size()) return wrong(point);
    for (std::size_t i = 0; i < rows.size(); ++i) part(i, point).*to = rows[i].value;
    return {};
  }

  Status massive(Point point) {
    TEPUI_TRY(const auto rows, store_.observations(sequence_, point, "massive"));
    for (const ObservationRow& row : rows) {
      for (OriginLife& life : lives_) {
        if (life.position == row.position && life.channel == row.channel)
          life.massive_layers.push_back(point.layer);
      }
    }
    return {};
  }

  // The values of a series by place; none where they are not as many for each.
  Result<std::vector<SeriesRow>> by_place(Point point, std::string_view metric) {
    TEPUI_TRY(auto rows, store_.series(sequence_, point, metric));
    if (rows.size() != 1 || rows.front().values.empty() ||
        rows.front().values.size() % lives_.size() != 0)
      return wrong(point);
    return rows;
  }

  Status heads(Point point) {
    TEPUI_TRY(const auto rows, by_place(point, "by_head"));
    const auto& values = rows.front().values;
    const std::size_t each = values.size() / lives_.size();
    for (std::size_t i = 0; i < lives_.size(); ++i) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * each);
      part(i, point).heads.assign(begin, begin + static_cast<std::ptrdiff_t>(each));
    }
    return {};
  }

  Status neurons(Point point) {
    TEPUI_TRY(const auto gives, by_place(point, "by_neuron"));
    TEPUI_TRY(const auto acts, by_place(point, "by_neuron.act"));
    TEPUI_TRY(const auto weights, by_place(point, "by_neuron.weight"));
    const std::size_t all = gives.front().values.size();
    if (gives.front().indices.size() != all || acts.front().values.size() != all ||
        weights.front().values.size() != all)
      return wrong(point);
    const std::size_t each = all / lives_.size();
    for (std::size_t i = 0; i < all; ++i)
      part(i / each, point)
          .neurons.push_back({gives.front().indices[i], acts.front().values[i],
                              weights.front().values[i], gives.front().values[i]});
    return {};
  }

  StoreReader& store_;
  int sequence_;
  const std::vector<std::int32_t>& tokens_;
  std::vector<OriginLife> lives_;
};

std::vector<Contribution> contributions(const OriginLife& life) {
  std::vector<Contribution> list{{OriginPart::embedding, -1, life.embedding, 0}};
  for (std::size_t layer = 0; layer < life.layers.size(); ++layer) {
    list.push_back(
        {OriginPart::attention, static_cast<int>(layer), life.layers[layer].attention, 0});
    list.push_back({OriginPart::mlp, static_cast<int>(layer), life.layers[layer].mlp, 0});
  }
  const auto peak = double{life.peak()};
  for (Contribution& one : list) one.share = peak != 0 ? double{one.value} / peak : 0;
  return list;
}

std::vector<OriginGroup> groups_of(const std::vector<OriginLife>& lives) {
  std::map<std::tuple<std::int32_t, bool, std::int64_t>, OriginGroup> found;
  for (const OriginLife& life : lives) {
    OriginGroup& group = found[{life.token_id, life.position == 0, life.channel}];
    group.token_id = life.token_id;
    group.first = life.position == 0;
    group.channel = life.channel;
    group.lives.push_back(&life);
  }
  std::vector<OriginGroup> groups;
  for (auto& [key, group] : found) {
    std::set<int> sequences;
    std::set<std::int64_t> layers;
    for (const OriginLife* life : group.lives) {
      sequences.insert(life->sequence);
      layers.insert(life->massive_layers.begin(), life->massive_layers.end());
      group.mean_peak += double{life->peak()} / static_cast<double>(group.lives.size());
      if (group.largest == nullptr || std::abs(life->peak()) > std::abs(group.largest->peak()))
        group.largest = life;
    }
    group.sequences = static_cast<int>(sequences.size());
    group.massive_layers.assign(layers.begin(), layers.end());
    groups.push_back(std::move(group));
  }
  std::ranges::stable_sort(groups, std::greater{},
                           [](const auto& group) { return std::abs(group.mean_peak); });
  return groups;
}

}  // namespace

int OriginLife::peak_layer() const {
  int at = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    if (std::abs(layers[layer].resid_post) >
        std::abs(layers[static_cast<std::size_t>(at)].resid_post))
      at = static_cast<int>(layer);
  }
  return at;
}

float OriginLife::peak() const {
  return layers.empty() ? 0.0F : layers[static_cast<std::size_t>(peak_layer())].resid_post;
}

std::vector<Contribution> written(const OriginLife& life) {
  auto list = contributions(life);
  const int peak = life.peak_layer();
  std::erase_if(list, [&](const auto& one) { return one.layer > peak || one.share <= 0; });
  std::ranges::stable_sort(list, std::greater{}, &Contribution::share);
  return list;
}

std::vector<Contribution> removed(const OriginLife& life) {
  auto list = contributions(life);
  const int peak = life.peak_layer();
  std::erase_if(list, [&](const auto& one) { return one.layer <= peak || one.share >= 0; });
  std::ranges::stable_sort(list, std::less{}, &Contribution::share);
  return list;
}

std::string OriginSummary::token_bytes(std::int32_t id) const {
  const auto found = std::ranges::find(vocabulary, id, &VocabularyRow::token_id);
  return found == vocabulary.end() ? "" : found->bytes;
}

std::int32_t OriginSummary::token_at(int sequence, std::int64_t position) const {
  const auto s = static_cast<std::size_t>(sequence);
  const auto at = static_cast<std::size_t>(position);
  const bool there =
      s < sequence_rows.size() && position >= 0 && at < sequence_rows[s].tokens.size();
  return there ? sequence_rows[s].tokens[at] : -1;
}

bool is_origin(const nlohmann::json& identity) {
  const auto kind = identity.find("kind");
  return kind != identity.end() && *kind == "origin";
}

Result<OriginSummary> summarise_origin(StoreReader& store) {
  OriginSummary summary;
  TEPUI_TRY(summary.run, store.run());
  TEPUI_TRY(summary.identity, store.identity());
  if (!is_origin(summary.identity))
    return fail(ErrorKind::data, "{}: expected the store of tepui origin, found another's",
                store.file().string());
  const auto hidden = summary.identity.find("experts_hidden");
  if (hidden != summary.identity.end() && hidden->is_number_integer())
    summary.hidden = hidden->get<int>();
  TEPUI_TRY(summary.sequence_rows, store.sequences());
  TEPUI_TRY(const auto finished, store.finished());
  TEPUI_TRY(const auto points, store.points());
  TEPUI_TRY(summary.vocabulary, store.vocabulary());
  summary.sequences = static_cast<int>(summary.sequence_rows.size());
  summary.finished = static_cast<int>(finished.size());
  for (const int sequence : finished) {
    const auto& tokens = summary.sequence_rows[static_cast<std::size_t>(sequence)].tokens;
    TEPUI_TRY(auto lives, SequenceLives(store, sequence, tokens).run(points));
    std::ranges::move(lives, std::back_inserter(summary.lives));
  }
  for (const Point point : points) {
    SiteRange range;
    range.point = point;
    bool any = false;
    for (const int sequence : finished) {
      TEPUI_TRY(const auto rows, store.observations(sequence, point, "largest"));
      for (const ObservationRow& row : rows) {
        if (any && std::abs(row.value) <= std::abs(range.value)) continue;
        any = true;
        range = {point, row.value, sequence, row.position, row.channel};
      }
    }
    if (any) summary.ranges.push_back(range);
  }
  summary.groups = groups_of(summary.lives);
  return summary;
}

std::string part_name(const Contribution& one) {
  if (one.part == OriginPart::embedding) return "embedding";
  return fmt::format("{} {}", one.part == OriginPart::attention ? "attention" : "mlp", one.layer);
}

std::string neuron_name(const OriginSummary& summary, std::uint32_t neuron) {
  const auto hidden = static_cast<std::uint32_t>(summary.hidden);
  if (hidden == 0) return fmt::format("neuron {}", neuron);
  return fmt::format("expert {}, neuron {}", neuron / hidden, neuron % hidden);
}

}  // namespace tepui
