// SPDX-License-Identifier: MIT
#include "train/append.h"

#include "base/assert.h"

namespace tepui {

std::vector<Value> append_steps(Builder& builder, const Program& part,
                                const std::map<std::uint32_t, Value>& known,
                                const std::function<Value(Value, Value)>& changed) {
  std::vector<Value> made(part.values.size(), kNone);
  for (const auto& [id, value] : known) made[id] = value;
  for (const Step& step : part.steps) {
    std::vector<Value> in;
    for (const Value value : step.in) {
      TEPUI_ASSERT(!value.present() || made[value.id].present() || builder.failed());
      in.push_back(value.present() ? made[value.id] : kNone);
    }
    std::vector<std::string> names;
    for (const Value value : step.out) names.push_back(part.info(value).name);
    const std::vector<Value> out = builder.emit(step.op, std::move(in), step.params, names);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const bool is_new = i == 0 && !builder.failed();
      made[step.out[i].id] = is_new ? changed(step.out[i], out[i]) : out[i];
    }
  }
  return made;
}

}  // namespace tepui
