// SPDX-License-Identifier: MIT
// How a budget is divided: never more than it, and one wave where weights do not stay.
#include "exec/memory_division.h"

#include <gtest/gtest.h>

#include "backend/registry.h"
#include "support/forwarding_backend.h"
#include "support/paths.h"

namespace tepui {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class Division : public testing::Test {
 protected:
  Division()
      : model_(*open_model(test::data_path("demo-model"))),
        backend_(*make_backend("cpu", {})),
        schedule_(*make_schedule({}, model_.spec.dims.layers)),
        sites_(*SiteSelection::parse("resid_post", model_.spec)),
        metrics_(scan_metrics({})) {}

  Result<MemoryDivision> divide(std::uint64_t budget, int count, bool files = true) {
    sequences_.assign(static_cast<std::size_t>(count), std::vector<TokenId>(256, 1));
    return divide_memory(
        {*backend_, model_, sequences_, schedule_, sites_, metrics_, true, budget, 0, files});
  }
  std::uint64_t least() {
    const auto refused = divide(1, 20);
    EXPECT_FALSE(refused);
    const std::string before = "expected at least ";
    const std::string& message = refused.error().message;
    return std::stoull(message.substr(message.find(before) + before.size())) * kMiB;
  }

  Model model_;
  std::unique_ptr<Backend> backend_;
  Schedule schedule_;
  SiteSelection sites_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::vector<std::vector<TokenId>> sequences_;
};

TEST_F(Division, AllStaysWhereThereIsRoom) {
  const auto found = divide(4096 * kMiB, 20);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->all_resident);
  EXPECT_TRUE(found->keeps_head);
  EXPECT_FALSE(found->spills);
  EXPECT_EQ(found->wave_tokens, 4096);
  EXPECT_EQ(found->chunk_tokens, 512);
}

TEST_F(Division, NoDivisionTakesMoreThanTheBudget) {
  const std::uint64_t enough = least() + 4 * kMiB;
  int streamed = 0;
  for (std::uint64_t budget = enough; budget < enough + 64 * kMiB; budget += kMiB) {
    for (const int count : {1, 20, 3000}) {
      const auto found = divide(budget, count);
      ASSERT_TRUE(found) << found.error().message;
      EXPECT_LE(found->total(), budget);
      if (found->all_resident) continue;
      ++streamed;
      EXPECT_GE(found->wave_tokens, 256 * count) << "the weights pass once";
      EXPECT_EQ(found->spills, found->files > 0);
    }
  }
  EXPECT_GT(streamed, 0);
}

TEST_F(Division, WithoutFilesThereAreSeveralWaves) {
  const auto found = divide(least() + 8 * kMiB, 3000, false);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->spills);
  EXPECT_LT(found->wave_tokens, 256 * 3000);
  EXPECT_LE(found->total(), found->budget);
}

// A GPU computes more rows at once, where there is memory for that in one piece.
TEST_F(Division, AGpuHasChunksOfMoreRows) {
  class Gpu : public test::ForwardingBackend {
   public:
    Gpu(std::unique_ptr<Backend> to, std::uint64_t piece)
        : ForwardingBackend(std::move(to)), info_(ForwardingBackend::device()) {
      info_.threads = 0;
      info_.max_allocation_bytes = piece;
    }
    const DeviceInfo& device() const override { return info_; }

   private:
    DeviceInfo info_;
  };
  const auto chunk_with = [&](std::uint64_t piece, std::uint64_t budget) {
    backend_ = std::make_unique<Gpu>(*make_backend("cpu", {}), piece);
    const auto found = divide(budget, 20);
    EXPECT_TRUE(found) << found.error().message;
    EXPECT_TRUE(!found || found->total() <= budget);
    return found ? *found : MemoryDivision{};
  };
  const MemoryDivision ample = chunk_with(4096 * kMiB, 4096 * kMiB);
  EXPECT_EQ(ample.chunk_tokens, 2048);
  EXPECT_TRUE(ample.all_resident);
  // Half of it fits a piece of so many bytes, a quarter a budget of so many.
  EXPECT_EQ(chunk_with(ample.chunk / 3, 4096 * kMiB).chunk_tokens, 1024);
  const MemoryDivision tight = chunk_with(4096 * kMiB, ample.total() - ample.chunk / 2);
  EXPECT_LT(tight.chunk_tokens, 2048);
  EXPECT_TRUE(tight.all_resident);
  EXPECT_EQ(chunk_with(1, 4096 * kMiB).chunk_tokens, 256) << "a sequence is one in any case";
}

// What a backend's kernels need beside their operands is counted where it can tell.
TEST_F(Division, CountsTheScratchOfKernels) {
  class Roomy : public test::ForwardingBackend {
   public:
    using ForwardingBackend::ForwardingBackend;
    std::size_t scratch_bytes(const Program&) const override { return 64 * kMiB; }
  };
  const auto plain = divide(4096 * kMiB, 20);
  backend_ = std::make_unique<Roomy>(std::move(backend_));
  const auto roomy = divide(4096 * kMiB, 20);
  ASSERT_TRUE(plain && roomy);
  EXPECT_GT(roomy->chunk, plain->chunk + 32 * kMiB);
}

}  // namespace
}  // namespace tepui
