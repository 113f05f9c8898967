// SPDX-License-Identifier: MIT
// The driver's compiled pipelines, kept on disk between runs: a file for each device and driver in
// $TEPUI_CACHE_DIR, else $XDG_CACHE_HOME/tepui, else ~/.cache/tepui. It is a cache: without a place
// to keep it, or where a file is damaged, pipelines are compiled again and nothing is said.
#pragma once

#include <filesystem>
#include <memory>

#include "backend/vulkan/device.h"

namespace tepui::vulkan {

class PipelineCache {
 public:
  static Result<std::unique_ptr<PipelineCache>> make(Device& device);
  // Saves what was added since it was made.
  ~PipelineCache();
  PipelineCache(const PipelineCache&) = delete;
  PipelineCache& operator=(const PipelineCache&) = delete;

  VkPipelineCache handle() const { return cache_; }
  void added() { changed_ = true; }

 private:
  explicit PipelineCache(Device& device) : device_(device) {}
  void save() const;

  Device& device_;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  std::filesystem::path file_;  // empty: kept nowhere
  bool changed_ = false;
};

}  // namespace tepui::vulkan
