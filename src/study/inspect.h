// SPDX-License-Identifier: MIT
// What a model is, told without reading its weights: `tepui inspect`. Everything follows from the
// configuration, the directory of tensors and the Programs that the model lowers to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "input/tokenizer.h"
#include "models/model.h"
#include "tepui/result.h"
#include "tepui/site.h"

namespace tepui {

struct DTypeUse {
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
  std::uint64_t bytes = 0;
};

struct SiteUse {
  Site site = Site::resid_post;
  int width = 0;       // 0: the model has no such site
  std::string reason;  // why not
};

// A backend of this machine and whether it has kernels for all that the model lowers to.
struct BackendUse {
  std::string selector;              // what --backend takes
  std::string name;                  // of the device
  std::vector<std::string> missing;  // why it cannot run the model; empty: it can
  std::uint64_t memory_bytes = 0;    // of the device
  std::uint64_t weights_bytes = 0;   // with all layers resident
  std::uint64_t smallest_bytes = 0;  // embeddings, final norm and the largest layer
  std::uint64_t sequence_bytes = 0;  // while a sequence of `sequence_tokens` passes a layer
  int sequence_tokens = 0;
};

struct ModelReport {
  Model model;
  std::int64_t parameters = 0;
  std::int64_t embedding_parameters = 0;  // of them, tables and a head of its own
  std::map<std::string, DTypeUse> dtypes;
  std::unique_ptr<Tokenizer> tokenizer;
  std::string no_tokenizer;  // why there is none
  std::vector<SiteUse> sites;
  std::vector<BackendUse> backends;
  std::string no_devices;  // why there are no more backends; empty: all are listed
};

// `tokenizer`: where it stands, if not with the model.
Result<ModelReport> inspect_model(const std::filesystem::path& path,
                                  const std::optional<std::filesystem::path>& tokenizer);

std::string_view scaling_name(RopeScaling scaling);
// "silu", "gelu", "gelu (tanh form)", "relu"; "none".
std::string_view activation_name(std::uint32_t act);

std::string inspect_text(const ModelReport& report, int columns);
nlohmann::ordered_json inspect_json(const ModelReport& report);

}  // namespace tepui
