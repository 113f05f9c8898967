// SPDX-License-Identifier: MIT
// A backend with a wrong kernel: changes one element of one value of the Programs that it runs, as
// often as a value of that name is computed, or only the n-th time.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "support/forwarding_backend.h"

namespace tepui::test {

struct Corruption {
  std::string value;  // its name in the Program; it must be an output
  std::int64_t element = 0;
  int time = -1;                    // which of the runs that compute it, from 0; -1: every one
  bool whole_only = false;          // leave Programs of one step alone
  std::uint32_t flip = 0x00100000;  // the bits that change: an eighth of a float
};

class CorruptingBackend : public ForwardingBackend {
 public:
  CorruptingBackend(std::unique_ptr<Backend> to, Corruption corruption)
      : ForwardingBackend(std::move(to)), corruption_(std::move(corruption)) {}

  Result<std::unique_ptr<Prepared>> prepare(const Program& program) override {
    auto prepared = ForwardingBackend::prepare(program);
    if (prepared) programs_[prepared->get()] = program;
    return prepared;
  }

  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override {
    const Ticket ticket = ForwardingBackend::run(prepared, bindings, after);
    const Program& program = programs_.at(&prepared);
    if (corruption_.whole_only && program.steps.size() == 1) return ticket;
    for (std::size_t id = 0; id < program.values.size(); ++id) {
      const ValueInfo& info = program.values[id];
      if (info.name != corruption_.value || info.role != Role::output) continue;
      const int time = times_++;
      if (corruption_.time >= 0 && time != corruption_.time) continue;
      damage(bindings[id], info.type);
    }
    return ticket;
  }

 private:
  void damage(const BufferSlice& slice, const TensorType& type) {
    std::vector<std::uint32_t> words(slice.bytes / sizeof(std::uint32_t));
    const auto bytes = std::as_writable_bytes(std::span(words));
    EXPECT_EQ(dtype_bytes(type.dtype), sizeof(std::uint32_t));
    EXPECT_TRUE(to_->wait(to_->download(bytes, slice, {})));
    words.at(static_cast<std::size_t>(corruption_.element)) ^= corruption_.flip;
    EXPECT_TRUE(to_->wait(to_->upload(slice, bytes, {})));
  }

  Corruption corruption_;
  int times_ = 0;
  std::map<const Prepared*, Program> programs_;
};

}  // namespace tepui::test
