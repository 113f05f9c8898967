// SPDX-License-Identifier: MIT
#include "ops/differentiate.h"

#include <algorithm>
#include <map>

#include "ops/gradient.h"

namespace tepui {

class Tape {
 public:
  Tape(Program program, std::span<const Value> losses)
      : steps_(program.steps), losses_(losses.begin(), losses.end()), builder_(std::move(program)) {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (const Value value : steps_[i].out) producer_[value.id] = i;
    }
    wanted_.assign(builder_.program().values.size(), false);
  }

  void want(Value value) { wanted_[value.id] = true; }
  void hold(Value value) { held_.push_back(value); }

  Status walk() {
    for (const Step& step : steps_) {
      const bool any = std::ranges::any_of(step.in, [&](Value value) { return wants(value); });
      for (const Value value : step.out) {
        const bool held = std::ranges::find(held_, value) != held_.end();
        wanted_[value.id] = (wanted_[value.id] || any) && !held;
      }
    }
    for (std::size_t i = steps_.size(); i-- > 0;) TEPUI_TRY(visit(steps_[i]));
    return {};
  }

  bool wants(Value value) const { return value.present() && wanted_[value.id]; }
  bool is_loss(Value value) const { return std::ranges::find(losses_, value) != losses_.end(); }

  // The sum of what was given so far.
  Value gradient(Value value) {
    const auto found = given_.find(value.id);
    if (found == given_.end()) return kNone;
    std::vector<Value>& parts = found->second;
    while (parts.size() > 1) {
      const Value sum = builder_.add(parts[0], parts[1], name(value));
      parts.erase(parts.begin(), parts.begin() + 2);
      parts.insert(parts.begin(), sum);
    }
    return parts.front();
  }

  void give(Value value, Value gradient) {
    if (wants(value) && gradient.present()) given_[value.id].push_back(gradient);
  }

  Result<Value> transposed(Value matrix) {
    const auto known = transposed_.find(matrix.id);
    if (known != transposed_.end()) return known->second;
    const ValueInfo info = builder_.program().info(matrix);
    std::string own = fmt::format("{} transposed", info.name);
    Value result;
    if (const auto packed = producer_.find(matrix.id); packed != producer_.end()) {
      const Step& step = steps_[packed->second];
      if (step.op != OpCode::pack || step.params.as<PackParams>().run != 0)
        return fail(ErrorKind::unsupported,
                    "differentiate: {}: expected a matrix that `pack` makes of a whole one",
                    info.name);
      auto params = step.params.as<PackParams>();
      std::swap(params.n, params.k);
      params.transposed = params.transposed != 0 ? 0 : 1;
      result = builder_.pack(step.in.front(), params, std::move(own));
    } else {
      const Shape shape{info.type.shape[1], info.type.shape[0]};
      result = builder_.weight({DType::packed, shape}, std::move(own));
      bound_.emplace_back(matrix, result);
    }
    transposed_.emplace(matrix.id, result);
    return result;
  }

  std::string name(Value value) const {
    return fmt::format("gradient of {}", builder_.program().info(value).name);
  }
  Builder& builder() { return builder_; }
  std::vector<std::pair<Value, Value>> take_bound() { return std::move(bound_); }

 private:
  Status visit(const Step& step) {
    if (std::ranges::none_of(step.in, [&](Value value) { return wants(value); })) return {};
    bool reached = false;
    for (const Value value : step.out) {
      if (is_loss(value) && given_.contains(value.id))
        return fail(ErrorKind::unsupported,
                    "differentiate: {}: expected a loss that nothing else is made of",
                    builder_.program().info(value).name);
      reached = reached || is_loss(value) || given_.contains(value.id);
    }
    if (!reached) return {};
    const Op& op = op_of(step.op);
    if (op.gradient == nullptr)
      return fail(ErrorKind::unsupported, "differentiate: the step {} \"{}\" has no gradient",
                  op.name, builder_.program().info(step.out.front()).name);
    GradientBuilder at(*this, step);
    return op.gradient(at);
  }

  std::vector<Step> steps_;  // the Program's own
  std::vector<Value> losses_;
  std::vector<Value> held_;
  Builder builder_;
  std::map<std::uint32_t, std::size_t> producer_;
  std::vector<bool> wanted_;  // by id of the Program's own values
  std::map<std::uint32_t, std::vector<Value>> given_;
  std::map<std::uint32_t, Value> transposed_;
  std::vector<std::pair<Value, Value>> bound_;
};

Builder& GradientBuilder::builder() const { return tape_.builder(); }
bool GradientBuilder::wants(std::size_t slot) const { return tape_.wants(step_.in[slot]); }
Value GradientBuilder::of_out(std::size_t index) const { return tape_.gradient(step_.out[index]); }
bool GradientBuilder::is_loss() const { return tape_.is_loss(step_.out.front()); }
void GradientBuilder::give(std::size_t slot, Value gradient) const {
  tape_.give(step_.in[slot], gradient);
}
Result<Value> GradientBuilder::transposed(Value matrix) const { return tape_.transposed(matrix); }
std::string GradientBuilder::name(std::size_t slot) const { return tape_.name(step_.in[slot]); }

Status expect_loss(const GradientBuilder& at) {
  if (at.is_loss()) return {};
  return fail(ErrorKind::unsupported,
              "differentiate: {} \"{}\": expected it to be one of the losses, whose sum is taken",
              op_of(at.step().op).name, at.builder().program().info(at.out()).name);
}

namespace {

Status check_request(const Program& program, std::span<const Value> losses,
                     std::span<const Value> of) {
  for (const Value loss : losses) {
    const auto maker = std::ranges::find_if(program.steps, [&](const Step& step) {
      return std::ranges::find(step.out, loss) != step.out.end();
    });
    const bool is_loss = maker != program.steps.end() &&
                         (maker->op == OpCode::nll || maker->op == OpCode::squared_error);
    if (!is_loss)
      return fail(ErrorKind::unsupported,
                  "differentiate: {}: expected a loss (what nll or squared_error gives)",
                  program.info(loss).name);
  }
  for (const Value value : of) {
    const DType dtype = program.info(value).type.dtype;
    if (dtype != DType::f32 && !is_packed(dtype))
      return fail(ErrorKind::unsupported, "differentiate: {}: expected f32 or packed, found {}",
                  program.info(value).name, program.info(value).type.to_string());
  }
  return {};
}

}  // namespace

Result<Differentiated> differentiate(Program program, std::span<const Value> losses,
                                     std::span<const Value> of, std::span<const Value> held) {
  TEPUI_TRY(check_request(program, losses, of));
  Tape tape(std::move(program), losses);
  for (const Value value : held) tape.hold(value);
  for (const Value value : of) tape.want(value);
  TEPUI_TRY(tape.walk());
  Differentiated result;
  for (const Value value : of) {
    const Value gradient = tape.gradient(value);
    if (!gradient.present() && !tape.builder().failed())
      return fail(ErrorKind::data, "differentiate: {}: no loss depends on it",
                  tape.builder().program().info(value).name);
    result.gradients.push_back(gradient);
  }
  for (const Value gradient : result.gradients) {
    if (gradient.present()) tape.builder().mark_output(gradient);
  }
  TEPUI_TRY(result.program, tape.builder().finish());
  result.transposed = tape.take_bound();
  return result;
}

}  // namespace tepui
