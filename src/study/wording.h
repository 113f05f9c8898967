// SPDX-License-Identifier: MIT
// Numbers, lists and tokens as a reader should see them in a sentence or a table cell: three or
// four digits, singular and plural, tokens in quotes with everything invisible or misleading
// spelled out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tepui {

enum class Letters { unicode, ascii };

// Three digits that matter, integers from 100 on: 1.41, 47.4, 2811, 7.81e+05; -0 is 0.
std::string rounded(double value);

// "1 layer", "2 layers": for words whose plural is an s.
std::string counted(std::int64_t count, std::string_view noun);

// "So far 3 of 10 sequences are scanned." of a run that was broken off; empty of a whole one.
std::string so_far(std::size_t done, std::size_t all, std::string_view what);

// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& items);

// Ascending integers as ranges: "1 to 6, 8 and 9".
std::string ranges(const std::vector<std::int64_t>& ascending);

// A token's bytes in quotes. Control, format (bidirectional, zero-width), unassigned and lone
// combining characters stand as \n, \t or \u{202E}, bytes outside UTF-8 as \xF0, quotes and
// backslashes behind a backslash; in ASCII everything else too. At most `columns` wide, then cut
// with an ellipsis before the closing quote (0: not cut).
std::string quoted(std::string_view bytes, Letters letters, int columns = 0);

// The same without quotes and with nothing behind a backslash that shows by itself: for names,
// paths and commands, which may hold anything.
std::string spelled_out(std::string_view bytes, Letters letters);

// Columns that valid UTF-8 takes on a terminal.
int display_width(std::string_view text);

// Lines of at most `columns`, broken at blanks only; line breaks of the text stay.
std::string wrapped(std::string_view text, int columns);

}  // namespace tepui
