// SPDX-License-Identifier: MIT
// The Vulkan backend beside its kernels: transfers, tickets, errors, and what it says where it
// cannot work. Runs on any device, software ones included; without one only the refusals are
// tested.
#include "backend/vulkan/vulkan_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "backend/registry.h"
#include "backend/vulkan/device.h"
#include "backend/vulkan/device_list.h"
#include "ops/builder.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

bool there() { return std::ranges::count(backend_names(), "vulkan") > 0; }

std::unique_ptr<Backend> open() {
  auto backend = make_backend("vulkan", {});
  EXPECT_TRUE(backend) << backend.error().message;
  return *std::move(backend);
}

#define NEEDS_A_DEVICE() \
  if (!there()) GTEST_SKIP() << "no Vulkan device on this machine"

// Larger than all that may be under way at once, so that transfers wait for each other.
TEST(VulkanBackend, TransfersOfManyPiecesArriveWhole) {
  NEEDS_A_DEVICE();
  const auto backend = open();
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> sent((std::size_t{83} << 20) / 8 + 5);
  for (std::uint64_t& word : sent) word = random();
  auto buffer = backend->allocate(sent.size() * 8, Memory::device);
  ASSERT_TRUE(buffer) << buffer.error().message;
  const Ticket up =
      backend->upload(BufferSlice::whole(*buffer), std::as_bytes(std::span(sent)), {});
  std::vector<std::uint64_t> found(sent.size());
  const Ticket down = backend->download(std::as_writable_bytes(std::span(found)),
                                        BufferSlice::whole(*buffer), {{up}});
  ASSERT_TRUE(backend->wait(down));
  EXPECT_TRUE(found == sent);
}

// Slices of one buffer, written one after the other.
TEST(VulkanBackend, SlicesKeepTheirNeighbours) {
  NEEDS_A_DEVICE();
  const auto backend = open();
  auto buffer = backend->allocate(64, Memory::device);
  ASSERT_TRUE(buffer);
  const std::vector<std::uint32_t> ones(16, 1);
  ASSERT_TRUE(backend->wait(
      backend->upload(BufferSlice::whole(*buffer), std::as_bytes(std::span(ones)), {})));
  const std::vector<std::uint32_t> two(3, 2);
  ASSERT_TRUE(
      backend->wait(backend->upload({&*buffer, 20, 12}, std::as_bytes(std::span(two)), {})));
  std::vector<std::uint32_t> found(16);
  ASSERT_TRUE(backend->wait(backend->download(std::as_writable_bytes(std::span(found)),
                                              BufferSlice::whole(*buffer), {})));
  std::vector<std::uint32_t> expected = ones;
  std::fill_n(expected.begin() + 5, 3, 2);
  EXPECT_EQ(found, expected);
}

TEST(VulkanBackend, AnErrorStaysWithItsTicket) {
  NEEDS_A_DEVICE();
  const auto backend = open();
  Builder builder;
  const Value x = builder.input({DType::f32, {3}}, "x");
  builder.mark_output(builder.act(x, TEPUI_ACT_RELU, "y"));
  auto prepared = backend->prepare(*builder.finish());
  ASSERT_TRUE(prepared) << prepared.error().message;
  auto buffer = backend->allocate(16, Memory::device);
  ASSERT_TRUE(buffer);
  const std::vector<float> values(3);
  const auto bytes = std::as_bytes(std::span(values));
  const BufferSlice slice{&*buffer, 0, 12};
  const Ticket good = backend->upload(slice, bytes, {});
  const Ticket bad = backend->run(**prepared, {{}, slice}, {});
  const Ticket after = backend->upload(slice, bytes, {{bad}});
  const Ticket later = backend->upload(slice, bytes, {});
  EXPECT_TRUE(backend->wait(later));
  EXPECT_TRUE(backend->wait(good));
  for (const Ticket ticket : {bad, after}) {
    const Status status = backend->wait(ticket);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message,
              "vulkan: %0 \"x\" f32 [3]: expected a binding of 12 bytes, found none");
  }
  const Ticket odd = backend->run(**prepared, {{&*buffer, 2, 12}, slice}, {});
  EXPECT_EQ(backend->wait(odd).error().message,
            "vulkan: \"x\": expected an offset that is a multiple of 4, found 2");
}

TEST(VulkanBackend, SaysThatMemoryIsOut) {
  NEEDS_A_DEVICE();
  const auto backend = open();
  for (const int bits : {50, 63}) {
    const auto buffer = backend->allocate(std::size_t{1} << bits, Memory::device);
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().kind, ErrorKind::unsupported);
    EXPECT_NE(buffer.error().message.find("out of memory"), std::string::npos)
        << buffer.error().message;
  }
}

TEST(VulkanBackend, RefusesWhatItCannotIndex) {
  NEEDS_A_DEVICE();
  const auto backend = open();
  const auto add = [](std::int64_t rows) {
    Builder builder;
    const Value x = builder.input({DType::f32, {rows, 2}}, "x");
    builder.mark_output(builder.add(x, x, "y"));
    return *builder.finish();
  };
  EXPECT_TRUE(backend->prepare(add(1 << 20)));
  const auto refused = backend->prepare(add(std::int64_t{1} << 30));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("vulkan: cannot run step 0 add"), std::string::npos);
}

TEST(VulkanBackend, AutoNeverTakesASoftwareDevice) {
  const auto backend = make_backend("auto", {});
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_FALSE((*backend)->device().software);
}

TEST(VulkanBackend, ANumberThatIsNotThereIsAUsageError) {
  NEEDS_A_DEVICE();
  const auto backend = make_backend("vulkan:999", {});
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().kind, ErrorKind::usage);
}

vulkan::PhysicalDevice device_of(VkPhysicalDeviceType type, bool usable = true) {
  vulkan::PhysicalDevice device;
  device.type = type;
  if (!usable) device.lacks.emplace_back("timeline semaphores");
  return device;
}

TEST(VulkanDevices, WeightsAreCopiedByAQueueThatDoesNothingElse) {
  const auto family = [](VkQueueFlags flags, std::uint32_t count) {
    VkQueueFamilyProperties one{};
    one.queueFlags = flags;
    one.queueCount = count;
    one.timestampValidBits = count;
    return one;
  };
  constexpr VkQueueFlags kAll =
      VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
  constexpr VkQueueFlags kVideo = 0x20;
  const VkQueueFamilyProperties many[] = {
      family(VK_QUEUE_TRANSFER_BIT | kVideo, 1), family(kAll, 16),
      family(VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT, 2),
      family(VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT, 8)};
  vulkan::PhysicalDevice device;
  ASSERT_TRUE(vulkan::choose_queues(many, device));
  EXPECT_EQ(device.queue_family, 3U);  // draws nothing
  EXPECT_EQ(device.queue_count, 8U);
  EXPECT_EQ(device.timestamp_bits, 8U);
  EXPECT_EQ(device.transfer_family, 2U);
  device = {};
  ASSERT_TRUE(vulkan::choose_queues(std::span(many).subspan(1, 1), device));
  EXPECT_EQ(device.queue_family, 0U);
  EXPECT_EQ(device.queue_count, 16U);
  EXPECT_EQ(device.timestamp_bits, 16U);
  EXPECT_FALSE(device.transfer_family);
  EXPECT_FALSE(vulkan::choose_queues(std::span(many).first(1), device));
}

// A machine has many devices: software ones are never taken unasked, unusable ones not at all.
TEST(VulkanDevices, TheBestUsableGpuIsTaken) {
  constexpr auto kSoftware = VK_PHYSICAL_DEVICE_TYPE_CPU;
  constexpr auto kIntegrated = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  constexpr auto kDiscrete = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  using Devices = std::vector<vulkan::PhysicalDevice>;
  EXPECT_FALSE(vulkan::find_gpu(Devices{}));
  EXPECT_FALSE(vulkan::find_gpu(Devices{device_of(kSoftware)}));
  EXPECT_FALSE(vulkan::find_gpu(Devices{device_of(kDiscrete, false), device_of(kSoftware)}));
  const Devices all{device_of(kSoftware), device_of(kIntegrated), device_of(kDiscrete, false),
                    device_of(kDiscrete), device_of(kDiscrete)};
  EXPECT_EQ(vulkan::find_gpu(all), 3U);
  EXPECT_EQ(vulkan::choose_device(all, "").value(), 3U);
  EXPECT_EQ(vulkan::choose_device(all, "0").value(), 0U);
  const auto unusable = vulkan::choose_device(all, "2");
  ASSERT_FALSE(unusable);
  EXPECT_NE(unusable.error().message.find("it lacks timeline semaphores"), std::string::npos);
  EXPECT_FALSE(vulkan::choose_device(Devices{}, ""));
}

// Where the device shares the processor's memory, adopted bytes are used in place; elsewhere, and
// where they stand at an odd address, they are copied. Either way they are the bytes.
TEST(VulkanBackend, AdoptsHostMemory) {
  NEEDS_A_DEVICE();
  const auto backend = open();
  auto context = vulkan::Context::make();
  ASSERT_TRUE(context);
  const auto& device = (*context)->devices()[*vulkan::choose_device((*context)->devices(), "")];
  std::vector<std::byte> bytes(100'000);
  for (const std::size_t offset : {std::size_t{0}, std::size_t{4}, std::size_t{3}}) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i * 7 % 251);
    const auto part = std::span(bytes).subspan(offset, 50'000);
    const auto buffer = backend->adopt(part);
    ASSERT_TRUE(buffer) << buffer.error().message;
    const std::vector<std::byte> before(part.begin(), part.end());
    std::ranges::fill(part, std::byte{1});
    std::vector<std::byte> found(part.size());
    ASSERT_TRUE(backend->wait(backend->download(found, BufferSlice::whole(*buffer), {})));
    const bool in_place = device.adopts_host_memory() && offset % 4 == 0;
    EXPECT_TRUE(
        std::ranges::equal(found, in_place ? std::vector(part.begin(), part.end()) : before))
        << "offset " << offset;
  }
}

// Compiled pipelines are kept for the next run; a damaged file is replaced, not believed.
TEST(VulkanBackend, KeepsPipelinesOnDisk) {
  NEEDS_A_DEVICE();
  const TemporaryFolder folder;
  const auto cache = folder.path() / "cache";
  int runs = 0;
  const auto scan = [&] {
    ProgramRun run;
    run.arguments = {"scan",
                     data_path("demo-model").string(),
                     "--prompt",
                     "Once",
                     "--json",
                     "--backend",
                     "vulkan",
                     "--out",
                     (folder.path() / std::to_string(runs++)).string()};
    run.environment = {{"TEPUI_CACHE_DIR", cache.string()}};
    const ProgramResult result = run_program(run);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out.substr(result.out.find("\"layers\""));
  };
  const std::string first = scan();
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(cache))
    files.push_back(entry.path());
  ASSERT_EQ(files.size(), 1U);
  const auto content = [&] {
    std::ifstream stream(files.front(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  const std::string kept = content();
  EXPECT_GT(kept.size(), 24U);
  EXPECT_EQ(scan(), first);
  write_file(files.front(), kept.substr(0, kept.size() - 1) + "?");
  EXPECT_EQ(scan(), first);
  EXPECT_EQ(content(), kept);
}

// A machine whose loader finds no driver: one line that says so, and cpu works as ever.
TEST(VulkanBackend, NoDriverIsOneLine) {
  const std::map<std::string, std::string> none{{"VK_ICD_FILENAMES", "/no/such/driver.json"},
                                                {"VK_DRIVER_FILES", "/no/such/driver.json"}};
  const TemporaryFolder folder;
  ProgramRun scan;
  scan.arguments = {
      "scan",  data_path("demo-model").string(), "--prompt", "Once", "--backend", "vulkan",
      "--out", (folder.path() / "out").string()};
  scan.environment = none;
  const ProgramResult refused = run_program(scan);
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(line_count(refused.err), 1U) << refused.err;
  EXPECT_NE(refused.err.find("vulkan"), std::string::npos);
  ProgramRun devices;
  devices.arguments = {"devices"};
  devices.environment = none;
  const ProgramResult listed = run_program(devices);
  EXPECT_EQ(listed.code, 0);
  EXPECT_NE(listed.out.find("cpu"), std::string::npos);
  EXPECT_NE(listed.out.find("No other devices: vulkan"), std::string::npos) << listed.out;
}

// Every test runs under the validation layer with its synchronization checks where it is installed
// (tests/CMakeLists.txt), and ends where that finds something: here it must.
TEST(VulkanBackendDeathTest, ValidationFindsAMistake) {
  NEEDS_A_DEVICE();
  if (std::string(TEPUI_VALIDATION_LAYER).empty())
    GTEST_SKIP() << "the validation layer is not installed";
  const auto mistake = [] {
    ::setenv("TEPUI_VULKAN_VALIDATION", "abort", 1);
    std::shared_ptr<const vulkan::Context> context = vulkan::Context::make().value();
    const auto device = vulkan::Device::make(context, 0, vulkan::MatrixUse::none).value();
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    VkBuffer buffer = VK_NULL_HANDLE;
    (void)device->api().CreateBuffer(device->handle(), &info, nullptr, &buffer);  // of no bytes
  };
  EXPECT_DEATH(mistake(), "vulkan validation: .*VUID-VkBufferCreateInfo-size");
}

// A whole scan, every op of a model and of its taps.
TEST(VulkanBackend, ValidationIsSilent) {
  NEEDS_A_DEVICE();
  if (std::string(TEPUI_VALIDATION_LAYER).empty())
    GTEST_SKIP() << "the validation layer is not installed";
  const TemporaryFolder folder;
  ProgramRun run;
  run.arguments = {"scan",      data_path("demo-model").string(),
                   "--prompt",  "Summer is warm. Winter is cold.",
                   "--sites",   "all",
                   "--backend", "vulkan",
                   "--out",     (folder.path() / "out").string()};
  run.environment = {{"TEPUI_VULKAN_VALIDATION", "abort"}};
  const ProgramResult scan = run_program(run);
  EXPECT_EQ(scan.code, 0) << scan.err;
  EXPECT_EQ(scan.err.find("validation"), std::string::npos) << scan.err;
}

// Nothing may depend on how many lanes run in step: Mesa's software device can be told.
TEST(VulkanBackend, ResultsDoNotDependOnTheSubgroup) {
  NEEDS_A_DEVICE();
  std::vector<std::string> found;
  for (const char* width : {"128", "256", "512"}) {
    const TemporaryFolder folder;
    ProgramRun run;
    run.arguments = {
        "scan",    data_path("demo-model").string(), "--prompt",  "Summer is warm. Winter is cold.",
        "--sites", "resid_post,mlp_act.0,z.1",       "--backend", "vulkan",
        "--out",   (folder.path() / "out").string()};
    run.environment = {{"LP_NATIVE_VECTOR_WIDTH", width}};
    const ProgramResult scan = run_program(run);
    EXPECT_EQ(scan.code, 0) << scan.err;
    ASSERT_EQ(run_tepui({"export", (folder.path() / "out").string()}).code, 0);
    std::ifstream rows(folder.path() / "out/export/observations.csv");
    found.emplace_back(std::istreambuf_iterator<char>(rows), std::istreambuf_iterator<char>());
    EXPECT_GT(line_count(found.back()), 100U);
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

}  // namespace
}  // namespace tepui::test
