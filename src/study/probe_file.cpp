// SPDX-License-Identifier: MIT
#include "study/probe_file.h"

#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "base/utf8_text.h"
#include "input/json_file.h"
#include "store/little_endian.h"
#include "store/output_file.h"
#include "weights/safetensors.h"

namespace tepui {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kProbeFormat = "tepui probe 1";

class TensorWriter {
 public:
  template <class T>
  void add(const std::string& name, const char* dtype, std::vector<int> shape,
           std::span<const T> values) {
    const auto blob = to_blob<T>(values);
    header_[name] = {{"dtype", dtype},
                     {"shape", shape},
                     {"data_offsets", {data_.size(), data_.size() + blob.size()}}};
    data_.append(reinterpret_cast<const char*>(blob.data()), blob.size());
  }

  Status write(const std::filesystem::path& path) {
    std::string text = header_.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    std::string start;
    for (int byte = 0; byte < 8; ++byte)
      start += static_cast<char>((static_cast<std::uint64_t>(text.size()) >> (8 * byte)) & 0xFFU);
    TEPUI_TRY(OutputFile file, OutputFile::create(path));
    TEPUI_TRY(file.write(start + text + data_));
    return file.commit();
  }

 private:
  ordered_json header_ = {{"__metadata__", {{"format", kProbeFormat}}}};
  std::string data_;
};

std::filesystem::path tensors_beside(std::filesystem::path file) {
  return file.replace_extension(".safetensors");
}

class ProbeReader {
 public:
  ProbeReader(const std::filesystem::path& file, json document)
      : file_(file), document_(std::move(document)) {}

  Result<StoredProbe> read() {
    StoredProbe out;
    TEPUI_TRY(const std::string format, text("format"));
    if (format != kProbeFormat) return wrong("format", kProbeFormat);
    TEPUI_TRY(out.model, text("model"));
    TEPUI_TRY(out.model_fingerprint, text("model_fingerprint"));
    TEPUI_TRY(out.target, text("target"));
    TEPUI_TRY(out.features, text("features"));
    TEPUI_TRY(out.probe, text("probe"));
    TEPUI_TRY(const std::string name, text("site"));
    const auto site = site_from_name(name);
    if (!site) return wrong("site", "the name of a site");
    out.point = {kNoLayer, *site};
    if (site_has_layer(*site)) {
      TEPUI_TRY(out.point.layer, number("layer"));
    }
    const json* const classes = input::member(document_, "classes");
    if (classes == nullptr || !classes->is_array()) return wrong("classes", "a list of names");
    for (const json& one : *classes) {
      if (!one.is_string()) return wrong("classes", "a list of names");
      out.classes.push_back(one.get<std::string>());
    }
    TEPUI_TRY(out.rule, rule());
    TEPUI_TRY(tensors(out.trained));
    const std::size_t outputs = out.classes.empty() ? 1 : out.classes.size();
    if (static_cast<std::size_t>(out.trained.net.outputs()) != outputs ||
        out.trained.net.layers.front().in != out.trained.map.out_width())
      return fail(ErrorKind::data, "{}: the layers do not fit the classes or the features",
                  file_.string());
    return out;
  }

 private:
  tl::unexpected<Error> wrong(std::string_view key, std::string_view expected) const {
    return fail(ErrorKind::data,
                "{}: {}: expected {}, found something else: is it a probe of tepui?",
                file_.string(), key, expected);
  }
  Result<std::string> text(const char* key) const {
    const json* const found = input::member(document_, key);
    if (found == nullptr || !found->is_string()) return wrong(key, "a text");
    return found->get<std::string>();
  }
  Result<std::optional<MassiveRule>> rule() const {
    const json* const found = input::member(document_, "rule");
    if (found == nullptr) return std::optional<MassiveRule>();
    const json* const abs = input::member(*found, "min_abs");
    const json* const ratio = input::member(*found, "min_ratio");
    if (abs == nullptr || ratio == nullptr || !abs->is_number() || !ratio->is_number())
      return wrong("rule", "min_abs and min_ratio");
    return std::optional(MassiveRule{abs->get<double>(), ratio->get<double>()});
  }
  Result<int> number(const char* key) const {
    const json* const found = input::member(document_, key);
    if (found == nullptr || !found->is_number_integer() || found->get<std::int64_t>() < 0 ||
        found->get<std::int64_t>() > (1 << 24))
      return wrong(key, "a whole number");
    return found->get<int>();
  }

  // The tensor's values as f32; its shape must be as expected, -1 standing for any size.
  Result<std::vector<float>> values(const std::string& name,
                                    std::vector<std::int64_t>& shape) const {
    const auto at = refs_.find(name);
    if (at == refs_.end())
      return fail(ErrorKind::data, "{}: expected a tensor {}, found none",
                  tensors_beside(file_).string(), name);
    const TensorRef& ref = at->second;
    bool fits = ref.type.shape.rank() == static_cast<int>(shape.size()) &&
                (ref.type.dtype == DType::f32 || ref.type.dtype == DType::i32);
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
      const std::int64_t size = ref.type.shape[static_cast<int>(i)];
      fits = shape[i] < 0 || shape[i] == size;
      shape[i] = size;
    }
    if (!fits)
      return fail(ErrorKind::data, "{}: {}: expected another shape or type",
                  tensors_beside(file_).string(), name);
    const HostView view{ref.type, ref.bytes};
    std::vector<float> out;
    for (std::int64_t i = 0; i < ref.type.shape.elements(); ++i) {
      out.push_back(static_cast<float>(view.at(i)));
      if (!std::isfinite(out.back()))
        return fail(ErrorKind::data, "{}: {}: expected finite numbers, found {} at {}",
                    tensors_beside(file_).string(), name, out.back(), i);
    }
    return out;
  }

  Status tensors(TrainedProbe& out) {
    TEPUI_TRY(const MappedFile file, MappedFile::open(tensors_beside(file_)));
    TEPUI_TRY(const auto refs, read_safetensors(file));
    for (const TensorRef& ref : refs) refs_[ref.name] = ref;
    FeatureMap& map = out.map;
    TEPUI_TRY(map.width, number("width"));
    TEPUI_TRY(const FeatureSpec spec,
              parse_features(document_["features"].get<std::string>(), "features"));
    map.limit = static_cast<float>(spec.limit);
    map.rms = spec.rms;
    if (spec.needs_massive()) {
      std::vector<std::int64_t> any = {-1};
      TEPUI_TRY(const auto channels, values("features.channels", any));
      for (const float c : channels) {
        if (c < 0 || c >= static_cast<float>(map.width))
          return wrong("width", "all channels' room");
        map.channels.push_back(static_cast<int>(c));
      }
    }
    std::vector<std::int64_t> own = {map.out_width()};
    if (spec.standardised) {
      TEPUI_TRY(map.mean, values("features.mean", own));
      TEPUI_TRY(map.scale, values("features.scale", own));
    }
    std::int64_t in = map.out_width();
    for (int i = 0; refs_.contains(fmt::format("layers.{}.weight", i)); ++i) {
      std::vector<std::int64_t> shape = {-1, in};
      TEPUI_TRY(auto weight, values(fmt::format("layers.{}.weight", i), shape));
      std::vector<std::int64_t> outputs = {shape[0]};
      TEPUI_TRY(auto bias, values(fmt::format("layers.{}.bias", i), outputs));
      out.net.layers.push_back(
          {static_cast<int>(in), static_cast<int>(shape[0]), std::move(weight), std::move(bias)});
      in = shape[0];
    }
    if (out.net.layers.empty())
      return fail(ErrorKind::data, "{}: expected layers.0.weight, found none",
                  tensors_beside(file_).string());
    return {};
  }

  const std::filesystem::path& file_;
  json document_;
  std::map<std::string, TensorRef> refs_;
};

}  // namespace

std::string probe_file_name(const StoredProbe& probe) {
  std::string name =
      fmt::format("{}.{}.{}", probe.probe, probe.target, site_name(probe.point.site));
  if (site_has_layer(probe.point.site)) name += fmt::format(".{}", probe.point.layer);
  name += "." + probe.features;
  for (char& c : name)
    if (c == ':') c = '-';
  return name;
}

Status write_probe_file(const std::filesystem::path& folder, const StoredProbe& probe) {
  const std::string name = probe_file_name(probe);
  TensorWriter tensors;
  const FeatureMap& map = probe.trained.map;
  const int width = map.out_width();
  if (!map.channels.empty())
    tensors.add<std::int32_t>("features.channels", "I32", {width}, map.channels);
  if (!map.mean.empty()) {
    tensors.add<float>("features.mean", "F32", {width}, map.mean);
    tensors.add<float>("features.scale", "F32", {width}, map.scale);
  }
  for (std::size_t i = 0; i < probe.trained.net.layers.size(); ++i) {
    const DenseLayer& layer = probe.trained.net.layers[i];
    tensors.add<float>(fmt::format("layers.{}.weight", i), "F32", {layer.out, layer.in},
                       layer.weight);
    tensors.add<float>(fmt::format("layers.{}.bias", i), "F32", {layer.out}, layer.bias);
  }
  TEPUI_TRY(tensors.write(folder / (name + ".safetensors")));
  ordered_json document;
  document["format"] = kProbeFormat;
  document["model"] = valid_utf8(probe.model);
  document["model_fingerprint"] = probe.model_fingerprint;
  document["target"] = probe.target;
  document["classes"] = json::array();
  for (const std::string& one : probe.classes) document["classes"].push_back(valid_utf8(one));
  document["site"] = site_name(probe.point.site);
  document["layer"] =
      site_has_layer(probe.point.site) ? ordered_json(probe.point.layer) : ordered_json(nullptr);
  document["width"] = map.width;
  document["features"] = probe.features;
  document["probe"] = probe.probe;
  document["seed"] = 0;
  if (probe.rule)
    document["rule"] = {{"min_abs", probe.rule->min_abs}, {"min_ratio", probe.rule->min_ratio}};
  TEPUI_TRY(OutputFile file, OutputFile::create(folder / (name + ".json")));
  TEPUI_TRY(file.write(document.dump(1) + "\n"));
  return file.commit();
}

Result<StoredProbe> read_probe_file(const std::filesystem::path& file) {
  TEPUI_TRY(json document, input::read_json(file));
  return ProbeReader(file, std::move(document)).read();
}

}  // namespace tepui
