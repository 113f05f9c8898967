// SPDX-License-Identifier: MIT
// A store survives what happens to processes: a kill between rows, a full disk, a second writer, a
// run of another identity, a damaged file, a folder that cannot be written.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/mapped_file.h"
#include "store/export.h"
#include "store/reader.h"
#include "store/schema.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

using test::TemporaryFolder;

constexpr int kSequences = 6;

// Runs `work` in a child process; returns its exit code, or -signal.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Result<StoreWriter> open_store(const std::filesystem::path& folder) {
  TEPUI_TRY(auto store,
            StoreWriter::open_or_create(folder, test::planted_identity(), test::planted_run()));
  const auto input = test::planted_input(kSequences);
  TEPUI_TRY(store.write_input(input.sequences, input.vocabulary));
  return store;
}

Status add_sequence(RowSink& sink, int sequence) {
  for (int layer = 0; layer < 3; ++layer) {
    const float large = 1000.0F + static_cast<float>(10 * sequence + layer);
    TEPUI_TRY(test::add_place(
        sink, {sequence, {layer, Site::resid_post}, 0.7F, {{0, 5, large}, {3, 1, -12.3F}}}));
    const std::vector<float> values(300, large);
    TEPUI_TRY(sink.add(Series{sequence, {layer, Site::resid_post}, "l2_norm", values, {}}));
  }
  return {};
}

Status add_unit(StoreWriter& store, int first, int last) {
  TEPUI_TRY(store.begin_unit(first, last));
  for (int sequence = first; sequence < last; ++sequence) TEPUI_TRY(add_sequence(store, sequence));
  return store.end_unit();
}

std::string whole_export(const std::filesystem::path& store_folder) {
  TemporaryFolder out;
  auto store = StoreReader::open(store_folder);
  if (!store) return store.error().message;
  std::string all;
  for (const auto format : {ExportFormat::csv, ExportFormat::json_lines}) {
    const auto done = export_to_folder(*store, kExportTables, format, out.path());
    if (!done) return done.error().message;
  }
  for (const char* name : {"sequences", "vocabulary", "observations", "series"})
    for (const char* ending : {".csv", ".jsonl"})
      all += read_file(out.path() / (std::string(name) + ending)).value();
  return all;
}

TEST(Durability, AKillBetweenRowsLosesOnlyTheUnitInHand) {
  TemporaryFolder whole, broken;
  {
    auto store = open_store(whole.path());
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE(add_unit(*store, 0, 3));
    ASSERT_TRUE(add_unit(*store, 3, 6));
    ASSERT_TRUE(store->finish());
  }
  const int ended = in_child([&] {
    auto store = open_store(broken.path());
    if (!store || !add_unit(*store, 0, 2)) return 1;
    if (!store->begin_unit(2, 4) || !add_sequence(*store, 2)) return 2;
    ::kill(::getpid(), SIGKILL);
    return 3;
  });
  ASSERT_EQ(ended, -SIGKILL);
  {
    auto reader = StoreReader::open(broken.path());
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ(reader->finished().value(), (std::vector<int>{0, 1}));
    EXPECT_TRUE(reader->points(2).value().empty());
    EXPECT_FALSE(reader->points(1).value().empty());
  }
  auto store = open_store(broken.path());
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(store->finished_sequences().value(),
            (std::vector<bool>{true, true, false, false, false, false}));
  EXPECT_FALSE(store->begin_unit(1, 3));  // sequence 1 is done
  ASSERT_TRUE(add_unit(*store, 2, 3));    // other boundaries than before
  ASSERT_TRUE(add_unit(*store, 3, 5));
  ASSERT_TRUE(add_unit(*store, 5, 6));
  ASSERT_TRUE(store->finish());
  EXPECT_EQ(whole_export(broken.path()), whole_export(whole.path()));
  EXPECT_GT(whole_export(whole.path()).size(), 10000U);
}

// Writes what is missing, a sequence a unit; returns 0 when all is there.
int write_missing(const std::filesystem::path& folder) {
  auto store = open_store(folder);
  if (!store) return 1;
  const auto finished = store->finished_sequences();
  if (!finished) return 2;
  for (int sequence = 0; sequence < kSequences; ++sequence)
    if (!(*finished)[static_cast<std::size_t>(sequence)] &&
        !add_unit(*store, sequence, sequence + 1))
      return 3;
  return store->finish() ? 0 : 4;
}

TEST(Durability, KillsAtAnyMomentEndInTheSameExport) {
  TemporaryFolder whole;
  ASSERT_EQ(in_child([&] { return write_missing(whole.path()); }), 0);
  const std::string expected = whole_export(whole.path());
  int kills = 0;
  for (int round = 0; round < 6; ++round) {
    TemporaryFolder broken;
    // From the first moments, when the file is made, to the last.
    for (int delay = 200 + 300 * round;; delay += 1500) {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(write_missing(broken.path()));
      ::usleep(static_cast<useconds_t>(delay));
      ::kill(child, SIGKILL);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (WIFEXITED(status)) {
        ASSERT_EQ(WEXITSTATUS(status), 0);
        break;
      }
      ++kills;
    }
    ASSERT_EQ(whole_export(broken.path()), expected);
  }
  EXPECT_GT(kills, 0);
}

TEST(Durability, AClosedOutputIsAClearError) {
  TemporaryFolder folder;
  ASSERT_EQ(in_child([&] { return write_missing(folder.path()); }), 0);
  const int ended = in_child([&] {
    const int full = ::open("/dev/full", O_WRONLY);
    if (full < 0 || ::dup2(full, STDOUT_FILENO) < 0) return 1;
    auto store = StoreReader::open(folder.path());
    if (!store) return 2;
    const auto done = export_to_stdout(*store, ExportTable::series, ExportFormat::csv);
    if (done || done.error().kind != ErrorKind::io) return 3;
    return done.error().message.find("standard output: cannot be written") == 0 ? 0 : 4;
  });
  EXPECT_EQ(ended, 0);
}

TEST(Durability, AnotherIdentityIsRefusedByTheFieldsThatDiffer) {
  TemporaryFolder folder;
  {
    auto store = open_store(folder.path());
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->begin_unit(0, 1));
    ASSERT_TRUE(store->end_unit());
  }
  auto identity = test::planted_identity();
  identity["text"] = "ffff";
  identity["options"]["context"] = 16;
  const auto refused = StoreWriter::open_or_create(folder.path(), identity, test::planted_run());
  ASSERT_FALSE(refused);
  const auto file = (folder.path() / kStoreFile).string();
  EXPECT_EQ(refused.error().message,
            file +
                ": this store was made with options.context = 8, but this run has 16, with text "
                "= \"c3d4\", but this run has \"ffff\"; choose another --out, or run with the same "
                "options to continue it");
  identity = test::planted_identity();
  identity.erase("model");
  const auto missing = StoreWriter::open_or_create(folder.path(), identity, test::planted_run());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("model = \"a1b2\", but this run has nothing"),
            std::string::npos);
}

// It ended before it had any: its options are not in the way of others.
TEST(Durability, AStoreWithoutResultsGivesWayToTheSameCommand) {
  TemporaryFolder folder;
  {
    auto store =
        StoreWriter::open_or_create(folder.path(), test::planted_identity(), test::planted_run());
    ASSERT_TRUE(store);
    const auto input = test::planted_input(kSequences);
    ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
  }
  auto identity = test::planted_identity();
  identity["kind"] = "perplexity";
  EXPECT_FALSE(StoreWriter::open_or_create(folder.path(), identity, test::planted_run()));
  identity = test::planted_identity();
  identity["text"] = "ffff";
  {
    auto store = StoreWriter::open_or_create(folder.path(), identity, test::planted_run());
    ASSERT_TRUE(store) << store.error().message;
    const auto input = test::planted_input(2);
    ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
  }
  auto reader = StoreReader::open(folder.path());
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->identity().value(), identity);
  EXPECT_EQ(reader->sequences().value().size(), 2U);
  EXPECT_EQ(reader->runs().value().size(), 1U);
}

TEST(Durability, AnotherInputIsRefused) {
  TemporaryFolder folder;
  ASSERT_TRUE(open_store(folder.path()));
  auto store =
      StoreWriter::open_or_create(folder.path(), test::planted_identity(), test::planted_run());
  ASSERT_TRUE(store);
  auto input = test::planted_input(kSequences);
  EXPECT_TRUE(store->write_input(input.sequences, input.vocabulary));
  input.sequences[3].tokens[2] = 12;
  EXPECT_FALSE(store->write_input(input.sequences, input.vocabulary));
}

TEST(Durability, TheSecondWriterIsTurnedAway) {
  TemporaryFolder folder;
  {
    auto first = open_store(folder.path());
    ASSERT_TRUE(first);
    const auto second = open_store(folder.path());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another process is writing"), std::string::npos);
    EXPECT_TRUE(StoreReader::open(folder.path()));  // a reader may look on
  }
  EXPECT_TRUE(open_store(folder.path()));
}

TEST(Durability, AFullDiskIsAClearErrorAndKeepsFinishedUnits) {
  TemporaryFolder folder;
  const int ended = in_child([&] {
    auto store = open_store(folder.path());
    if (!store || !add_unit(*store, 0, 1)) return 1;
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {40000, 40000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    if (!store->begin_unit(1, 6)) return 2;
    Status done;
    for (int sequence = 1; sequence < 6 && done; ++sequence) done = add_sequence(*store, sequence);
    if (done) done = store->end_unit();
    if (done) return 3;
    const std::string& message = done.error().message;
    const bool clear = message.find(kStoreFile) != std::string::npos &&
                       message.find("cannot be written") != std::string::npos;
    return clear && done.error().kind == ErrorKind::io ? 0 : 4;
  });
  EXPECT_EQ(ended, 0);
  auto reader = StoreReader::open(folder.path());
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->finished().value(), std::vector<int>{0});
}

TEST(Durability, AFolderThatCannotBeWrittenIsAClearError) {
  TemporaryFolder folder;
  test::write_file(folder.path() / "file", "x");
  const auto below_a_file = open_store(folder.path() / "file" / "out");
  ASSERT_FALSE(below_a_file);
  EXPECT_NE(below_a_file.error().message.find("file/out"), std::string::npos);

  {
    auto store = open_store(folder.path() / "store");
    ASSERT_TRUE(store && add_unit(*store, 0, 2) && store->finish());
  }
  namespace fs = std::filesystem;
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(folder.path() / "store", fs::perms(0555));
  for (const auto& entry : fs::directory_iterator(folder.path() / "store"))
    fs::permissions(entry.path(), fs::perms(0444));
  const int ended = in_child([&] {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return 1;  // root may write anywhere
    const auto refused = open_store(folder.path() / "store");
    if (refused || refused.error().kind != ErrorKind::io) return 2;
    if (refused.error().message.find("Permission denied") == std::string::npos) return 3;
    auto reader = StoreReader::open(folder.path() / "store");
    if (!reader || reader->finished().value_or(std::vector<int>{}).size() != 2) return 4;
    return reader->points(1).value_or(std::vector<Point>{}).size() == 3 ? 0 : 5;
  });
  EXPECT_EQ(ended, 0);
  fs::permissions(folder.path() / "store", fs::perms(0755));
}

TEST(Durability, AnUnfinishedStoreIsReadFromAReadOnlyFolder) {
  TemporaryFolder folder;
  namespace fs = std::filesystem;
  fs::permissions(folder.path(), fs::perms(0755));
  {
    auto store = open_store(folder.path() / "store");
    ASSERT_TRUE(store && add_unit(*store, 0, 2));  // not finished: the file stays in WAL mode
  }
  fs::permissions(folder.path() / "store", fs::perms(0555));
  const int ended = in_child([&] {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return 1;
    auto reader = StoreReader::open(folder.path() / "store");
    return reader && reader->points(1).value_or(std::vector<Point>{}).size() == 3 ? 0 : 2;
  });
  EXPECT_EQ(ended, 0);
  fs::permissions(folder.path() / "store", fs::perms(0755));
}

TEST(Durability, DamagedAndForeignFilesAreNamed) {
  TemporaryFolder folder;
  const auto file = folder.path() / kStoreFile;
  const auto expect_both = [&](const char* part) {
    const auto reader = StoreReader::open(folder.path());
    ASSERT_FALSE(reader);
    EXPECT_NE(reader.error().message.find(part), std::string::npos) << reader.error().message;
    const auto writer = open_store(folder.path());
    ASSERT_FALSE(writer);
    EXPECT_NE(writer.error().message.find(part), std::string::npos) << writer.error().message;
    EXPECT_EQ(writer.error().message.find('\n'), std::string::npos);
  };
  test::write_file(file, std::string(8192, 'x'));
  expect_both("expected a sound SQLite database");
  EXPECT_EQ(read_file(file).value(), std::string(8192, 'x'));
  std::filesystem::remove(file);
  {
    auto other = Database::open(file, Database::Mode::create);
    ASSERT_TRUE(other && other->execute("CREATE TABLE holiday (day TEXT)"));
  }
  expect_both("found another SQLite database");
  std::filesystem::remove(file);
  {
    ASSERT_TRUE(open_store(folder.path()));
    auto newer = Database::open(file, Database::Mode::write);
    ASSERT_TRUE(newer && newer->execute("PRAGMA user_version = 3"));
  }
  expect_both("found version 3");
  const auto absent = StoreReader::open(folder.path() / "nowhere");
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message.find("found no such file"), std::string::npos);
}

TEST(Durability, ACutFileIsAnErrorNotACrash) {
  TemporaryFolder folder;
  {
    auto store = open_store(folder.path());
    ASSERT_TRUE(store && add_unit(*store, 0, 6) && store->finish());
  }
  const auto file = folder.path() / kStoreFile;
  const std::string whole = read_file(file).value();
  for (const std::size_t size : {100U, 4096U, 5000U, 20000U}) {
    ASSERT_LT(size, whole.size());
    test::write_file(file, whole.substr(0, size));
    const std::string answer = whole_export(folder.path());
    EXPECT_NE(answer.find("expected a sound SQLite database"), std::string::npos)
        << size << ": " << answer.substr(0, 200);
  }
}

}  // namespace
}  // namespace tepui
