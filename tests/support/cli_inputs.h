// SPDX-License-Identifier: MIT
// What the tests of commands run on: the bundled model with its text, and a tiny one.
#pragma once

#include <string>

#include "support/paths.h"

namespace tepui::test {

inline const std::string kDemo = data_path("demo-model").string();
inline const std::string kSample = data_path("demo-model/sample.txt").string();
inline const std::string kTiny = data_path("golden/llama-gqa-tied-bf16").string();

}  // namespace tepui::test
