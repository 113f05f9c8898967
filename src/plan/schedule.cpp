// SPDX-License-Identifier: MIT
#include "plan/schedule.h"

#include <algorithm>
#include <functional>
#include <map>

namespace tepui {

namespace {

// 0: embedding, 1..layers: layers, layers + 1: final norm.
std::size_t part_of(Point point, int layers) {
  if (site_has_layer(point.site)) return static_cast<std::size_t>(point.layer) + 1;
  return point.site == Site::embeddings ? 0 : static_cast<std::size_t>(layers) + 1;
}

bool reads_unedited(const Edit& edit) {
  return edit.tokens.kind == TokenSelector::Kind::massive ||
         edit.channels.kind == ChannelSelector::Kind::massive;
}

class Scheduler {
 public:
  Scheduler(std::span<const Branch> branches, int layers) : branches_(branches), layers_(layers) {}

  Result<Schedule> run() {
    Schedule schedule;
    schedule.branches = static_cast<int>(branches_.size()) + 1;
    PartLanes before;
    before.lanes.emplace_back();
    for (int branch = 0; branch < schedule.branches; ++branch)
      before.lanes.front().branches.push_back(branch);
    for (std::size_t part = 0; part < static_cast<std::size_t>(layers_) + 2; ++part) {
      PartLanes now = fork(before, part);
      TEPUI_TRY(find_sources(now));
      TEPUI_TRY(find_order(now));
      schedule.parts.push_back(now);
      before = std::move(now);
    }
    return schedule;
  }

 private:
  std::vector<const Edit*> edits_of(int branch, std::size_t part) const {
    std::vector<const Edit*> edits;
    if (branch == 0) return edits;
    for (const Edit& edit : branches_[static_cast<std::size_t>(branch) - 1].edits) {
      if (part_of(edit.point, layers_) == part) edits.push_back(&edit);
    }
    return edits;
  }

  // Branches of a lane stay together where they have the same edits.
  PartLanes fork(const PartLanes& before, std::size_t part) const {
    PartLanes now;
    for (std::size_t parent = 0; parent < before.lanes.size(); ++parent) {
      std::map<std::string, std::size_t> lane_of_key;
      for (const int branch : before.lanes[parent].branches) {
        const std::vector<const Edit*> edits = edits_of(branch, part);
        std::string key;
        for (const Edit* edit : edits) key += edit->key + ";";
        const auto [found, is_new] = lane_of_key.emplace(key, now.lanes.size());
        if (is_new) {
          Lane lane;
          lane.parent = static_cast<int>(parent);
          for (const Edit* edit : edits)
            lane.edits.push_back({edit, LaneEdit::kOwn, LaneEdit::kOwn});
          now.lanes.push_back(std::move(lane));
        }
        now.lanes[found->second].branches.push_back(branch);
      }
    }
    // The unedited run is the first branch of the first lane, and makes the first lane of its
    // children.
    return now;
  }

  // Whether the value that an edit finds is still that of the unedited run.
  bool is_first_edit(const Lane& lane, std::size_t index) const {
    if (index != 0) return false;
    const Branch& branch = branches_[static_cast<std::size_t>(lane.branches.front()) - 1];
    return branch.edits.front().key == lane.edits.front().edit->key &&
           branch.edits.front().point == lane.edits.front().edit->point;
  }

  Status find_sources(PartLanes& now) const {
    for (std::size_t index = 0; index < now.lanes.size(); ++index) {
      for (std::size_t i = 0; i < now.lanes[index].edits.size(); ++i) {
        const Edit& edit = *now.lanes[index].edits[i].edit;
        int selection = LaneEdit::kOwn;
        int patch = LaneEdit::kOwn;
        if (reads_unedited(edit) && !is_first_edit(now.lanes[index], i))
          selection = keep(now, now.lane_of(0), edit.point.site, index);
        if (edit.rule.kind == RuleKind::patch) {
          TEPUI_TRY(const int branch,
                    branch_named(edit.rule.branch, now.lanes[index].branches.front()));
          patch = keep(now, now.lane_of(branch), edit.point.site, index);
        }
        now.lanes[index].edits[i].selection = selection;
        now.lanes[index].edits[i].patch = patch;
      }
    }
    return {};
  }

  // Notes that a lane's value is read by another one.
  static int keep(PartLanes& now, int lane, Site site, std::size_t reader) {
    if (lane == static_cast<int>(reader)) return LaneEdit::kOwn;
    auto& kept = now.lanes[static_cast<std::size_t>(lane)].kept;
    if (std::ranges::find(kept, site) == kept.end()) kept.push_back(site);
    return lane;
  }

  Result<int> branch_named(const std::string& name, int reader) const {
    if (name == kUnedited) return 0;
    std::string known(kUnedited);
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      if (branches_[i].name == name) return static_cast<int>(i) + 1;
      known += ", " + branches_[i].name;
    }
    return fail(ErrorKind::usage, "branch {}: patch:{}: expected the name of a branch ({})",
                branches_[static_cast<std::size_t>(reader) - 1].name, name, known);
  }

  // Depth first; a lane that waits for itself is a circle.
  Status find_order(PartLanes& now) const {
    enum class State { open, waiting, done };
    std::vector<State> states(now.lanes.size(), State::open);
    const std::function<Status(int)> visit = [&](int index) -> Status {
      State& state = states[static_cast<std::size_t>(index)];
      if (state == State::done) return {};
      const Lane& lane = now.lanes[static_cast<std::size_t>(index)];
      if (state == State::waiting)
        return fail(ErrorKind::usage,
                    "branch {}: expected that branches do not patch from one another in one layer, "
                    "found a circle at {}",
                    branches_[static_cast<std::size_t>(lane.branches.front()) - 1].name,
                    lane.edits.front().edit->key);
      state = State::waiting;
      for (const LaneEdit& edit : lane.edits) {
        if (edit.selection != LaneEdit::kOwn) TEPUI_TRY(visit(edit.selection));
        if (edit.patch != LaneEdit::kOwn) TEPUI_TRY(visit(edit.patch));
      }
      states[static_cast<std::size_t>(index)] = State::done;
      now.order.push_back(index);
      return {};
    };
    for (std::size_t index = 0; index < now.lanes.size(); ++index)
      TEPUI_TRY(visit(static_cast<int>(index)));
    return {};
  }

  std::span<const Branch> branches_;
  int layers_;
};

}  // namespace

int PartLanes::lane_of(int branch) const {
  for (std::size_t index = 0; index < lanes.size(); ++index) {
    if (std::ranges::find(lanes[index].branches, branch) != lanes[index].branches.end())
      return static_cast<int>(index);
  }
  return -1;
}

std::int64_t Schedule::block_runs() const { return block_runs(static_cast<int>(parts.size()) - 2); }

std::int64_t Schedule::block_runs(int layers) const {
  std::int64_t runs = 0;
  for (int each = 0; each < layers; ++each)
    runs += static_cast<std::int64_t>(layer(each).lanes.size());
  return runs;
}

std::int64_t Schedule::unshared_block_runs() const {
  return static_cast<std::int64_t>(branches) * (static_cast<std::int64_t>(parts.size()) - 2);
}

Result<Schedule> make_schedule(std::span<const Branch> branches, int layers) {
  return Scheduler(branches, layers).run();
}

}  // namespace tepui
