// SPDX-License-Identifier: MIT
// Brings the outputs of taps back. A run's downloads are issued together behind it and waited for
// once, when a later run is on its way: the host never waits for a run that has just been issued
// while there is more to issue. A ring of kUnderWay runs bounds what is under way.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "exec/part.h"
#include "exec/row_stream.h"

namespace tepui {

// A run of a part. What it names must live until it was collected.
struct IssuedRun {
  const Part* part = nullptr;
  int layer = kNoLayer;
  int first_sequence = 0;
  const ChunkShape* shape = nullptr;
  const Buffer* outputs = nullptr;  // of bind_taps
  Ticket ticket;
  std::span<const int> branches;  // whose rows the outputs are
};

class TapCollector {
 public:
  static constexpr std::size_t kUnderWay = Part::kTapSets;
  using OnCollected = std::function<void(const IssuedRun&)>;

  TapCollector(Backend& backend, RowSink& sink, RowConsumer* rows, OnCollected on_collected)
      : backend_(backend), sink_(sink), consumer_(rows), on_collected_(std::move(on_collected)) {}
  ~TapCollector() { give_up(); }
  TapCollector(const TapCollector&) = delete;
  TapCollector& operator=(const TapCollector&) = delete;

  // Collects the oldest runs until one more may be issued.
  Status make_room();
  // Issues the downloads of the run's outputs from the slices that they were bound to. The tickets
  // are the run's and those of its downloads: who writes to what the run was bound to comes behind
  // them.
  std::vector<Ticket> add(const IssuedRun& run, const Bindings& bindings);
  // Collects everything.
  Status drain();
  // Waits for the device and hands out nothing: for runs that have failed.
  void give_up();

  std::size_t most_bytes() const { return most_bytes_; }   // of outputs held at once, so far
  double seconds_handing_out() const { return seconds_; }  // rows to the sink or the consumer

 private:
  struct UnderWay {
    IssuedRun run;
    std::vector<std::byte> bytes;  // as the part's places say
    std::vector<Ticket> tickets;   // the run's, then those of the downloads
  };
  Status collect_oldest();
  Status hand_out(const UnderWay& collected);
  Status hand_out_rows(const TapOutput& output, HostView view, const IssuedRun& run);

  Backend& backend_;
  RowSink& sink_;
  RowConsumer* consumer_;
  OnCollected on_collected_;
  std::array<UnderWay, kUnderWay> ring_;  // memory is used again
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t most_bytes_ = 0;
  double seconds_ = 0;
};

}  // namespace tepui
