// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "backend/host_memory.h"
#include "backend/registry.h"
#include "base/value_memory.h"
#include "ops/builder.h"

// Under the address sanitizer too, an allocation that is too large must return.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

namespace tepui {
namespace {

std::unique_ptr<Backend> reference() {
  auto backend = make_backend("reference", {});
  EXPECT_TRUE(backend);
  return *std::move(backend);
}

template <class T>
std::span<const std::byte> view_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

Program sum_program() {
  Builder b;
  const Value x = b.input({DType::f32, {3}}, "x");
  const Value y = b.act(x, TEPUI_ACT_RELU, "y");
  b.mark_output(b.add(x, y, "z"));
  return *b.finish();
}

TEST(Registry, KnowsItsNames) {
  for (const std::string_view name : backend_names()) {
    const auto backend = make_backend(name, {});
    ASSERT_TRUE(backend) << backend.error().message;
    EXPECT_EQ((*backend)->device().backend, name);
  }
  const auto unknown = make_backend("abacus", {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
  EXPECT_NE(unknown.error().message.find("reference"), std::string::npos);
}

TEST(ReferenceBackend, RunsAProgram) {
  const auto backend = reference();
  const std::vector<float> x{1, -2, 3};
  auto in = backend->adopt(view_of(x));
  auto out = backend->allocate(12, Memory::device);
  ASSERT_TRUE(in && out);
  auto prepared = backend->prepare(sum_program());
  ASSERT_TRUE(prepared) << prepared.error().message;
  const Ticket ran =
      backend->run(**prepared, {BufferSlice::whole(*in), {}, BufferSlice::whole(*out)}, {});
  std::vector<float> z(3);
  const Ticket done =
      backend->download(std::as_writable_bytes(std::span(z)), BufferSlice::whole(*out), {{ran}});
  ASSERT_TRUE(backend->wait(done));
  EXPECT_EQ(z, (std::vector<float>{2, -2, 6}));
}

TEST(ReferenceBackend, PreparesOnlyWhatItCanRun) {
  Program program = sum_program();
  program.steps[0].params = ParamBytes(ActParams{3, 99});
  program.values[2].type = {DType::f32, {4}};
  const auto prepared = reference()->prepare(program);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, ErrorKind::unsupported);
  EXPECT_EQ(prepared.error().message,
            "reference: cannot run step 0 act f32 [3]; step 1 add f32 [3] f32 [3]");
}

TEST(ReferenceBackend, AnErrorStaysWithItsTicket) {
  const auto backend = reference();
  const std::vector<float> x{1, -2, 3};
  auto out = backend->allocate(12, Memory::device);
  ASSERT_TRUE(out);
  auto prepared = backend->prepare(sum_program());
  ASSERT_TRUE(prepared);
  const Ticket good = backend->upload(BufferSlice::whole(*out), view_of(x), {});
  const Ticket bad = backend->run(**prepared, {{}, {}, BufferSlice::whole(*out)}, {});
  std::vector<std::byte> bytes(12);
  const Ticket after = backend->download(bytes, BufferSlice::whole(*out), {{bad}});
  EXPECT_TRUE(backend->wait(good));
  for (const Ticket ticket : {bad, after}) {
    const Status status = backend->wait(ticket);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message,
              "reference: %0 \"x\" f32 [3]: expected a binding of 12 bytes, found none");
  }
  EXPECT_EQ(bytes, std::vector<std::byte>(12));  // what follows an error does not run
  EXPECT_FALSE(backend->wait(backend->upload(BufferSlice::whole(*out), view_of(x).first(8), {})));
}

TEST(HostMemory, AlignsAndAdopts) {
  for (const std::size_t bytes : {0U, 1U, 100U, 5000U}) {
    auto buffer = allocate_host(bytes);
    ASSERT_TRUE(buffer);
    const auto span = writable_host_bytes(BufferSlice::whole(*buffer));
    EXPECT_EQ(span.size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(span.data()) % kValueAlignment, 0U);
  }
  const std::vector<float> x{1, 2, 3};
  const Buffer adopted = adopt_host(view_of(x).subspan(1));
  EXPECT_EQ(host_bytes({&adopted, 3, 8}).data(), view_of(x).data() + 4);
}

TEST(HostMemory, SaysThatMemoryIsOut) {
  const auto buffer = allocate_host(std::size_t{1} << 62);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().message, "out of memory: the system refused 4611686018427387904 bytes");
}

}  // namespace
}  // namespace tepui
