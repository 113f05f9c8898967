// SPDX-License-Identifier: MIT
#include "study/verify_log.h"

#include <algorithm>

namespace tepui {

namespace {

std::string layer_name(const std::string& part, int layer) {
  return layer == kNoLayer ? part : fmt::format("layer {}", layer);
}

// "mlp_pre = linear(mlp_in, gate)"
std::string formula_of(const Program& program, const Step& step, Value value) {
  std::string operands;
  for (const Value operand : step.in) {
    if (operand.present()) operands += (operands.empty() ? "" : ", ") + program.info(operand).name;
  }
  return fmt::format("{} = {}({})", program.info(value).name, op_of(step.op).name, operands);
}

}  // namespace

void VerifyLog::before(const PartRun& part) {
  part_ = part.part;
  layer_ = part.layer;
  first_sequence_ = part.first_sequence;
  shape_ = part.shape;
}

void VerifyLog::begin_head(int first_sequence, const ChunkShape& shape) {
  part_ = "head";
  layer_ = kNoLayer;
  first_sequence_ = first_sequence;
  shape_ = shape;
}

VerifiedOp& VerifyLog::row_of(const StepCheck& check) {
  const std::string name =
      check.whole ? kWholePrograms : std::string(op_of(check.program.steps[check.step].op).name);
  const auto found = std::ranges::find(into_.ops, name, &VerifiedOp::op);
  if (found != into_.ops.end()) return *found;
  into_.ops.emplace_back();
  into_.ops.back().op = name;
  into_.ops.back().exact = check.bounds.empty();
  return into_.ops.back();
}

Status VerifyLog::add(const StepCheck& check) {
  VerifiedOp& row = row_of(check);
  const std::pair step(check.whole, check.step);
  if (step != step_ || check.output <= output_) {
    ++row.steps;
    if (!check.whole) ++into_.steps;
    step_deviates_ = false;
  }
  step_ = step;
  output_ = check.output;
  row.values += check.reference.type.shape.elements();
  const double share = std::max(check.first.worst_share, check.second.worst_share);
  if (share > std::max(row.first, row.second))
    row.worst_at = layer_name(part_, layer_) + " " + check.program.info(check.value()).name;
  row.first = std::max(row.first, check.first.worst_share);
  row.second = std::max(row.second, check.second.worst_share);
  if (check.agrees()) return {};
  if (!step_deviates_) {
    ++row.deviating;
    ++into_.deviating;
  }
  step_deviates_ = true;
  if (!into_.first_deviation) into_.first_deviation = describe(check);
  return {};
}

StepDeviation VerifyLog::describe(const StepCheck& check) const {
  StepDeviation out;
  out.part = part_;
  out.layer = layer_;
  out.step = check.step;
  out.op = op_of(check.program.steps[check.step].op).name;
  const ValueInfo& info = check.program.info(check.value());
  out.value = info.name;
  out.formula = formula_of(check.program, check.program.steps[check.step], check.value());
  out.first_left = !check.first.agrees();
  out.second_left = !check.second.agrees();
  out.whole = check.whole;
  // Where both left theirs, the worse one says where.
  const bool second = check.second.worst_share > check.first.worst_share;
  out.element = second ? check.second.worst : check.first.worst;
  out.first = check.first_value.at(out.element);
  out.second = check.whole ? 0 : check.second_value.at(out.element);
  out.reference = check.reference.at(out.element);
  out.bound = check.bounds.empty() ? 0 : check.bounds[static_cast<std::size_t>(out.element)];
  place(info.type, out);
  return out;
}

// Rows of a value are tokens or sequences; what follows is the channel, or the rank of a statistic.
void VerifyLog::place(const TensorType& type, StepDeviation& out) const {
  if (part_ == "weights" || type.shape.rank() == 0 || type.shape[0] == 0) return;
  const std::int64_t width = type.shape.elements() / type.shape[0];
  std::int64_t row = out.element / width;
  if (type.shape.rank() > 1) out.channel = out.element % width;
  if (type.shape[0] == shape_.rows()) {
    std::int64_t sequence = 0;
    for (const int length : shape_.lengths) {
      if (row < length) break;
      row -= length;
      ++sequence;
    }
    out.sequence = first_sequence_ + sequence;
    out.position = row;
    const auto& ids = input_.sequences[static_cast<std::size_t>(out.sequence)];
    const TokenId id = ids[static_cast<std::size_t>(row)];
    const bool spelled = input_.tokenizer != nullptr && id < input_.tokenizer->vocabulary_size();
    out.token = spelled ? input_.tokenizer->piece_bytes(id) : fmt::format("<id {}>", id);
  } else if (type.shape[0] == shape_.sequences()) {
    out.sequence = first_sequence_ + row;
  }
}

}  // namespace tepui
