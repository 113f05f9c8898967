// SPDX-License-Identifier: MIT
// .npz files: read back by libzip and by hand, the same bytes each time, and nothing left of what
// failed. That numpy reads them is tested from the command line (cli/export_test).
#include "store/npz.h"

#include <gtest/gtest.h>
#include <zip.h>

#include <cmath>
#include <cstring>
#include <map>

#include "base/mapped_file.h"
#include "store/export_npz.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

using test::TemporaryFolder;

std::map<std::string, std::string> members_of(const std::filesystem::path& path) {
  std::map<std::string, std::string> members;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, nullptr);
  EXPECT_NE(archive, nullptr);
  if (archive == nullptr) return members;
  for (zip_int64_t at = 0; at < zip_get_num_entries(archive, 0); ++at) {
    zip_stat_t facts;
    EXPECT_EQ(zip_stat_index(archive, static_cast<zip_uint64_t>(at), 0, &facts), 0);
    EXPECT_EQ(facts.comp_method, ZIP_CM_STORE);
    std::string bytes(facts.size, '\0');
    zip_file_t* file = zip_fopen_index(archive, static_cast<zip_uint64_t>(at), 0);
    EXPECT_EQ(zip_fread(file, bytes.data(), bytes.size()), static_cast<zip_int64_t>(bytes.size()));
    zip_fclose(file);
    members[facts.name] = bytes;
  }
  zip_discard(archive);
  return members;
}

// The header's text and the data behind it, by the definition of the format.
std::pair<std::string, std::string> parts_of(const std::string& npy) {
  EXPECT_EQ(npy.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(npy[8])) +
                      256 * static_cast<std::size_t>(static_cast<unsigned char>(npy[9]));
  EXPECT_EQ((10 + length) % 64, 0U);
  EXPECT_EQ(npy[9 + length], '\n');
  return {npy.substr(10, length), npy.substr(10 + length)};
}

template <class T>
std::vector<T> values_of(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(Npz, SmallArraysAreWrittenByTheDefinition) {
  TemporaryFolder folder;
  const auto path = folder.path() / "deep/arrays.npz";
  const std::vector<NpzArray> arrays = {
      npz_integers("numbers", {1, -2, 1LL << 40}), npz_reals("reals", {0.1, -0.0, std::nan("")}),
      npz_texts("texts", {"a", "\u4e2d\U0001F600", std::string("x\0", 2)}),
      npz_integers("none", {})};
  const Status written = write_npz(path, arrays);
  ASSERT_TRUE(written) << written.error().message;
  const auto members = members_of(path);
  ASSERT_EQ(members.size(), 4U);
  const auto [header, numbers] = parts_of(members.at("numbers.npy"));
  EXPECT_EQ(header.substr(0, header.find('}') + 1),
            "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }");
  EXPECT_EQ(values_of<std::int64_t>(numbers), (std::vector<std::int64_t>{1, -2, 1LL << 40}));
  const auto reals = values_of<double>(parts_of(members.at("reals.npy")).second);
  EXPECT_EQ(reals[0], 0.1);
  EXPECT_TRUE(std::signbit(reals[1]));
  EXPECT_TRUE(std::isnan(reals[2]));
  const auto [text_header, texts] = parts_of(members.at("texts.npy"));
  EXPECT_NE(text_header.find("'<U5'"), std::string::npos) << text_header;
  EXPECT_EQ(values_of<std::uint32_t>(texts),
            (std::vector<std::uint32_t>{'a', 0, 0, 0, 0, 0x4e2d, 0x1F600, 0, 0, 0, 'x', '\\', 'x',
                                        '0', '0'}));
  EXPECT_EQ(parts_of(members.at("none.npy")).second, "");
}

TEST(Npz, TheSameArraysGiveTheSameBytes) {
  TemporaryFolder folder;
  const std::vector<NpzArray> arrays = {npz_integers("a", {1, 2}), npz_texts("b", {"x"})};
  ASSERT_TRUE(write_npz(folder.path() / "one.npz", arrays));
  ::setenv("TZ", "Asia/Tokyo", 1);
  ASSERT_TRUE(write_npz(folder.path() / "two.npz", arrays));
  ASSERT_TRUE(write_npz(folder.path() / "two.npz", arrays));  // over an older one
  ::unsetenv("TZ");
  EXPECT_EQ(read_file(folder.path() / "one.npz").value(),
            read_file(folder.path() / "two.npz").value());
}

TEST(Npz, WhatFailsLeavesNothing) {
  TemporaryFolder folder;
  NpzArray wrong = npz_integers("wrong", {1, 2});
  wrong.shape = {3};
  const Status few = write_npz(folder.path() / "few.npz", std::vector{wrong});
  ASSERT_FALSE(few);
  EXPECT_NE(few.error().message.find("array wrong: expected 24 bytes, found 16"), std::string::npos)
      << few.error().message;
  wrong.begin = [] {
    return []() -> Result<std::string> { return fail(ErrorKind::data, "the store is torn"); };
  };
  const Status torn = write_npz(folder.path() / "torn.npz", std::vector{wrong});
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().message, "the store is torn");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  test::write_file(folder.path() / "file", "x");
  EXPECT_FALSE(write_npz(folder.path() / "file/inside.npz", std::vector{npz_integers("a", {1})}));
  EXPECT_FALSE(write_npz("/proc/none.npz", std::vector{npz_integers("a", {1})}));
}

TEST(Npz, AStoreBecomesArraysWithGapsMarked) {
  TemporaryFolder folder;
  constexpr Point kLayer0{0, Site::resid_post};
  constexpr Point kLayer2{2, Site::resid_post};
  {
    auto store =
        StoreWriter::open_or_create(folder.path(), test::planted_identity(), test::planted_run());
    ASSERT_TRUE(store);
    const auto input = test::planted_input(2);
    ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
    ASSERT_TRUE(store->begin_unit(0, 1));
    ASSERT_TRUE(test::add_place(*store, {0, kLayer0, 1.0F, {{3, 4, -50.0F}, {1, 2, 20.0F}}}));
    const std::vector<float> three = {1, -2, 3};
    const std::vector<std::uint32_t> places = {7, 8, 4294967295U};
    ASSERT_TRUE(store->add(Series{0, kLayer0, "token_max", three, places}));
    ASSERT_TRUE(store->add(Series{0, kLayer0, "first_only", three, {}}));
    ASSERT_TRUE(store->end_unit());
    ASSERT_TRUE(store->begin_unit(1, 2));
    ASSERT_TRUE(test::add_place(*store, {1, kLayer2, 2.0F, {{5, 6, 70.0F}}}));
    const std::vector<float> two = {5, 6};
    const std::vector<std::uint32_t> both = {1, 2};
    ASSERT_TRUE(store->add(Series{1, kLayer2, "token_max", two, both}));
    ASSERT_TRUE(store->end_unit());
    ASSERT_TRUE(store->finish());
  }
  auto store = StoreReader::open(folder.path());
  ASSERT_TRUE(store);
  const auto arrays = store_arrays(*store);
  ASSERT_TRUE(arrays) << arrays.error().message;
  ASSERT_TRUE(write_npz(folder.path() / "s.npz", *arrays));
  const auto members = members_of(folder.path() / "s.npz");
  const auto data = [&](const std::string& name) {
    const auto found = members.find("resid_post." + name + ".npy");
    EXPECT_NE(found, members.end()) << name;
    return found == members.end() ? std::string() : parts_of(found->second).second;
  };
  EXPECT_EQ(values_of<std::int64_t>(data("layer")), (std::vector<std::int64_t>{0, 2}));
  // [2 sequences, 2 layers, 2 ranks]
  const auto top = values_of<float>(data("top_k"));
  ASSERT_EQ(top.size(), 8U);
  EXPECT_EQ(top[0], -50.0F);
  EXPECT_EQ(top[1], 20.0F);
  EXPECT_EQ(top[6], 70.0F);
  for (const std::size_t gap : {2U, 3U, 4U, 5U, 7U}) EXPECT_TRUE(std::isnan(top[gap])) << gap;
  EXPECT_EQ(values_of<std::int64_t>(data("top_k_channel")),
            (std::vector<std::int64_t>{4, 2, -1, -1, -1, -1, 6, -1}));
  const auto counts = values_of<float>(data("above_count"));
  ASSERT_EQ(counts.size(), 4U);
  EXPECT_EQ(counts[0], 2.0F);
  EXPECT_EQ(counts[3], 1.0F);
  EXPECT_EQ(values_of<float>(data("above")), (std::vector<float>{20, -50, 70}));
  EXPECT_EQ(values_of<std::int64_t>(data("above_sequence")), (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(values_of<std::int64_t>(data("above_layer")), (std::vector<std::int64_t>{0, 0, 2}));
  EXPECT_EQ(values_of<std::int64_t>(data("token_max_at")),
            (std::vector<std::int64_t>{7, 8, 4294967295, -1, -1, -1, -1, -1, -1, 1, 2, -1}));
  // Not every sequence has it: its first axis is named.
  EXPECT_EQ(values_of<std::int64_t>(data("first_only_sequence")), std::vector<std::int64_t>{0});
  EXPECT_EQ(values_of<float>(data("first_only")).size(), 6U);
}

}  // namespace
}  // namespace tepui
