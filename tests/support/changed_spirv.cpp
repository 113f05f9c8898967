// SPDX-License-Identifier: MIT
#include "support/changed_spirv.h"

#include <set>

namespace tepui::test {
namespace {

using Words = std::span<const std::uint32_t>;
namespace spirv = vulkan::spirv;

constexpr std::uint32_t kGroupNonUniform = 61;  // the capability that subgroups need

void append(Spirv& code, Words words) { code.insert(code.end(), words.begin(), words.end()); }

// What turn_lanes has to know of a shader.
struct Lanes {
  std::uint32_t variable = 0;     // LocalInvocationId
  std::uint32_t count = 0;        // the constant that says how many there are
  std::uint32_t number_type = 0;  // of it, and of a lane's number
  bool subgroups = false;

  explicit Lanes(Words code) {
    spirv::each_instruction(code, [&](spirv::Op op, Words words) {
      if (op == spirv::kCapability && words[1] == kGroupNonUniform) subgroups = true;
      if (op == spirv::kSpecConstant && words[2] == count) number_type = words[1];
      if (op != spirv::kDecorate || words.size() < 4) return;
      if (words[2] == spirv::kDecorationSpecId && words[3] == 0) count = words[1];
      if (words[2] == spirv::kDecorationBuiltIn && words[3] == spirv::kBuiltInLocalInvocationId)
        variable = words[1];
    });
  }
};

class Turning {
 public:
  Turning(Words code, const Lanes& lanes)
      : lanes_(lanes), next_(code[spirv::kBound]), five_(next_++), one_(next_++) {
    append(out_, code.first(spirv::kHeaderWords));
    bool constants = false;
    spirv::each_instruction(code, [&](spirv::Op op, Words words) {
      if (op == spirv::kFunction && !constants) {
        put(spirv::kConstant, {lanes_.number_type, five_, 5});
        put(spirv::kConstant, {lanes_.number_type, one_, 1});
        constants = true;
      }
      turn(op, words);
    });
    out_[spirv::kBound] = next_;
  }

  Spirv take() { return std::move(out_); }

 private:
  void put(spirv::Op op, std::initializer_list<std::uint32_t> operands) {
    out_.push_back(spirv::first_word(op, operands.size() + 1));
    out_.insert(out_.end(), operands);
  }

  // A lane's number is read through a pointer to it, or as a part of the whole vector.
  void turn(spirv::Op op, Words words) {
    if (op == spirv::kAccessChain && words[3] == lanes_.variable) pointers_.insert(words[2]);
    if (op == spirv::kLoad && words[3] == lanes_.variable) vectors_.insert(words[2]);
    const bool number = (op == spirv::kLoad && pointers_.contains(words[3])) ||
                        (op == spirv::kCompositeExtract && vectors_.contains(words[3]));
    if (!number) return append(out_, words);
    Spirv read(words.begin(), words.end());
    const std::uint32_t id = std::exchange(read[2], next_++);
    append(out_, read);
    const std::uint32_t type = lanes_.number_type;
    const std::uint32_t times = next_++;
    const std::uint32_t turned = next_++;
    const std::uint32_t mask = next_++;
    put(spirv::kIMul, {type, times, read[2], five_});
    put(spirv::kNot, {type, turned, times});
    put(spirv::kISub, {type, mask, lanes_.count, one_});
    put(spirv::kBitwiseAnd, {type, id, turned, mask});
  }

  const Lanes& lanes_;
  std::uint32_t next_, five_, one_;  // ids
  std::set<std::uint32_t> pointers_, vectors_;
  Spirv out_;
};

}  // namespace

std::optional<Spirv> exchange(Words code, spirv::Op from, spirv::Op to) {
  Spirv out(code.begin(), code.begin() + spirv::kHeaderWords);
  bool any = false;
  spirv::each_instruction(code, [&](spirv::Op op, Words words) {
    append(out, words);
    if (op != from) return;
    out[out.size() - words.size()] = spirv::first_word(to, words.size());
    any = true;
  });
  return any ? std::optional(std::move(out)) : std::nullopt;
}

Spirv without_barriers(Words code) {
  Spirv out(code.begin(), code.begin() + spirv::kHeaderWords);
  spirv::each_instruction(code, [&](spirv::Op op, Words words) {
    if (op != spirv::kControlBarrier) append(out, words);
  });
  return out;
}

std::optional<Spirv> turn_lanes(Words code) {
  const Lanes lanes(code);
  if (lanes.variable == 0 || lanes.number_type == 0 || lanes.subgroups) return std::nullopt;
  return Turning(code, lanes).take();
}

}  // namespace tepui::test
