// SPDX-License-Identifier: MIT
// How fast weights are checked and fingerprinted, beside a plain sum of the same bytes, which shows
// what memory gives. Data larger than the caches; the best of several rounds.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <limits>
#include <vector>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "weights/source.h"

namespace {

using tepui::DType;

class OneTensor final : public tepui::WeightSource {
 public:
  explicit OneTensor(tepui::TensorRef tensor) : tensor_(std::move(tensor)) {}
  std::span<const tepui::TensorRef> tensors() const override { return {&tensor_, 1}; }

 private:
  tepui::TensorRef tensor_;
};

double best_rate(std::size_t bytes, const std::function<void()>& body) {
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < 7; ++round) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count());
  }
  return static_cast<double>(bytes) / best / 1e9;
}

std::uint64_t sum_all(const std::vector<std::uint64_t>& words, tepui::ThreadPool& pool) {
  constexpr std::size_t kPiece = 1U << 17;
  const std::size_t pieces = words.size() / kPiece;
  std::vector<std::uint64_t> sums(pieces);
  pool.for_each(static_cast<std::int64_t>(pieces), [&](std::int64_t piece, int) {
    const auto at = static_cast<std::size_t>(piece);
    std::uint64_t sum = 0;
    for (std::size_t word = at * kPiece; word < (at + 1) * kPiece; ++word) sum += words[word];
    sums[at] = sum;
  });
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return total;
}

}  // namespace

int main() {
  constexpr std::size_t kWords = std::size_t{1} << 26;  // 512 MiB
  std::vector<std::uint64_t> words(kWords);
  for (std::size_t word = 0; word < kWords; ++word)
    words[word] = (word * 0x9e3779b97f4a7c15U) & 0x3fff3fff3fff3fffU;  // finite in every type
  const auto bytes = std::as_bytes(std::span(words));
  for (const int threads : {1, tepui::ThreadPool::hardware_threads()}) {
    tepui::ThreadPool pool(threads);
    std::uint64_t sum = 0;
    const double memory = best_rate(bytes.size(), [&] { sum += sum_all(words, pool); });
    const auto show = [&](const char* what, double rate) {
      fmt::print("{} threads  {:<18} {:7.2f} GB/s  {:4.0f} % of a plain sum\n", threads, what, rate,
                 100 * rate / memory);
    };
    show("plain sum", memory);
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::f64}) {
      const auto count = static_cast<std::int64_t>(bytes.size() / tepui::dtype_bytes(dtype));
      const tepui::TensorRef tensor{"x", {dtype, tepui::Shape{count}}, bytes, "memory", 0};
      const auto check = [&] {
        if (!tepui::check_finite(tensor, pool)) std::abort();
      };
      show(fmt::format("check_finite {}", tepui::dtype_name(dtype)).c_str(),
           best_rate(bytes.size(), check));
    }
    const OneTensor source(
        {"x", {DType::u8, tepui::Shape{static_cast<std::int64_t>(bytes.size())}}, bytes, "", 0});
    std::size_t length = 0;
    show("fingerprint",
         best_rate(bytes.size(), [&] { length += fingerprint(source, pool)->size(); }));
    if (sum == 0 || length == 0) return 1;  // the results are used, so that nothing is left out
  }
  return 0;
}
