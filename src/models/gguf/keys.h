// SPDX-License-Identifier: MIT
// The keys of one architecture in a GGUF file, asked for without "{arch}." before them. Remembers
// which were asked for: those that nobody asks for may change what is computed.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "weights/source.h"

namespace tepui {

class GgufKeys {
 public:
  GgufKeys(const GgufMetadata& metadata, const WeightSource& source, std::string_view arch)
      : metadata_(metadata), source_(source), arch_(arch) {}

  // The key in full, which counts as asked for.
  std::string full(std::string_view name) const;
  const std::string& file() const { return metadata_.file(); }
  const GgufMetadata& metadata() const { return metadata_; }

  // Nothing where the key is absent or 0; an error below 1 and above 2^28.
  Result<std::optional<int>> size(std::string_view name) const;
  // Nothing where it is absent or 0.
  Result<std::optional<double>> number(std::string_view name) const;
  Result<std::optional<std::string>> text(std::string_view name) const;

  const TensorRef* tensor(std::string_view name) const { return source_.find(name); }
  // A small f32 vector of the file, each element above 0; empty where there is none.
  Result<std::vector<float>> factors(std::string_view tensor) const;

  // An error that names the first key of the architecture that was not asked for, unless it is off.
  Status refuse_others() const;

 private:
  const GgufMetadata& metadata_;
  const WeightSource& source_;
  std::string arch_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace tepui
