// SPDX-License-Identifier: MIT
// Three ranks of MPI on this machine share the units of a study, and lose one of them.
#include <fmt/format.h>

#include <algorithm>

#include "support/sweep_fixture.h"

namespace tepui {
namespace {

using test::ProgramResult;

class SweepMpi : public test::SweepFixture {
 protected:
  void SetUp() override {
    if (std::string(TEPUI_MPIRUN).empty())
      GTEST_SKIP() << "mpirun was not found when this was built (Debian: openmpi-bin, "
                      "libopenmpi-dev)";
    SweepFixture::SetUp();
    good({"sweep", "study.toml", "--out", "whole"});
  }

  // The rank `dying` is killed so many seconds after the work has begun.
  ProgramResult ranks(const std::string& out, int dying, const std::string& seconds) {
    const std::string script = fmt::format(
        "if [ \"$OMPI_COMM_WORLD_RANK\" = {} ]; then \"$0\" \"$@\" & until [ -e '{}/sweep.json' ]; "
        "do "
        "sleep 0.02; done; sleep {}; kill -KILL $!; wait $!; exit 1; fi; exec \"$0\" \"$@\"",
        dying, out, seconds);
    std::vector<std::string> arguments = {"--allow-run-as-root",
                                          "--oversubscribe",
                                          "--enable-recovery",
                                          "-n",
                                          "3",
                                          "sh",
                                          "-c",
                                          script,
                                          TEPUI_PROGRAM,
                                          "sweep",
                                          "study.toml",
                                          "--threads",
                                          "1",
                                          "--out",
                                          out};
    return test::run_program(
        {std::move(arguments), folder_.path(), {}, 0, "", std::string(TEPUI_MPIRUN)});
  }
};

TEST_F(SweepMpi, RanksShareTheUnits) {
  const ProgramResult result = ranks("ranks", -1, "0");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(results("ranks"), results("whole"));
  int computed = 0;
  for (const char* rank : {"rank 0 of 3: ", "rank 1 of 3: ", "rank 2 of 3: "}) {
    const std::size_t at = result.out.find(rank);
    ASSERT_NE(at, std::string::npos) << result.out;
    computed += std::stoi(result.out.substr(at + std::string(rank).size()));
  }
  EXPECT_EQ(computed, 8) << result.out;
  EXPECT_NE(result.out.find("layer 3"), std::string::npos) << result.out;
}

TEST_F(SweepMpi, ARankThatDiesCostsOnlyItsUnit) {
  for (const char* seconds : {"0", "0.1", "0.3"}) {
    const std::string out = std::string("dead ") + seconds;
    const ProgramResult result = ranks(out, 1, seconds);
    EXPECT_NE(result.out.find("rank 0 of 3: "), std::string::npos) << result.out << result.err;
    EXPECT_EQ(results(out), results("whole")) << seconds;
  }
}

}  // namespace
}  // namespace tepui
