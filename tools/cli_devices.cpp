// SPDX-License-Identifier: MIT
// tepui devices
#include <fmt/format.h>

#include <algorithm>

#include "backend/registry.h"
#include "commands.h"

namespace tepui {

namespace {

std::string gigabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0));
}

std::string joined(const std::vector<std::string>& parts) {
  std::string line;
  for (const std::string& part : parts) line += (line.empty() ? "" : ", ") + part;
  return line;
}

// Not the processor, not a driver that computes on it.
bool is_gpu(const DeviceListing& device) {
  return device.lacks.empty() && device.kind != "processor" && device.kind != "software";
}

// What to expect of it; auto takes the best GPU, else the processor.
std::string verdict(const DeviceListing& device, bool gpu) {
  if (!device.lacks.empty()) return "cannot be used: it lacks " + joined(device.lacks);
  if (device.kind == "software")
    return "computes on the processor: right, but much slower than cpu";
  if (device.kind == "processor") return gpu ? "--backend cpu takes it" : "auto takes it";
  return "auto takes the best of these";
}

void print_device(const DeviceListing& device, bool gpu) {
  fmt::print("{:<11} {} ({})\n", device.selector, device.name, device.kind);
  const auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) fmt::print("{:<11} {:<9} {}\n", "", name, value);
  };
  line("driver", device.driver);
  std::string memory = gigabytes(device.memory_bytes);
  if (device.max_allocation_bytes < device.memory_bytes)
    memory += fmt::format(", {} in one piece", gigabytes(device.max_allocation_bytes));
  line("memory", memory + ": models that need more are streamed, layer by layer");
  if (device.subgroup > 0)
    line("subgroup",
         fmt::format("{} lanes in step: kernels take any number, and give the same bits",
                     device.subgroup));
  const char* name = "has";
  for (const std::string& feature : device.features) {
    line(name, feature);
    name = "";
  }
  line("use", verdict(device, gpu));
}

Status run() {
  const DeviceList list = list_devices();
  const bool gpu = std::ranges::any_of(list.devices, is_gpu);
  for (const DeviceListing& device : list.devices) print_device(device, gpu);
  if (!list.note.empty()) fmt::print("\nNo other devices: {}\n", list.note);
  return flush_output();
}

}  // namespace

void add_devices(CLI::App& app, int& code) {
  CLI::App* devices =
      app.add_subcommand("devices", "What this machine can compute on, and what each is good for");
  devices->footer("scan --backend takes the name in the first column.");
  devices->callback([&code] { code = finish_command(run()); });
}

}  // namespace tepui
