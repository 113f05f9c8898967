// SPDX-License-Identifier: MIT
// A Program is a short straight list of steps over typed values. A block of a model is lowered to
// one; taps, edits and fusions are changes to it before it runs, so that backends know nothing of
// probes and probes nothing of devices. Invariant: every step reads only inputs, weights and
// outputs of earlier steps; every value has one producer.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tepui/tensor.h"

namespace tepui {

enum class OpCode : std::uint16_t;  // enumerated in tepui/op.h

// An index into Program::values; kNone stands where an optional operand is absent.
struct Value {
  std::uint32_t id = UINT32_MAX;
  bool present() const { return id != UINT32_MAX; }
  bool operator==(const Value&) const = default;
};
inline constexpr Value kNone{};

enum class Role : std::uint8_t {
  input,   // bound by the caller at each run
  weight,  // bound by the caller, the same bytes for as long as they are resident
  temp,    // lives in the backend's arena between its producer and its last reader
  output,  // produced by a step into a buffer that the caller binds
};

struct ValueInfo {
  TensorType type;
  Role role = Role::temp;
  std::string name;  // a site's name where it is one, for printing and for error messages
};

// An op's parameters: the plain struct that ops/op_list.h names, at most 64 bytes so that it fits a
// push constant block beside six addresses.
class ParamBytes {
 public:
  static constexpr std::size_t kCapacity = 72;

  ParamBytes() = default;
  template <class Params>
  explicit ParamBytes(const Params& params) {
    static_assert(std::is_trivially_copyable_v<Params> && sizeof(Params) <= kCapacity);
    std::memcpy(bytes_.data(), &params, sizeof(Params));
  }
  template <class Params>
  Params as() const {
    static_assert(std::is_trivially_copyable_v<Params> && sizeof(Params) <= kCapacity);
    Params params;
    std::memcpy(&params, bytes_.data(), sizeof(Params));
    return params;
  }
  bool operator==(const ParamBytes&) const = default;

 private:
  alignas(8) std::array<std::byte, kCapacity> bytes_{};
};

struct Step {
  OpCode op;
  std::vector<Value> in;  // one per slot of the op; kNone where an optional one is absent
  std::vector<Value> out;
  ParamBytes params;
};

struct Program {
  std::vector<ValueInfo> values;
  std::vector<Step> steps;

  const ValueInfo& info(Value value) const { return values[value.id]; }
  // The type of a step's operand; TensorType::absent() for kNone.
  TensorType type_of(Value value) const {
    return value.present() ? values[value.id].type : TensorType::absent();
  }
};

}  // namespace tepui
