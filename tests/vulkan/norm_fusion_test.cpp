// SPDX-License-Identifier: MIT
// Linear layers that compute the norm before them give the bits that its result gives, and do so
// only where nothing else reads it.
#include "backend/vulkan/norm_fusion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "backend/registry.h"
#include "ops/builder.h"

namespace tepui::test {
namespace {

// Two linear layers behind a norm, whose result is asked for or not, and a residual.
struct Normed {
  Program program;
  Value x, gain, shift, left, right, bias, kept, y, z;
};

enum class Kind { rms, layer, layer_bias };

Normed normed(int rows, int width, bool tapped, Kind kind) {
  Builder builder;
  Normed out;
  out.x = builder.input({DType::f32, {rows, width}}, "x");
  out.gain = builder.weight({DType::f32, {width}}, "gain");
  if (kind == Kind::layer_bias) out.shift = builder.weight({DType::f32, {width}}, "shift");
  out.left = builder.weight({DType::f32, {70, width}}, "left");
  out.right = builder.weight({DType::bf16, {9, width}}, "right");
  out.bias = builder.weight({DType::f32, {70}}, "bias");
  const Value left = builder.pack(out.left, false, "packed left");
  const Value right = builder.pack(out.right, false, "packed right");
  out.kept = kind == Kind::rms ? builder.rms_norm(out.x, out.gain, 1e-5F, "norm")
                               : builder.layer_norm(out.x, out.gain, out.shift, 1e-5F, "norm");
  out.y = builder.linear(out.kept, left, out.bias, kNone, TEPUI_ACT_SILU, "y");
  out.z = builder.linear(out.kept, right, kNone, kNone, TEPUI_ACT_NONE, "z");
  for (const Value value : {out.y, out.z}) builder.mark_output(value);
  if (tapped) builder.mark_output(out.kept);
  out.program = builder.finish().value();
  return out;
}

std::vector<std::byte> run(Backend& backend, const Normed& n) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  const auto prepared = backend.prepare(n.program).value();
  Bindings bindings(n.program.values.size());
  std::vector<std::unique_ptr<Buffer>> buffers;
  const auto bind = [&](Value value) {
    const TensorType& type = n.program.type_of(value);
    buffers.push_back(std::make_unique<Buffer>(
        backend.allocate(std::max<std::size_t>(4, type.bytes()), Memory::device).value()));
    bindings[value.id] = {buffers.back().get(), 0, type.bytes()};
    return bindings[value.id];
  };
  for (const Value value : {n.x, n.gain, n.shift, n.left, n.right, n.bias}) {
    if (!value.present()) continue;
    std::vector<std::byte> bytes(n.program.type_of(value).bytes());
    if (n.program.type_of(value).dtype == DType::bf16) {
      for (std::size_t i = 0; i < bytes.size(); i += 2) {
        bytes[i] = static_cast<std::byte>(random() % 256);
        bytes[i + 1] = static_cast<std::byte>(random() % 2 == 0 ? 0x3f : 0xbf);
      }
    } else {
      for (std::size_t i = 0; i < bytes.size(); i += 4) {
        const float own = normal(random) * (i % 97 == 0 ? 8e5F : 1.0F);
        std::memcpy(&bytes[i], &own, 4);
      }
    }
    EXPECT_TRUE(backend.wait(backend.upload(bind(value), bytes, {})));
  }
  bind(n.y);
  bind(n.z);
  if (n.program.info(n.kept).role == Role::output) bind(n.kept);
  const Ticket ticket = backend.run(*prepared, bindings, {});
  std::vector<std::byte> found;
  for (const Value value : {n.y, n.z}) {
    std::vector<std::byte> bytes(n.program.type_of(value).bytes());
    EXPECT_TRUE(backend.wait(backend.download(bytes, bindings[value.id], {&ticket, 1})));
    found.insert(found.end(), bytes.begin(), bytes.end());
  }
  return found;
}

double saved(const Program& program) {
  const vulkan::NormFusion fusion(program, {});
  double bytes = 0;
  for (std::size_t i = 0; i < program.steps.size(); ++i) bytes += fusion.bytes_saved(i);
  return bytes;
}

TEST(NormFusion, SavesThePassThatWritesTheResult) {
  constexpr int kRows = 40;
  constexpr int kWidth = 100;
  // Less the factors, written once and read twice, and the norm's weights, read twice.
  EXPECT_EQ(saved(normed(kRows, kWidth, false, Kind::rms).program),
            4.0 * kRows * kWidth - 3 * 4.0 * kRows - 2 * 4.0 * kWidth);
  // Two factors for each row, and the bias written once more, read like the weights.
  EXPECT_EQ(saved(normed(kRows, kWidth, false, Kind::layer_bias).program),
            4.0 * kRows * kWidth - 6 * 4.0 * kRows - 5 * 4.0 * kWidth);
  for (const Kind kind : {Kind::rms, Kind::layer, Kind::layer_bias}) {
    EXPECT_EQ(saved(normed(kRows, kWidth, true, kind).program), 0);  // somebody else reads it
    EXPECT_EQ(saved(normed(3, kWidth, false, kind).program), 0);     // no rows to share it
    EXPECT_EQ(saved(normed(kRows, 2, false, kind).program), 0);      // it would be more
  }
}

TEST(NormFusion, GivesTheBitsOfTheNormsResult) {
  if (std::ranges::count(backend_names(), "vulkan") == 0)
    GTEST_SKIP() << "no Vulkan device on this machine";
  const auto backend = make_backend("vulkan", {}).value();
  for (const auto& [rows, width] : {std::pair{40, 100}, {67, 33}, {16, 300}}) {
    for (const Kind kind : {Kind::rms, Kind::layer, Kind::layer_bias}) {
      const Normed together = normed(rows, width, false, kind);
      const Normed apart = normed(rows, width, true, kind);
      EXPECT_GT(saved(together.program), 0);
      const auto found = run(*backend, together);
      EXPECT_TRUE(found == run(*backend, apart)) << rows << " " << width;
      EXPECT_TRUE(std::ranges::any_of(found, [](std::byte b) { return b != std::byte{0}; }));
    }
  }
}

}  // namespace
}  // namespace tepui::test
