// SPDX-License-Identifier: MIT
#include "train/backend_loss.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "ops/builder.h"
#include "ops/differentiate.h"

namespace tepui {

struct BackendNetLossFactory::LossProgram {
  // A value that the host writes before a run, or reads behind it.
  struct HostValue {
    Value value;
    Buffer buffer;
    std::vector<float> floats;

    BufferSlice slice() const { return BufferSlice::whole(buffer); }
    std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(floats)); }
  };

  static Result<std::unique_ptr<LossProgram>> make(Backend& backend, const NetShape& shape,
                                                   bool real);

  Result<double> sum(std::span<const double> parameters, std::span<const float> rows,
                     const Targets& targets, std::span<double> gradient);

  Status add(Value value, const Program& program, std::vector<HostValue>& to) {
    HostValue own;
    own.value = value;
    const TensorType& type = program.info(value).type;
    own.floats.resize(static_cast<std::size_t>(type.shape.elements()));
    TEPUI_TRY(own.buffer, backend.allocate(backend.storage_bytes(type), Memory::device));
    to.push_back(std::move(own));
    return {};
  }

  explicit LossProgram(Backend& device) : backend(device) {}
  Backend& backend;
  std::unique_ptr<Prepared> prepared;
  bool real = false;
  std::size_t values = 0;          // of the Program
  std::vector<HostValue> weights;  // of each layer its matrix and its bias, as in NetShape
  std::vector<HostValue> data;     // rows; targets (i32 as bits, or f32); weights of rows
  std::vector<HostValue> constant;
  std::vector<HostValue> outputs;  // losses; gradients in the order of `weights`
};

Result<std::unique_ptr<BackendNetLossFactory::LossProgram>>
BackendNetLossFactory::LossProgram::make(Backend& backend, const NetShape& shape, bool real) {
  Builder builder;
  const auto f32 = [](std::vector<std::int64_t> sizes) {
    return TensorType{DType::f32, sizes.size() == 1 ? Shape{sizes[0]} : Shape{sizes[0], sizes[1]}};
  };
  const Value rows = builder.input(f32({kBlockRows, shape.widths.front()}), "rows");
  std::vector<Value> of;
  Value x = rows;
  for (std::size_t i = 0; i < shape.layers(); ++i) {
    const std::int64_t in = shape.widths[i];
    const std::int64_t out = shape.widths[i + 1];
    const Value weight = builder.input(f32({out, in}), fmt::format("weight {}", i));
    const Value bias = builder.input(f32({out}), fmt::format("bias {}", i));
    of.push_back(weight);
    of.push_back(bias);
    x = builder.linear(x, builder.pack(weight, false, fmt::format("weight {} packed", i)), bias,
                       kNone, TEPUI_ACT_NONE, fmt::format("sum {}", i));
    if (i + 1 < shape.layers()) x = builder.act(x, TEPUI_ACT_RELU, fmt::format("hidden {}", i));
  }
  const Value row_weights = builder.input(f32({kBlockRows}), "row weights");
  Value targets;
  Value state = kNone;
  Value loss;
  if (real) {
    targets = builder.input(f32({kBlockRows, 1}), "targets");
    loss = builder.squared_error(x, targets, row_weights, "losses");
  } else {
    targets = builder.input({DType::i32, Shape{kBlockRows}}, "targets");
    state = builder.input(f32({kBlockRows, 3}), "state");
    loss =
        builder.nll(builder.cross_entropy(x, targets, state, 0, "folded"), row_weights, "losses");
  }
  builder.mark_output(loss);
  TEPUI_TRY(Program forward, builder.finish());
  TEPUI_TRY(const Differentiated made, differentiate(std::move(forward), {&loss, 1}, of));
  TEPUI_ASSERT(made.transposed.empty());
  auto out = std::make_unique<LossProgram>(backend);
  out->real = real;
  out->values = made.program.values.size();
  for (const Value value : of) TEPUI_TRY(out->add(value, made.program, out->weights));
  for (const Value value : {rows, targets, row_weights})
    TEPUI_TRY(out->add(value, made.program, out->data));
  TEPUI_TRY(out->add(loss, made.program, out->outputs));
  for (const Value value : made.gradients) TEPUI_TRY(out->add(value, made.program, out->outputs));
  if (!real) {
    TEPUI_TRY(out->add(state, made.program, out->constant));
    HostValue& start = out->constant.back();
    for (std::size_t r = 0; r < static_cast<std::size_t>(kBlockRows); ++r)
      start.floats[3 * r] = -std::numeric_limits<float>::infinity();
    TEPUI_TRY(backend.wait(backend.upload(start.slice(), start.bytes(), {})));
  }
  TEPUI_TRY(out->prepared, backend.prepare(made.program));
  return out;
}

Result<double> BackendNetLossFactory::LossProgram::sum(std::span<const double> parameters,
                                                       std::span<const float> rows,
                                                       const Targets& targets,
                                                       std::span<double> gradient) {
  std::size_t at = 0;
  for (HostValue& own : weights)
    for (float& value : own.floats) value = static_cast<float>(parameters[at++]);
  std::ranges::fill(data[0].floats, 0.0F);
  std::ranges::copy(rows, data[0].floats.begin());
  const std::size_t count = real ? targets.values.size() : targets.labels.size();
  for (std::size_t r = 0; r < static_cast<std::size_t>(kBlockRows); ++r) {
    const bool there = r < count;
    // Half of the squared error: the definition's.
    const double weight = !there ? 0 : real ? 0.5 : targets.weight(targets.labels[r]);
    data[2].floats[r] = static_cast<float>(weight);
    data[1].floats[r] = !there ? 0
                        : real ? static_cast<float>(targets.values[r])
                               : std::bit_cast<float>(std::int32_t{targets.labels[r]});
  }
  Bindings bindings(values);
  std::vector<Ticket> uploads;
  for (auto* group : {&weights, &data, &constant, &outputs}) {
    for (HostValue& own : *group) {
      bindings[own.value.id] = own.slice();
      if (group == &weights || group == &data)
        uploads.push_back(backend.upload(own.slice(), own.bytes(), {}));
    }
  }
  std::vector<Ticket> tickets = uploads;
  const Ticket done = backend.run(*prepared, bindings, uploads);
  tickets.push_back(done);
  for (HostValue& own : outputs)
    tickets.push_back(backend.download(own.bytes(), own.slice(), {&done, 1}));
  // All of them, whatever fails: their memory is used again.
  Status all;
  for (const Ticket ticket : tickets)
    if (Status status = backend.wait(ticket); !status && all) all = std::move(status);
  TEPUI_TRY(all);
  double loss = 0;
  for (const float one : outputs.front().floats) loss += double{one};
  at = 0;
  for (std::size_t i = 1; i < outputs.size(); ++i)
    for (const float one : outputs[i].floats) gradient[at++] = double{one};
  if (!std::isfinite(loss))
    return fail(ErrorKind::data, "a probe's loss: expected a finite number, found {}", loss);
  return loss;
}

namespace {

class BackendNetLoss final : public NetLoss {
 public:
  BackendNetLoss(NetShape shape, BackendNetLossFactory::LossProgram& program)
      : NetLoss(std::move(shape)), program_(program) {}
  bool concurrent() const override { return false; }
  Result<double> sum(std::span<const double> parameters, std::span<const float> rows,
                     const Targets& targets, std::span<double> gradient) override {
    return program_.sum(parameters, rows, targets, gradient);
  }

 private:
  BackendNetLossFactory::LossProgram& program_;
};

}  // namespace

BackendNetLossFactory::BackendNetLossFactory(Backend& backend) : backend_(backend) {}
BackendNetLossFactory::~BackendNetLossFactory() = default;

Result<std::unique_ptr<NetLoss>> BackendNetLossFactory::make(const NetShape& shape, bool real) {
  auto& program = programs_[{shape.widths, real}];
  if (program == nullptr) {
    TEPUI_TRY(program, LossProgram::make(backend_, shape, real));
  }
  return std::make_unique<BackendNetLoss>(shape, *program);
}

}  // namespace tepui
