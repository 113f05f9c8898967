// SPDX-License-Identifier: MIT
#include "train/parameters.h"

#include <algorithm>
#include <map>

#include "ops/check.h"

namespace tepui {
namespace {

// Where element (n, k) of a weight stands in its tensor.
std::size_t place_of(const PackParams& p, std::size_t n, std::size_t k) {
  const std::size_t row = p.run == 0 ? n : n / p.run * p.period + n % p.run;
  return p.transposed != 0 ? p.offset + k * p.stride + row : p.offset + row * p.stride + k;
}

Result<Parameter> parameter_of(const BoundWeight& weight, int layer) {
  const WeightKind kind = kind_of(weight.role);
  if (kind == WeightKind::experts || !weight.rest.empty() || weight.paired_rows != 0)
    return fail(ErrorKind::unsupported,
                "{}: {} cannot be trained: expected a weight that is one tensor or part of one, in "
                "its own order",
                weight.tensor->file, weight.tensor->name);
  if (is_quantised(weight.tensor->type.dtype))
    return fail(ErrorKind::unsupported, "{}: {}: expected floats to train, found {}",
                weight.tensor->file, weight.tensor->name, weight.tensor->type.to_string());
  Parameter parameter;
  parameter.layer = layer;
  parameter.weight = &weight;
  const bool vector = kind == WeightKind::vector;
  parameter.shape =
      vector ? shape_of(weight.place.n) : shape_of(weight.place.n, std::uint64_t{weight.place.k});
  // nanoGPT decays whatever has two dimensions, the extra keys and values and the gates of
  // heads of the studies as well.
  parameter.decays = !vector || weight.role == WeightRole::extra_key ||
                     weight.role == WeightRole::extra_value || weight.role == WeightRole::head_gate;
  const std::string role(role_name(weight.role));
  parameter.name = layer == kGlobalLayer ? role : fmt::format("layer {} {}", layer, role);
  return parameter;
}

}  // namespace

Result<std::vector<Parameter>> parameters_of(const Model& model) {
  std::vector<Parameter> parameters;
  for (const BoundWeight& weight : model.globals) {
    TEPUI_TRY(parameters.emplace_back(), parameter_of(weight, kGlobalLayer));
  }
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
    for (const BoundWeight& weight : model.layers[layer]) {
      TEPUI_TRY(parameters.emplace_back(), parameter_of(weight, static_cast<int>(layer)));
    }
  }
  return parameters;
}

std::vector<float> parameter_values(const Parameter& parameter) {
  const BoundWeight& weight = *parameter.weight;
  const HostView tensor{weight.tensor->type, weight.tensor->bytes};
  const std::size_t columns = parameter.shape.rank() == 2 ? weight.place.k : 1;
  std::vector<float> values(parameter.elements());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t at = place_of(weight.place, i / columns, i % columns);
    values[i] = static_cast<float>(tensor.at(static_cast<std::int64_t>(at))) + weight.add;
  }
  return values;
}

std::vector<TensorValues> file_tensors(const std::vector<Parameter>& parameters,
                                       const ParameterValues& values) {
  std::vector<TensorValues> tensors;
  std::map<const TensorRef*, std::size_t> index;
  for (const Parameter& parameter : parameters) {
    const TensorRef* tensor = parameter.weight->tensor;
    if (!index.emplace(tensor, tensors.size()).second) continue;
    TensorValues& out = tensors.emplace_back();
    out.name = tensor->name;
    out.shape = tensor->type.shape;
    out.values.resize(static_cast<std::size_t>(out.shape.elements()));
    const HostView view{tensor->type, tensor->bytes};
    for (std::size_t i = 0; i < out.values.size(); ++i)
      out.values[i] = static_cast<float>(view.at(static_cast<std::int64_t>(i)));
  }
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const BoundWeight& weight = *parameters[p].weight;
    const std::size_t columns = parameters[p].shape.rank() == 2 ? weight.place.k : 1;
    std::vector<float>& to = tensors[index.at(weight.tensor)].values;
    for (std::size_t i = 0; i < values[p].size(); ++i)
      to[place_of(weight.place, i / columns, i % columns)] = values[p][i] - weight.add;
  }
  return tensors;
}

}  // namespace tepui
