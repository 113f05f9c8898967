// SPDX-License-Identifier: MIT
#include "support/op_harness.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "backend/registry.h"
#include "ops/agreement.h"
#include "ops/builder.h"
#include "support/op_slices.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

// A buffer that holds the tensor's bytes.
Buffer to_device(Backend& backend, const HostTensor& tensor) {
  auto buffer = backend.allocate(tensor.bytes.size(), Memory::device);
  EXPECT_TRUE(buffer) << buffer.error().message;
  const Ticket ticket = backend.upload(BufferSlice::whole(*buffer), tensor.bytes, {});
  const Status status = backend.wait(ticket);
  EXPECT_TRUE(status) << status.error().message;
  return *std::move(buffer);
}

// Runs a Program and returns the buffers of the outputs, in value order; false on an error.
bool run_program(Backend& backend, const Program& program, Bindings bindings,
                 std::vector<Buffer>& outputs) {
  for (std::size_t id = 0; id < program.values.size(); ++id) {
    if (program.values[id].role != Role::output) continue;
    auto buffer = backend.allocate(backend.storage_bytes(program.values[id].type), Memory::device);
    EXPECT_TRUE(buffer) << buffer.error().message;
    if (!buffer) return false;
    outputs.push_back(*std::move(buffer));
  }
  std::size_t next = 0;
  bindings.resize(program.values.size());
  for (std::size_t id = 0; id < program.values.size(); ++id) {
    if (program.values[id].role == Role::output) {
      bindings[id] = BufferSlice::whole(outputs[next++]);
    }
  }
  auto prepared = backend.prepare(program);
  EXPECT_TRUE(prepared) << prepared.error().message;
  if (!prepared) return false;
  const Status status = backend.wait(backend.run(**prepared, bindings, {}));
  EXPECT_TRUE(status) << status.error().message;
  return status.has_value();
}

// As when a weight becomes resident: a Program of its own, run once.
Buffer pack_on_device(Backend& backend, const HostTensor& stored, const PackParams& params) {
  Builder builder;
  const Value in = builder.weight(stored.type, "stored");
  builder.mark_output(builder.pack(in, params, "packed"));
  auto program = builder.finish();
  EXPECT_TRUE(program) << program.error().message;
  const Buffer bytes = to_device(backend, stored);
  std::vector<Buffer> out;
  if (!run_program(backend, *program, {BufferSlice::whole(bytes)}, out)) return {};
  return std::move(out.front());
}

// One matrix behind the other, each packed into its part of one buffer.
Buffer pack_experts_on_device(Backend& backend, const TensorType& type, const HostTensor& stored,
                              PackParams params) {
  auto all = backend.allocate(backend.storage_bytes(type), Memory::device);
  EXPECT_TRUE(all) << all.error().message;
  const Buffer bytes = to_device(backend, stored);
  const std::size_t one = all->bytes / static_cast<std::size_t>(type.shape[0]);
  for (std::int64_t e = 0; e < type.shape[0]; ++e) {
    params.offset = static_cast<uint>(e) * params.n * params.k;
    Builder builder;
    const Value in = builder.weight(stored.type, "stored");
    const Value out = builder.pack(in, params, "packed");
    builder.mark_output(out);
    auto prepared = backend.prepare(builder.finish().value());
    EXPECT_TRUE(prepared) << prepared.error().message;
    const Bindings bindings = {BufferSlice::whole(bytes),
                               {&*all, one * static_cast<std::size_t>(e), one}};
    const Status status = backend.wait(backend.run(**prepared, bindings, {}));
    EXPECT_TRUE(status) << status.error().message;
  }
  return *std::move(all);
}

HostTensor pack_by_reference(const TensorType& type, const HostTensor& stored, PackParams params) {
  const std::size_t count = std::size_t{params.n} * params.k;
  const std::size_t matrices = static_cast<std::size_t>(type.shape.elements()) / count;
  HostTensor packed = zeros(type, matrices * count * sizeof(float));
  const HostView in = stored.view();
  for (std::size_t e = 0; e < matrices; ++e) {
    const MutableHostView out = {{type.dtype, Shape{params.n, params.k}},
                                 std::span(packed.bytes).subspan(e * count * sizeof(float))};
    op_of(OpCode::pack).reference({&in, 1}, {&out, 1}, ParamBytes(params));
    params.offset += static_cast<uint>(count);
  }
  return packed;
}

std::vector<HostTensor> reference_operands(const OpData& data) {
  std::vector<HostTensor> operands = data.tensors;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (is_packed(data.types[i].dtype)) {
      operands[i] = pack_by_reference(data.types[i], data.tensors[i], data.packs[i]);
    }
  }
  return operands;
}

std::vector<HostView> views(const std::vector<HostTensor>& tensors) {
  std::vector<HostView> result;
  for (const HostTensor& tensor : tensors) result.push_back(tensor.view());
  return result;
}

bool without_parts() {
  const char* const parts = std::getenv("TEPUI_TEST_PARTS");
  return parts != nullptr && std::string_view(parts) == "no";
}

// Matrix units have a bound of their own (backend/vulkan/matrix_split.h), K + 13 roundings where
// the op allows K + 2, each of which a unit may cut: all but the same where K is large.
double allowance_of(const Backend& backend, const OpData& data) {
  const bool products = data.op == OpCode::linear || data.op == OpCode::expert_linear;
  if (!products || backend.device().isa.find("matrix units") == std::string::npos) return 1;
  const double k = data.op == OpCode::linear ? data.params.as<LinearParams>().k
                                             : data.params.as<ExpertParams>().k;
  return 2 * (k + 13) / (k + 2);
}

// With 1, 2 and 3 threads. A device, which has none of ours, runs once and then in parts, which are
// the same rows in other places; twice where an op cannot be cut. With TEPUI_TEST_PARTS=no it runs
// once: tests/CMakeLists.txt has the use.
void check_backend(const std::string& name, const OpData& data, const Outputs& expected) {
  Outputs first;
  for (const int threads : {1, 2, 3}) {
    const auto made = shared_backend(name, {.threads = threads, .isa = {}});
    ASSERT_TRUE(made) << made.error().message;
    Backend& backend = **made;
    const Outputs found = run_backend(backend, data);
    ASSERT_EQ(found.size(), expected.size()) << name;
    if (threads == 1) {
      EXPECT_EQ(compare(data, expected, found, allowance_of(backend, data)), "") << name;
      first = found;
      if (without_parts()) return;
      const std::vector<Part> parts = parts_of(data, found);
      for (const Part& part : parts) {
        EXPECT_EQ(compare_bits(part.expected, run_backend(backend, part.data)), "")
            << name << ": " << part.name << " against the whole";
      }
      if (backend.device().threads == 0 && !parts.empty()) return;
    } else {
      EXPECT_EQ(compare_bits(first, found), "") << name << ": " << threads << " threads against 1";
    }
    if (backend.device().threads == 0 && threads == 2) return;
  }
}

}  // namespace

std::string describe(const OpCase& op_case) {
  std::string text(op_of(op_case.op).name);
  for (const Operand& operand : op_case.in) {
    text += fmt::format(" {}", operand.type.present() ? operand.type.to_string() : "-");
    if (is_packed(operand.type.dtype)) {
      text += fmt::format(" of {}", operand.stored.to_string());
    }
    if (operand.values.empty()) text += fmt::format(" fill {}", static_cast<int>(operand.fill));
  }
  return text + fmt::format(", seed {}", op_case.seed);
}

OpData make_data(const OpCase& op_case) {
  OpData data{op_case.op, op_case.params, {}, {}, {}};
  for (std::size_t i = 0; i < op_case.in.size(); ++i) {
    data.types.push_back(op_case.in[i].type);
    data.tensors.push_back(make_tensor(op_case.in[i], op_case.seed * 16 + i));
    data.packs.push_back(op_case.in[i].pack);
  }
  // Cases may leave out what is absent at the end.
  while (data.types.size() < op_of(op_case.op).inputs) {
    data.types.push_back(TensorType::absent());
    data.tensors.push_back(make_tensor(absent(), 0));
    data.packs.push_back(absent().pack);
  }
  return data;
}

Outputs run_reference(const OpData& data) {
  const Op& op = op_of(data.op);
  const auto types = op.infer(data.types, data.params);
  EXPECT_TRUE(types) << types.error().message;
  if (!types) return {};
  const std::vector<HostTensor> operands = reference_operands(data);
  Outputs outputs;
  for (const TensorType& type : *types) {
    const std::size_t bytes = is_packed(type.dtype)
                                  ? static_cast<std::size_t>(type.shape.elements()) * sizeof(float)
                                  : type.bytes();
    outputs.push_back(zeros(type, bytes));
  }
  std::vector<MutableHostView> out;
  for (HostTensor& tensor : outputs) out.push_back(tensor.mutable_view());
  op.reference(views(operands), out, data.params);
  return outputs;
}

Outputs run_backend(Backend& backend, const OpData& data) {
  Builder builder;
  std::vector<Value> in;
  std::vector<Buffer> buffers;
  for (std::size_t i = 0; i < data.tensors.size(); ++i) {
    const TensorType& type = data.types[i];
    in.push_back(type.present() ? builder.input(type, fmt::format("in{}", i)) : kNone);
    if (!type.present()) continue;
    buffers.push_back(!is_packed(type.dtype) ? to_device(backend, data.tensors[i])
                      : type.shape.rank() == 3
                          ? pack_experts_on_device(backend, type, data.tensors[i], data.packs[i])
                          : pack_on_device(backend, data.tensors[i], data.packs[i]));
  }
  const auto types = op_of(data.op).infer(data.types, data.params);
  EXPECT_TRUE(types) << types.error().message;
  if (!types) return {};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < types->size(); ++i) names.push_back(fmt::format("out{}", i));
  for (const Value value : builder.emit(data.op, in, data.params, names)) {
    builder.mark_output(value);
  }
  const auto program = builder.finish();
  EXPECT_TRUE(program) << program.error().message;
  Bindings bindings;
  for (const Buffer& buffer : buffers) bindings.push_back(BufferSlice::whole(buffer));
  std::vector<Buffer> device;
  if (!program || !run_program(backend, *program, bindings, device)) return {};
  Outputs outputs;
  for (std::size_t i = 0; i < device.size(); ++i) {
    outputs.push_back(zeros((*types)[i], device[i].bytes));
    const Status status =
        backend.wait(backend.download(outputs.back().bytes, BufferSlice::whole(device[i]), {}));
    EXPECT_TRUE(status) << status.error().message;
  }
  return outputs;
}

std::string compare_bits(const Outputs& expected, const Outputs& found) {
  if (expected.size() != found.size()) return "the number of outputs differs";
  for (std::size_t o = 0; o < expected.size(); ++o) {
    if (expected[o].type != found[o].type) {
      return fmt::format("output {}: expected {}, found {}", o, expected[o].type.to_string(),
                         found[o].type.to_string());
    }
    const std::size_t size = dtype_bytes(expected[o].type.dtype);
    for (std::size_t i = 0; i < expected[o].bytes.size() / size; ++i) {
      if (std::memcmp(&expected[o].bytes[i * size], &found[o].bytes[i * size], size) == 0) continue;
      const auto at = static_cast<std::int64_t>(i);
      return fmt::format("output {}: element {} of {}: expected the bits of {:.9g}, found {:.9g}",
                         o, i, expected[o].type.to_string(), expected[o].view().at(at),
                         found[o].view().at(at));
    }
  }
  return "";
}

std::string compare(const OpData& data, const Outputs& expected, const Outputs& found,
                    double allowance) {
  const Op& op = op_of(data.op);
  if (op.bound == nullptr) return compare_bits(expected, found);
  const std::vector<HostTensor> operands = reference_operands(data);
  const std::vector<HostView> in = views(operands);
  const std::vector<HostView> out = views(expected);
  std::string worst;
  double worst_share = 1;
  for (std::size_t o = 0; o < expected.size(); ++o) {
    std::vector<double> bounds = bounds_of(op, {in, out, o, data.params});
    for (double& bound : bounds) bound *= allowance;
    const HostView view = found[o].view();
    const Agreement agreement = tepui::compare(out[o], view, bounds);
    if (!(agreement.worst_share > worst_share)) continue;
    worst_share = agreement.worst_share;
    const std::int64_t i = agreement.worst;
    worst = fmt::format(
        "output {}: element {} of {}: expected {:.9g}, found {:.9g}, off by {:.3g}, allowed {:.3g}",
        o, i, expected[o].type.to_string(), out[o].at(i), view.at(i),
        std::abs(out[o].at(i) - view.at(i)), bounds[static_cast<std::size_t>(i)]);
  }
  return worst;
}

std::vector<std::string> backends_under_test() {
  const char* only = std::getenv("TEPUI_TEST_BACKEND");
  std::vector<std::string> names;
  for (const std::string_view name : backend_names()) {
    if (name != "reference" && (only == nullptr || name == only)) names.emplace_back(name);
  }
  if (names.empty()) names.emplace_back("reference");
  return names;
}

void check_op(const OpCase& op_case) {
  SCOPED_TRACE(describe(op_case));
  const OpData data = make_data(op_case);
  const Outputs expected = run_reference(data);
  ASSERT_FALSE(expected.empty());
  for (const std::string& name : backends_under_test()) check_backend(name, data, expected);
}

}  // namespace tepui::test
