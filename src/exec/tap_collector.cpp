// SPDX-License-Identifier: MIT
#include "exec/tap_collector.h"

#include <algorithm>

#include "base/assert.h"
#include "exec/timed.h"

namespace tepui {

namespace {

// Rows as those of one branch.
class BranchSink final : public RowSink {
 public:
  BranchSink(RowSink& sink, int branch) : sink_(sink), branch_(branch) {}
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& row) override {
    Observation own = row;
    own.branch = branch_;
    return sink_.add(own);
  }
  Status add(const Series& row) override {
    Series own = row;
    own.branch = branch_;
    return sink_.add(own);
  }
  Status end_unit() override { return {}; }

 private:
  RowSink& sink_;
  int branch_;
};

}  // namespace

void TapCollector::give_up() {
  for (; count_ > 0; --count_) {
    for (const Ticket ticket : ring_[first_].tickets) (void)backend_.wait(ticket);
    first_ = (first_ + 1) % kUnderWay;
  }
}

Status TapCollector::make_room() {
  while (count_ == kUnderWay) TEPUI_TRY(collect_oldest());
  return {};
}

Status TapCollector::drain() {
  while (count_ > 0) TEPUI_TRY(collect_oldest());
  return {};
}

std::vector<Ticket> TapCollector::add(const IssuedRun& run, const Bindings& bindings) {
  TEPUI_ASSERT(count_ < kUnderWay);
  UnderWay& slot = ring_[(first_ + count_) % kUnderWay];
  ++count_;
  slot.run = run;
  slot.tickets.assign(1, run.ticket);
  const std::size_t needed = run.part->host_bytes;
  if (slot.bytes.capacity() < needed) slot.bytes = std::vector<std::byte>(needed);
  slot.bytes.resize(needed);
  const auto download = [&](std::size_t offset, const BufferSlice& from) {
    if (from.bytes == 0) return;
    const auto to = std::span(slot.bytes).subspan(offset, from.bytes);
    slot.tickets.push_back(backend_.download(to, from, {&run.ticket, 1}));
  };
  download(0, {run.outputs, 0, run.part->tap_bytes});
  for (const TapPlace& place : run.part->places) {
    if (!place.own) download(place.offset, bindings[place.value.id]);
  }
  std::size_t held = 0;
  for (const UnderWay& one : ring_) held += one.bytes.capacity();
  most_bytes_ = std::max(most_bytes_, held);
  return slot.tickets;
}

// The last ticket first: in a queue that keeps its order the others are then done.
Status TapCollector::collect_oldest() {
  const UnderWay& oldest = ring_[first_];
  Status status;
  for (auto ticket = oldest.tickets.rbegin(); ticket != oldest.tickets.rend(); ++ticket) {
    Status one = backend_.wait(*ticket);
    if (!one) status = std::move(one);  // the earliest is the cause of the others
  }
  first_ = (first_ + 1) % kUnderWay;
  --count_;
  TEPUI_TRY(status);
  TEPUI_TRY(hand_out(oldest));
  if (on_collected_) on_collected_(oldest.run);
  return {};
}

Status TapCollector::hand_out(const UnderWay& collected) {
  const Timed timed(seconds_);
  const IssuedRun& run = collected.run;
  const Tapped& tapped = run.part->tapped;
  auto place = run.part->places.begin();
  for (const TapOutput& output : tapped.outputs) {
    std::vector<HostView> views;
    for (const Value value : output.values) {
      const auto bytes = std::span(collected.bytes).subspan(place->offset, place->bytes);
      views.push_back({tapped.lowered.program.info(value).type, bytes});
      ++place;
    }
    if (output.metric == nullptr) {
      TEPUI_TRY(hand_out_rows(output, views.front(), run));
      continue;
    }
    if (views.empty()) continue;
    for (const int branch : run.branches) {
      BranchSink sink(sink_, branch);
      for (const Site site : output.sites) {
        const TapContext context{{run.layer, site},  run.first_sequence, output.width,
                                 run.shape->lengths, output.groups,      branch != 0};
        TEPUI_TRY(output.metric->rows(views, context, sink));
      }
    }
  }
  return {};
}

Status TapCollector::hand_out_rows(const TapOutput& output, HostView view, const IssuedRun& run) {
  TEPUI_ASSERT(consumer_ != nullptr);
  for (const Site site : output.sites) {
    TEPUI_TRY(consumer_->take({{run.layer, site},
                               run.first_sequence,
                               run.shape->lengths,
                               output.width,
                               view.as<float>()}));
  }
  return {};
}

}  // namespace tepui
