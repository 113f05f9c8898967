// SPDX-License-Identifier: MIT
// Verification of a tiny random model, for tests of backends that are right and of some that are
// not.
#pragma once

#include <memory>
#include <string>

#include "study/verify.h"

namespace tepui::test {

std::unique_ptr<Backend> open_backend(const std::string& name);

// Two sequences, 7 and 4 tokens, of a LLaMA of two layers, D = 32, F = 40.
Verification verify_tiny(std::unique_ptr<Backend> first, std::unique_ptr<Backend> second,
                         const std::string& sites = "resid_post");

}  // namespace tepui::test
