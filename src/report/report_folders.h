// SPDX-License-Identifier: MIT
// Which folders a report is made from.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace tepui {

// `given` as it is, but for a folder of runs, such as a grid of training runs or the stores of a
// sweep: that is neither a store nor a run itself, and its direct subfolders that are one take its
// place, by name.
std::vector<std::string> report_folders(std::span<const std::string> given);

}  // namespace tepui
