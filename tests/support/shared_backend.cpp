// SPDX-License-Identifier: MIT
#include "support/shared_backend.h"

#include <gtest/gtest.h>

#include <map>

namespace tepui::test {
namespace {

using OpenDevices = std::map<std::string, std::shared_ptr<Backend>>;

class CloseAtTheEnd : public testing::EmptyTestEventListener {
 public:
  explicit CloseAtTheEnd(OpenDevices& opened) : opened_(opened) {}
  void OnTestProgramEnd(const testing::UnitTest&) override { opened_.clear(); }

 private:
  OpenDevices& opened_;
};

}  // namespace

Result<std::shared_ptr<Backend>> shared_backend(const std::string& name,
                                                const BackendOptions& options) {
  static OpenDevices opened;
  const auto found = opened.find(name);
  if (found != opened.end()) return found->second;
  TEPUI_TRY(std::shared_ptr<Backend> made, make_backend(name, options));
  if (made->device().threads != 0) return made;  // it computes on threads of this process
  if (opened.empty())                            // gtest owns the listener
    testing::UnitTest::GetInstance()->listeners().Append(new CloseAtTheEnd(opened));
  opened[name] = made;
  return made;
}

}  // namespace tepui::test
