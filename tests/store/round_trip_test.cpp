// SPDX-License-Identifier: MIT
// What is written is read back, bit for bit, and exported in a fixed form.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/mapped_file.h"
#include "store/branch_tables.h"
#include "store/export.h"
#include "store/reader.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

using test::TemporaryFolder;

constexpr Point kPost0 = {0, Site::resid_post};

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST(RoundTrip, ValuesComeBackBitForBit) {
  const std::vector<float> hard = {0.1F,
                                   -0.0F,
                                   3.0F,
                                   std::numeric_limits<float>::denorm_min(),
                                   std::numeric_limits<float>::max(),
                                   -std::numeric_limits<float>::infinity(),
                                   16777216.0F,
                                   1.0F / 3.0F};
  TemporaryFolder folder;
  {
    auto store =
        StoreWriter::open_or_create(folder.path(), test::planted_identity(), test::planted_run());
    ASSERT_TRUE(store) << store.error().message;
    const auto input = test::planted_input(1);
    ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
    ASSERT_TRUE(store->begin_unit(0, 1));
    for (int rank = 0; rank < static_cast<int>(hard.size()); ++rank) {
      const Observation row{0, kPost0, "top_k", rank, 0.1, rank, 7, hard[std::size_t(rank)]};
      ASSERT_TRUE(store->add(row));
    }
    const float nan = std::numeric_limits<float>::quiet_NaN();
    ASSERT_TRUE(store->add(Observation{0, kPost0, "top_k", 8, 0, 0, 0, nan}));
    const std::vector<std::uint32_t> places = {0, 1, 2, 4294967295U, 4, 5, 6, 7};
    ASSERT_TRUE(store->add(Series{0, kPost0, "channel_max", hard, places}));
    ASSERT_TRUE(store->add(Series{0, {-1, Site::final_norm}, "l2_norm", hard, {}}));
    ASSERT_TRUE(store->end_unit());
    ASSERT_TRUE(store->finish());
  }
  auto store = StoreReader::open(folder.path());
  ASSERT_TRUE(store) << store.error().message;
  const auto rows = store->observations(0, kPost0).value();
  ASSERT_EQ(rows.size(), 9U);
  for (std::size_t at = 0; at < hard.size(); ++at) {
    EXPECT_EQ(bits(rows[at].value), bits(hard[at])) << at;
    EXPECT_EQ(rows[at].parameter, 0.1);
  }
  EXPECT_TRUE(std::isnan(rows[8].value));
  const auto series = store->series(0, kPost0).value();
  ASSERT_EQ(series.size(), 1U);
  for (std::size_t at = 0; at < hard.size(); ++at)
    EXPECT_EQ(bits(series[0].values[at]), bits(hard[at]));
  EXPECT_EQ(series[0].indices[3], 4294967295U);
  EXPECT_TRUE(store->series(0, {-1, Site::final_norm}).value()[0].indices.empty());
  const auto input = test::planted_input(1);
  EXPECT_EQ(store->sequences().value(), input.sequences);
  EXPECT_EQ(store->vocabulary().value(), input.vocabulary);
  EXPECT_EQ(store->run().value(), test::planted_run());
  EXPECT_EQ(store->identity().value(), test::planted_identity());
  EXPECT_EQ(store->units().value(), (std::vector<UnitRange>{{0, 1}}));
}

TEST(RoundTrip, PlacesComeInOrderOfComputation) {
  TemporaryFolder folder;
  const std::vector<Point> wanted = {{-1, Site::embeddings}, {0, Site::attn_out},
                                     {0, Site::resid_post},  {2, Site::attn_out},
                                     {10, Site::resid_pre},  {-1, Site::final_norm}};
  std::vector<test::PlantedPlace> places;
  for (const std::size_t at : {4U, 0U, 5U, 2U, 1U, 3U})
    places.push_back({0, wanted[at], 1, {{0, 0, 5.0F}}});
  ASSERT_TRUE(test::plant(folder.path(), test::planted_input(1), places));
  auto store = StoreReader::open(folder.path());
  ASSERT_TRUE(store);
  EXPECT_EQ(store->points().value(), wanted);
  EXPECT_EQ(store->points(0).value(), wanted);
  EXPECT_TRUE(store->points(1).value().empty());
}

std::string exported(const std::filesystem::path& folder, ExportTable table, ExportFormat format) {
  auto store = StoreReader::open(folder);
  if (!store) return store.error().message;
  std::string text;
  const auto done = export_table(*store, table, format, [&](std::string_view piece) -> Status {
    text += piece;
    return {};
  });
  return done ? text : done.error().message;
}

TEST(Export, TablesHaveTheDocumentedForm) {
  TemporaryFolder folder;
  const float inf = std::numeric_limits<float>::infinity();
  test::PlantedPlace place{0, {-1, Site::embeddings}, 0.1F, {{2, 3, -inf}, {0, 1, 0.3F}}};
  ASSERT_TRUE(test::plant(folder.path(), test::planted_input(1), {place}));
  EXPECT_EQ(exported(folder.path(), ExportTable::sequences, ExportFormat::csv),
            "sequence,source,first_token,has_bos,tokens\n"
            "0,sample.txt,0,1,1 10 11 12 11 13 14 15\n");
  EXPECT_EQ(exported(folder.path(), ExportTable::sequences, ExportFormat::json_lines),
            "{\"sequence\":0,\"source\":\"sample.txt\",\"first_token\":0,\"has_bos\":1,"
            "\"tokens\":[1,10,11,12,11,13,14,15]}\n");
  EXPECT_EQ(exported(folder.path(), ExportTable::vocabulary, ExportFormat::csv),
            "token_id,piece,bytes\n"
            "1,<s>,<s>\n"
            "10,\u2581The,\" The\"\n"
            "11,.,.\n"
            "12,\u4e2d,\u4e2d\n"
            "13,<script>,\"<script>\"\"'&\\\\\"\n"
            "14,<0xF0>,\\xF0\n"
            "15,\u202e,\"\u202e\n\x01\U0001F600\"\n");
  EXPECT_EQ(exported(folder.path(), ExportTable::observations, ExportFormat::csv),
            "branch,sequence,layer,site,metric,rank,parameter,position,channel,value\n"
            "0,0,,embeddings,above,0,10,2,3,-inf\n"
            "0,0,,embeddings,above_count,-1,10,-1,-1,1\n"
            "0,0,,embeddings,quantile,0,0.25,-1,-1,0.05\n"
            "0,0,,embeddings,quantile,1,0.5,-1,-1,0.1\n"
            "0,0,,embeddings,quantile,2,0.99,-1,-1,0.3\n"
            "0,0,,embeddings,top_k,0,0,2,3,-inf\n"
            "0,0,,embeddings,top_k,1,0,0,1,0.3\n");
  const auto lines = exported(folder.path(), ExportTable::observations, ExportFormat::json_lines);
  EXPECT_EQ(lines.substr(0, lines.find('\n')),
            "{\"branch\":0,\"sequence\":0,\"layer\":null,\"site\":\"embeddings\",\"metric\":"
            "\"above\",\"rank\":0,"
            "\"parameter\":10,\"position\":2,\"channel\":3,\"value\":\"-inf\"}");
}

TEST(Export, SeriesAreExpanded) {
  TemporaryFolder folder;
  auto writer =
      StoreWriter::open_or_create(folder.path(), test::planted_identity(), test::planted_run());
  ASSERT_TRUE(writer);
  const auto input = test::planted_input(1);
  ASSERT_TRUE(writer->write_input(input.sequences, input.vocabulary));
  ASSERT_TRUE(writer->begin_unit(0, 1));
  const std::vector<float> values = {1.5F, -0.1F};
  const std::vector<std::uint32_t> at = {4, 0};
  ASSERT_TRUE(writer->add(Series{0, kPost0, "token_max", values, at}));
  ASSERT_TRUE(writer->add(Series{0, kPost0, "l2_norm", values, {}}));
  ASSERT_TRUE(writer->end_unit());
  EXPECT_EQ(exported(folder.path(), ExportTable::series, ExportFormat::csv),
            "branch,sequence,layer,site,metric,index,value,at\n"
            "0,0,0,resid_post,l2_norm,0,1.5,\n"
            "0,0,0,resid_post,l2_norm,1,-0.1,\n"
            "0,0,0,resid_post,token_max,0,1.5,4\n"
            "0,0,0,resid_post,token_max,1,-0.1,0\n");
}

std::string table_text(const std::filesystem::path& folder, const std::string& name) {
  auto store = StoreReader::open(folder);
  if (!store) return store.error().message;
  const auto tables = branch_tables(*store);
  if (!tables) return tables.error().message;
  std::string text;
  for (const DataTable& table : *tables) {
    if (table.name != name) continue;
    const Status done = write_table(table, ExportFormat::csv, [&](std::string_view part) -> Status {
      text += part;
      return {};
    });
    EXPECT_TRUE(done);
  }
  return text;
}

TEST(Export, BranchesAndWhatTheyAreWorth) {
  TemporaryFolder folder;
  {
    auto writer =
        StoreWriter::open_or_create(folder.path(), test::planted_identity(), test::planted_run());
    ASSERT_TRUE(writer);
    const auto input = test::planted_input(1);
    ASSERT_TRUE(writer->write_input(input.sequences, input.vocabulary));
    const BranchRow branches[] = {{"unedited", ""}, {"none, or \"all\"", "resid_post.0:0:1=zero"}};
    const CalibrationRow means[] = {{kPost0, 3, true, 2, -1.5, 0.25}};
    ASSERT_TRUE(writer->write_branches(branches, means));
    ASSERT_TRUE(writer->begin_unit(0, 1));
    Observation row;
    row.point = kPost0;
    row.metric = "change";
    row.rank = 0;
    row.value = 0.5F;
    row.branch = 1;
    ASSERT_TRUE(writer->add(row));
    ASSERT_TRUE(writer->add(LikelihoodRow{0, 0, 7, 12.25, 0}));
    ASSERT_TRUE(writer->add(LikelihoodRow{1, 0, 7, std::nan(""), 1.5}));
    ASSERT_TRUE(writer->end_unit());
    EXPECT_TRUE(writer->write_branches(branches, {}));  // the same ones: its means stay
    const auto other = writer->write_branches({branches, 1}, {});
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("found 2 branches that differ"), std::string::npos);
  }
  EXPECT_EQ(table_text(folder.path(), "branches"),
            "branch,name,edits\n0,unedited,\n"
            "1,\"none, or \"\"all\"\"\",resid_post.0:0:1=zero\n");
  EXPECT_EQ(table_text(folder.path(), "likelihoods"),
            "branch,sequence,tokens,nll,kl\n0,0,7,12.25,0\n1,0,7,,1.5\n");
  EXPECT_EQ(
      table_text(folder.path(), "calibration"),
      "layer,site,channel,token_class,count,mean,deviation\n0,resid_post,3,first,2,-1.5,0.25\n");
  EXPECT_EQ(exported(folder.path(), ExportTable::observations, ExportFormat::csv),
            "branch,sequence,layer,site,metric,rank,parameter,position,channel,value\n"
            "1,0,0,resid_post,change,0,0,-1,-1,0.5\n");
}

TEST(Export, LeavesNoHalfFile) {
  TemporaryFolder folder;
  ASSERT_TRUE(test::plant(folder.path() / "store", test::planted_input(1), {}));
  auto store = StoreReader::open(folder.path() / "store");
  ASSERT_TRUE(store);
  ASSERT_TRUE(export_to_folder(*store, kExportTables, ExportFormat::csv, folder.path() / "csv"));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "csv")) {
    EXPECT_EQ(entry.path().extension(), ".csv");
    ++files;
  }
  EXPECT_EQ(files, 4);
  EXPECT_EQ(read_file(folder.path() / "csv" / "sequences.csv").value(),
            exported(folder.path() / "store", ExportTable::sequences, ExportFormat::csv));
  const auto refused = export_to_folder(*store, kExportTables, ExportFormat::csv,
                                        folder.path() / "csv" / "sequences.csv");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::io);
  EXPECT_NE(refused.error().message.find("sequences.csv"), std::string::npos);
  // A name that is taken by a folder: the temporary file is taken away again.
  std::filesystem::create_directories(folder.path() / "taken" / "sequences.csv");
  EXPECT_FALSE(export_to_folder(*store, kExportTables, ExportFormat::csv, folder.path() / "taken"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path() / "taken"), {}), 1);
}

}  // namespace
}  // namespace tepui
