// SPDX-License-Identifier: MIT
// Which files this process has read, so that a command does not write over what it works from.
#pragma once

#include <filesystem>

namespace tepui {

// `descriptor` is open on a regular file.
void note_read_file(int descriptor);
// A file that another library opens by its name.
void note_read_file(const std::filesystem::path& path);

// Whether this is one of them, by whatever name.
bool was_read(const std::filesystem::path& path);

}  // namespace tepui
