// SPDX-License-Identifier: MIT
// tepui devices
#include <fmt/format.h>

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

// What to expect of it.
std::string verdict(const DeviceListing& device) {
  if (!device.lacks.empty()) return "cannot be used: it lacks " + joined(device.lacks);
  if (device.kind == "software")
    return "computes on the processor: right, but much slower than cpu";
  if (device.kind == "processor") return "auto takes it";
  return "--backend takes it by this name; its shaders are not tuned";
}

void print_device(const DeviceListing& device) {
  fmt::print("{:<11} {} ({})\n", device.selector, device.name, device.kind);
  const auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) fmt::print("{:<11} {:<9} {}\n", "", name, value);
  };
  line("driver", device.driver);
  std::string memory = gigabytes(device.memory_bytes);
  if (device.max_allocation_bytes < device.memory_bytes)
    memory += fmt::format(", {} in one piece", gigabytes(device.max_allocation_bytes));
  line("memory", memory);
  if (device.subgroup > 0) line("subgroup", fmt::format("{} lanes", device.subgroup));
  line("has", joined(device.features));
  line("use", verdict(device));
}

Status run() {
  const DeviceList list = list_devices();
  for (const DeviceListing& device : list.devices) print_device(device);
  if (!list.note.empty()) fmt::print("\nNo other devices: {}\n", list.note);
  return {};
}

}  // namespace

void add_devices(CLI::App& app, int& code) {
  CLI::App* devices =
      app.add_subcommand("devices", "What this machine can compute on, and what each is good for");
  devices->footer("scan --backend takes the name in the first column.");
  devices->callback([&code] { code = finish_command(run()); });
}

}  // namespace tepui
