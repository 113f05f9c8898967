// SPDX-License-Identifier: MIT
#include "study/bench_model.h"

#include <unistd.h>

#include <algorithm>

#include "models/bindings.h"
#include "models/named_shape.h"
#include "weights/encode.h"
#include "weights/memory_source.h"

namespace tepui {

namespace {

// Layers that fit twice, stored and packed, which is as narrow, into half of the machine.
int layers_that_fit(const NamedShape& shape, DType dtype) {
  const double pages = static_cast<double>(::sysconf(_SC_PHYS_PAGES));
  const double half = pages * static_cast<double>(::sysconf(_SC_PAGE_SIZE)) / 2;
  const DTypeBlock block = dtype_block(dtype);
  const double element = static_cast<double>(block.bytes) / static_cast<double>(block.elements);
  const auto bytes = [&](const std::vector<ShapeTensor>& tensors) {
    double sum = 0;
    for (const ShapeTensor& tensor : tensors)
      sum += 2 * element * static_cast<double>(tensor.shape.elements());
    return sum;
  };
  const double room = half - bytes(global_tensors(shape));
  return std::clamp(static_cast<int>(room / bytes(layer_tensors(shape, 0))), 1, shape.layers);
}

}  // namespace

Result<DType> bench_type(const std::string& name) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::q8_0})
    if (dtype_name(type) == name) return type;
  return fail(ErrorKind::usage, "--types: expected f32, f16, bf16 or q8_0, found \"{}\"", name);
}

Result<BenchModel> bench_model(const BenchRequest& request, const std::string& type) {
  BenchModel out;
  TEPUI_TRY(const DType dtype, bench_type(type.empty() ? "f32" : type));
  if (!request.shape.empty()) {
    TEPUI_TRY(NamedShape shape, named_shape(request.shape));
    out.of_layers = shape.layers;
    shape.layers =
        request.layers > 0 ? std::min(request.layers, shape.layers) : layers_that_fit(shape, dtype);
    TEPUI_TRY(out.model, random_model(shape, dtype));
    return out;
  }
  TEPUI_TRY(out.model, open_model(request.model));
  out.of_layers = out.model.spec.dims.layers;
  if (type.empty()) return out;
  Model changed;
  changed.spec = out.model.spec;
  changed.name = out.model.name;
  changed.path = out.model.path;
  changed.container = out.model.container;
  if (out.model.container == "GGUF")
    return fail(ErrorKind::unsupported,
                "--types: the weights of a GGUF file are measured as they are stored, found {}",
                type);
  changed.source = converted(*out.model.source, dtype);
  TEPUI_TRY(bind_weights(changed));
  out.model = std::move(changed);
  return out;
}

Result<BenchModel> bench_outline(const BenchRequest& request, const std::string& type) {
  BenchModel out;
  if (request.shape.empty()) return bench_model(request, type);
  TEPUI_TRY(const DType dtype, bench_type(type.empty() ? "f32" : type));
  TEPUI_TRY(const NamedShape shape, named_shape(request.shape));
  TEPUI_TRY(out.model, outline_model(shape, dtype));
  out.of_layers = out.model.spec.dims.layers;
  return out;
}

}  // namespace tepui
