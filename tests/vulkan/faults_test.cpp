// SPDX-License-Identifier: MIT
// Drivers that fail, and devices with little memory: one clear line, nothing lost that was
// computed, and models that do not fit are streamed. The driver's functions are replaced.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "backend/registry.h"
#include "backend/vulkan/device.h"
#include "base/mapped_file.h"
#include "exec/head.h"
#include "store/reader.h"
#include "study/scan.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

// The driver behind, and what its calls do instead.
struct Driver {
  vulkan::DeviceApi real;
  int calls = 0;  // of the function that fails
  int fail_at = -1;
  VkResult result = VK_SUCCESS;
  std::uint64_t memory = UINT64_MAX;  // that can be allocated
  std::uint64_t held = 0;
  std::uint64_t most_held = 0;
  std::map<VkDeviceMemory, std::uint64_t> allocations;
};
Driver driver;
std::mutex counting;  // weights are loaded by a second thread

bool fails() {
  const std::lock_guard lock(counting);
  return driver.calls++ >= driver.fail_at && driver.fail_at >= 0;
}

VkResult submit(VkQueue queue, std::uint32_t count, const VkSubmitInfo* info, VkFence fence) {
  return fails() ? driver.result : driver.real.QueueSubmit(queue, count, info, fence);
}

VkResult wait_semaphores(VkDevice device, const VkSemaphoreWaitInfo* info, std::uint64_t timeout) {
  const VkResult waited = driver.real.WaitSemaphores(device, info, timeout);
  return fails() ? driver.result : waited;
}

VkResult allocate(VkDevice device, const VkMemoryAllocateInfo* info,
                  const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  if (fails()) return driver.result;
  const std::lock_guard lock(counting);
  if (info->allocationSize > driver.memory - driver.held) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  const VkResult made = driver.real.AllocateMemory(device, info, callbacks, memory);
  if (made < 0) return made;
  driver.allocations[*memory] = info->allocationSize;
  driver.held += info->allocationSize;
  driver.most_held = std::max(driver.most_held, driver.held);
  return made;
}

void free_memory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  const std::lock_guard lock(counting);
  driver.held -= driver.allocations[memory];
  driver.allocations.erase(memory);
  driver.real.FreeMemory(device, memory, callbacks);
}

class VulkanFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
    write_file(folder_.path() / "ids.json", ids());
  }
  void TearDown() override {
    vulkan::Device::change_functions(nullptr);
    vulkan::Context::change_devices(nullptr);
  }

  static std::string ids() {
    std::string text = "[";
    for (int i = 0; i < kSequences; ++i)
      text += fmt::format("{}[{},{},{},{},{}]", i == 0 ? "" : ",", i, 2 * i, 3, 59 - i, 7);
    return text + "]";
  }

  // Units of two sequences on a tiny model.
  Result<ScanOutcome> scan(const std::string& out) const {
    ScanRequest request;
    request.model = data_path("golden/llama-gqa-tied-bf16");
    request.corpus.ids = folder_.path() / "ids.json";
    request.backend = "vulkan";
    request.wave = 10;
    request.out = folder_.path() / out;
    return run_scan(request, {});
  }

  template <class Function>
  void fail(Function vulkan::DeviceApi::*function, Function instead, int at, VkResult result) {
    driver = {};
    driver.fail_at = at;
    driver.result = result;
    vulkan::Device::change_functions([=](vulkan::DeviceApi& api) {
      driver.real = api;
      api.*function = instead;
    });
  }

  int finished(const std::string& out) const {
    auto store = StoreReader::open(folder_.path() / out);
    EXPECT_TRUE(store) << store.error().message;
    return static_cast<int>(store->finished().value().size());
  }

  std::string exported(const std::string& out) const {
    const ProgramResult result = run_tepui(
        {"export", (folder_.path() / out).string(), "--table", "observations", "--out", "-"});
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }

  // Breaks a scan midway, and has it go on with a driver that works.
  template <class Function>
  void break_midway(Function vulkan::DeviceApi::*function, Function instead, VkResult result,
                    const std::string& says) {
    fail(function, instead, -1, result);
    ASSERT_TRUE(scan("whole"));
    const int calls = driver.calls;
    ASSERT_GT(calls, 20);
    fail(function, instead, calls * 2 / 3, result);
    const auto broken = scan("broken");
    ASSERT_FALSE(broken);
    EXPECT_NE(broken.error().message.find(says), std::string::npos) << broken.error().message;
    EXPECT_EQ(broken.error().message.find('\n'), std::string::npos);
    const int kept = finished("broken");
    EXPECT_GT(kept, 0);
    EXPECT_LT(kept, kSequences);
    fail(function, instead, -1, result);
    const auto rest = scan("broken");
    ASSERT_TRUE(rest) << rest.error().message;
    EXPECT_EQ(rest->computed, kSequences - kept);
    EXPECT_EQ(exported("broken"), exported("whole"));
  }

  static constexpr int kSequences = 20;
  TemporaryFolder folder_;
};

TEST_F(VulkanFaults, ADeviceThatIsLostAtASubmission) {
  break_midway(&vulkan::DeviceApi::QueueSubmit, &submit, VK_ERROR_DEVICE_LOST,
               "vulkan: submitting: the device was lost");
}

TEST_F(VulkanFaults, ADeviceThatIsLostWhileItIsWaitedFor) {
  break_midway(&vulkan::DeviceApi::WaitSemaphores, &wait_semaphores, VK_ERROR_DEVICE_LOST,
               "vulkan: waiting for the device: the device was lost");
}

TEST_F(VulkanFaults, ASubmissionThatFindsNoMemory) {
  break_midway(&vulkan::DeviceApi::QueueSubmit, &submit, VK_ERROR_OUT_OF_DEVICE_MEMORY,
               "vulkan: submitting: out of device memory");
}

TEST_F(VulkanFaults, NoMemoryFromTheBeginning) {
  fail(&vulkan::DeviceApi::AllocateMemory, &allocate, 0, VK_ERROR_OUT_OF_DEVICE_MEMORY);
  const auto refused = scan("refused");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("bytes: out of device memory"), std::string::npos)
      << refused.error().message;
}

// Work behind what failed does not run and has its error; other work goes on where it can.
TEST_F(VulkanFaults, TicketsKeepTheErrorOfTheirSubmission) {
  fail(&vulkan::DeviceApi::QueueSubmit, &submit, -1, VK_ERROR_OUT_OF_HOST_MEMORY);
  const auto backend = make_backend("vulkan", {}).value();
  const Buffer buffer = backend->allocate(16, Memory::device).value();
  const std::vector<std::uint32_t> sent{1, 2, 3, 4};
  const auto bytes = std::as_bytes(std::span(sent));
  ASSERT_TRUE(backend->wait(backend->upload(BufferSlice::whole(buffer), bytes, {})));
  std::vector<std::uint32_t> first(4);
  std::vector<std::uint32_t> second(4);
  const auto download = [&](std::vector<std::uint32_t>& to, Tickets after) {
    return backend->download(std::as_writable_bytes(std::span(to)), BufferSlice::whole(buffer),
                             after);
  };
  driver.fail_at = driver.calls;
  const Ticket lost = download(first, {});
  const Status status = backend->wait(lost);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "vulkan: submitting: out of host memory");
  driver.fail_at = -1;
  EXPECT_EQ(backend->wait(download(second, {{lost}})).error().message, status.error().message);
  EXPECT_TRUE(backend->wait(download(second, {})));
  EXPECT_EQ(second, sent);
  EXPECT_EQ(first, std::vector<std::uint32_t>(4));  // not written later
}

// A discrete device with memory for a part of the model, and allocations that are smaller than its
// table of tokens.
TEST_F(VulkanFaults, AModelLargerThanTheDeviceIsStreamed) {
  constexpr std::uint64_t kMemory = std::uint64_t{6} << 20;
  constexpr std::uint64_t kPiece = std::uint64_t{600} << 10;
  const auto model = open_model(data_path("demo-model"));
  ASSERT_TRUE(model);
  const BoundWeight& table = *model->find_global(WeightRole::token_embedding);
  ASSERT_GT(resident_type(table).bytes(), kPiece);
  const auto run = [&](const std::string& backend, const std::string& out) {
    ScanRequest request;
    request.model = data_path("demo-model");
    request.corpus.prompt = "Summer is warm. Winter is cold.";
    request.sites = "embeddings,resid_post,mlp_act.2,final_norm";
    request.backend = backend;
    request.out = folder_.path() / out;
    const auto outcome = run_scan(request, {});
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message);
  };
  run("vulkan", "ample");
  driver = {};
  driver.memory = kMemory;
  vulkan::Device::change_functions([](vulkan::DeviceApi& api) {
    driver.real = api;
    api.AllocateMemory = &allocate;
    api.FreeMemory = &free_memory;
  });
  vulkan::Context::change_devices([](vulkan::PhysicalDevice& device) {
    device.import_alignment = 0;
    device.memory_bytes = kMemory;
    device.max_allocation_bytes = kPiece;
  });
  std::uint64_t packed = 0;  // of the blocks, on this device
  {
    const auto backend = make_backend("vulkan", {}).value();
    for (const auto& layer : model->layers) {
      for (const BoundWeight& weight : layer)
        packed += backend->storage_bytes(resident_type(weight));
    }
  }
  EXPECT_GT(packed, kMemory);
  run("vulkan", "little");
  EXPECT_LE(driver.most_held, kMemory);
  EXPECT_GT(driver.most_held, kMemory / 4);
  EXPECT_EQ(driver.held, 0U);
  EXPECT_EQ(exported("little"), exported("ample"));
}

// The head is read in tiles of rows, each small enough.
TEST_F(VulkanFaults, AHeadLargerThanAnAllocationIsReadInTiles) {
  const auto model = open_model(data_path("demo-model"));
  ASSERT_TRUE(model);
  ThreadPool pool(2);
  const auto logits = [&] {
    const auto backend = make_backend("vulkan", {}).value();
    const auto head = Head::make(*backend, *model, pool, 200);
    EXPECT_TRUE(head) << (head ? "" : head.error().message);
    std::vector<float> x(3 * 192);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) - 6.0F;
    const Buffer buffer = backend->allocate(x.size() * sizeof(float), Memory::device).value();
    const BufferSlice slice = BufferSlice::whole(buffer);
    EXPECT_TRUE(backend->wait(backend->upload(slice, std::as_bytes(std::span(x)), {})));
    const auto all = (*head)->logits(slice, 3).value();
    return std::vector<float>(all.begin(), all.end());
  };
  const std::vector<float> ample = logits();
  ASSERT_EQ(ample.size(), 3U * 2048U);
  for (const bool in_place : {true, false}) {
    vulkan::Context::change_devices([=](vulkan::PhysicalDevice& device) {
      if (!in_place) device.import_alignment = 0;
      device.max_allocation_bytes = 256 << 10;  // the head is 768 KiB as it is stored
    });
    EXPECT_TRUE(logits() == ample);
  }
}

// On any backend: rows that are gathered for each chunk give the bits of the whole table.
TEST(GatheredTokens, GiveTheBitsOfTheTable) {
  for (const char* name : {"golden/llama-gqa-tied-bf16", "golden/gpt2-new", "golden/opt-350m"}) {
    std::vector<std::vector<TokenId>> sequences{{3, 1, 3, 39}, {7}, {39, 0, 2, 2, 2}};
    for (const std::string& backend : model_backends()) {
      RunSettings settings;
      settings.backend = backend;
      settings.exec.chunk_tokens = 6;
      const auto expected = scan_lines(data_path(name), sequences, settings);
      settings.exec.weight_budget = 1;  // one layer at a time, and no table
      EXPECT_TRUE(scan_lines(data_path(name), sequences, settings) == expected)
          << name << " on " << backend;
    }
  }
}

}  // namespace
}  // namespace tepui::test
