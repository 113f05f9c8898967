// SPDX-License-Identifier: MIT
// The CPU backend around its kernels: the choice of instruction set, errors of prepare, the arena,
// profiles, and the accuracy of exp and the activations.
#include "backend/cpu/cpu_backend.h"

#include <cmath>
#include <cstdlib>

#include "backend/cpu/isa.h"
#include "run_step.h"

namespace tepui::test {
namespace {

std::string error_of(const BackendOptions& options) {
  const auto made = make_cpu_backend(options);
  return made ? "" : made.error().message;
}

BackendOptions with_isa(std::string isa) {
  BackendOptions options;
  options.isa = std::move(isa);
  return options;
}

TEST(CpuBackend, ForcedInstructionSetIsUsedOrRefused) {
  for (const cpu::KernelTable* table : cpu::usable_kernels()) {
    const auto backend = make_cpu_backend(with_isa(table->isa));
    ASSERT_TRUE(backend);
    EXPECT_EQ((*backend)->device().isa, table->isa);
  }
  EXPECT_EQ(error_of(with_isa("sse9")).substr(0, 60),
            "the option isa is 'sse9', expected an instruction set of thi");
  ::setenv("TEPUI_ISA", "portable", 1);
  EXPECT_EQ((*make_cpu_backend({}))->device().isa, "portable");
  ::setenv("TEPUI_ISA", "fast", 1);
  EXPECT_NE(error_of({}).find("TEPUI_ISA is 'fast'"), std::string::npos);
  EXPECT_EQ(make_cpu_backend({}).error().kind, ErrorKind::usage);
  ::unsetenv("TEPUI_ISA");
  EXPECT_EQ((*make_cpu_backend({}))->device().isa, cpu::usable_kernels().back()->isa);
}

TEST(CpuBackend, AskingAheadIsYesOrNo) {
  for (const char* const value : {"0", "1", ""}) {
    ::setenv("TEPUI_ASK_AHEAD", value, 1);
    EXPECT_TRUE(make_cpu_backend({})) << value;
  }
  ::setenv("TEPUI_ASK_AHEAD", "yes", 1);
  EXPECT_EQ(error_of({}), "the variable TEPUI_ASK_AHEAD is 'yes', expected 0 or 1");
  ::unsetenv("TEPUI_ASK_AHEAD");
}

Program sum_of_three() {
  Program program;
  const TensorType type{DType::f32, {4, 25}};
  for (const Role role : {Role::input, Role::temp, Role::temp, Role::output})
    program.values.push_back({type, role, "x"});
  for (std::uint32_t i = 0; i < 3; ++i)
    program.steps.push_back({OpCode::add, {{i}, {0}}, {{i + 1}}, ParamBytes(AddParams{100})});
  return program;
}

TEST(CpuBackend, PrepareListsEveryStepItCannotRun) {
  Program program = sum_of_three();
  program.steps[0].params = ParamBytes(AddParams{99});
  program.values[3].type.dtype = DType::f16;
  const auto backend = make_cpu_backend({}).value();
  EXPECT_FALSE(backend->can_run(program.steps[0], program));
  EXPECT_TRUE(backend->can_run(program.steps[1], program));
  const auto prepared = backend->prepare(program);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, ErrorKind::unsupported);
  const std::string& message = prepared.error().message;
  EXPECT_NE(message.find("cannot run 2 of 3 steps"), std::string::npos) << message;
  EXPECT_NE(message.find("step 0: add(f32 [4, 25], f32 [4, 25])"), std::string::npos) << message;
  EXPECT_NE(message.find("step 2: add"), std::string::npos) << message;
}

TEST(CpuBackend, TemporariesLiveInTheArenaAndStepsAreTimed) {
  BackendOptions options;
  options.profile = true;
  const auto backend = make_cpu_backend(options).value();
  auto prepared = backend->prepare(sum_of_three()).value();
  const Operand x = random_operand({4, 25}, 5);
  const Buffer in = backend->adopt(x.bytes).value();
  const Buffer out = backend->allocate(400, Memory::device).value();
  const Bindings bindings = {BufferSlice::whole(in), {}, {}, BufferSlice::whole(out)};
  ASSERT_TRUE(backend->wait(backend->run(*prepared, bindings, {})));
  Floats result(100);
  backend->download(std::as_writable_bytes(std::span(result)), BufferSlice::whole(out), {});
  for (std::size_t i = 0; i < 100; ++i) {
    const float value = x.view().as<float>()[i];
    EXPECT_EQ(result[i], value + value + value + value);
  }
  ASSERT_EQ(cpu_step_seconds(*prepared).size(), 3U);
  for (const double seconds : cpu_step_seconds(*prepared)) EXPECT_GT(seconds, 0);
}

double activation(std::uint32_t act, double x) {
  if (act == TEPUI_ACT_SILU) return x / (1 + std::exp(-x));
  if (act == TEPUI_ACT_GELU_ERF) return x / 2 * std::erfc(-x / std::sqrt(2.0));
  const double u = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-2 * u));
}

// Every 4001st float of either sign: |error| <= 4 eps |x|.
TEST(CpuBackend, ActivationsAreAccurateOverAllFloats) {
  Floats inputs;
  for (std::uint32_t bits = 0; bits < 0x7f800000U; bits += 4001) {
    inputs.push_back(std::bit_cast<float>(bits));
    inputs.push_back(-inputs.back());
  }
  const Operand x = operand(DType::f32, {std::ssize(inputs)}, inputs);
  const double eps = std::pow(2.0, -23);
  for (const cpu::KernelTable* table : cpu::usable_kernels()) {
    const auto backend = make_cpu_backend(with_isa(table->isa)).value();
    for (const std::uint32_t act : {TEPUI_ACT_SILU, TEPUI_ACT_GELU_ERF, TEPUI_ACT_GELU_TANH}) {
      const Floats out = run_step(*backend, OpCode::act, {x},
                                  ActParams{static_cast<std::uint32_t>(inputs.size()), act});
      double worst = 0;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const double error = std::abs(static_cast<double>(out[i]) - activation(act, inputs[i]));
        const double allowed = eps * std::abs(static_cast<double>(inputs[i])) + 1e-45;
        worst = std::max(worst, std::isfinite(error) ? error / allowed : HUGE_VAL);
      }
      EXPECT_LE(worst, 4) << table->isa << ", activation " << act;
      RecordProperty(std::string(table->isa) + std::to_string(act), std::to_string(worst));
    }
  }
}

}  // namespace
}  // namespace tepui::test
