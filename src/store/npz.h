// SPDX-License-Identifier: MIT
// Arrays as one .npz file: a zip archive of .npy members (format 1.0), stored without compression
// and without times, so that the same arrays give the same bytes. numpy.load reads it.
// Definition: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tepui/result.h"

namespace tepui {

// Gives an array's bytes piece by piece (little-endian, the last index fastest); an empty piece
// ends them.
using NextPiece = std::function<Result<std::string>()>;

struct NpzArray {
  std::string name;   // the key that numpy.load gives it
  std::string descr;  // "<f4", "<i8", "<U12", ...: kind and bytes of an element
  std::vector<std::int64_t> shape;
  std::function<NextPiece()> begin;  // from the start; an array need not be in memory at once
};

// Small arrays that are in memory. Texts must be valid UTF-8; a NUL in one stands as \x00, since
// numpy drops those at the end.
NpzArray npz_integers(std::string name, const std::vector<std::int64_t>& values);  // <i8
NpzArray npz_reals(std::string name, const std::vector<double>& values);           // <f8
NpzArray npz_texts(std::string name, const std::vector<std::string>& values);      // <U

// The file appears whole or not at all; its folder is made where it is missing. Fails where an
// array gives more or fewer bytes than its shape says.
Status write_npz(const std::filesystem::path& path, std::span<const NpzArray> arrays);

}  // namespace tepui
