// SPDX-License-Identifier: MIT
// Linear layers against OpenBLAS, oneDNN and Eigen, at the shapes of models of 15M to 8B
// parameters. In every round all subjects run in turn between two calibrations, so that a clock
// that wanders meets all of them alike; what counts is the median of the ratios.
//   linear_bench [--rows 512] [--isa avx2] [--rounds 7] [--threads 2] [--shape K,N]
#include <Eigen/Core>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "backend/cpu/calibrate.h"
#include "backend/registry.h"
#include "ops/op_list.h"
#include "tepui/op.h"
#ifdef TEPUI_HAVE_OPENBLAS
#include <cblas.h>
extern "C" char* openblas_get_corename(void);
extern "C" void openblas_set_num_threads(int threads);
#endif
#ifdef TEPUI_HAVE_ONEDNN
#include <dnnl.h>
#endif

namespace {

using namespace tepui;

struct Options {
  std::string isa;
  std::vector<std::int64_t> rows = {512};
  std::vector<std::pair<std::int64_t, std::int64_t>> shapes = {
      {288, 288},   {288, 768},   {768, 768},   {768, 2048},   {2048, 768},   {2048, 2048},
      {2048, 5632}, {5632, 2048}, {4096, 4096}, {4096, 11008}, {4096, 14336}, {768, 32000}};
  int rounds = 7;
  int threads = ThreadPool::hardware_threads();
  bool peers = true;
};

Bindings bind(std::initializer_list<const Buffer*> buffers) {
  Bindings bindings;
  for (const Buffer* buffer : buffers) bindings.push_back(BufferSlice::whole(*buffer));
  return bindings;
}

std::vector<float> random_floats(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::minstd_rand random(7);
  for (float& value : values)
    value = static_cast<float>(random()) / static_cast<float>(std::minstd_rand::max()) - 0.5F;
  return values;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// One shape's matrices and the ways to multiply them.
class Shape3 {
 public:
  Shape3(Backend& backend, std::int64_t rows, std::int64_t k, std::int64_t n)
      : backend_(backend),
        rows_(rows),
        k_(k),
        n_(n),
        x_(random_floats(rows * k)),
        w_(random_floats(n * k)),
        out_(static_cast<std::size_t>(rows * n)) {
    const TensorType packed{DType::packed, {n, k}};
    x_buffer_ = backend.adopt(std::as_bytes(std::span(x_))).value();
    w_buffer_ = backend.adopt(std::as_bytes(std::span(w_))).value();
    packed_ = backend.allocate(backend.storage_bytes(packed), Memory::device).value();
    out_buffer_ = backend.allocate(out_.size() * sizeof(float), Memory::device).value();
    const auto un = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    Program pack;
    pack.values = {{{DType::f32, {n, k}}, Role::weight, "w"}, {packed, Role::output, "packed"}};
    pack.steps = {{OpCode::pack, {{0}}, {{1}}, ParamBytes(PackParams{un(n), un(k), 0, un(k), 0})}};
    auto prepared = backend.prepare(pack).value();
    (void)backend.run(*prepared, bind({&w_buffer_, &packed_}), {});
    Program linear;
    linear.values = {{{DType::f32, {rows, k}}, Role::input, "x"},
                     {packed, Role::weight, "w"},
                     {{DType::f32, {rows, n}}, Role::output, "out"}};
    linear.steps = {{OpCode::linear,
                     {{0}, {1}, kNone, kNone},
                     {{2}},
                     ParamBytes(LinearParams{un(rows), un(n), un(k), TEPUI_ACT_NONE})}};
    linear_ = backend.prepare(linear).value();
  }

  void ours() { (void)backend_.run(*linear_, bind({&x_buffer_, &packed_, &out_buffer_}), {}); }
  void openblas() {
#ifdef TEPUI_HAVE_OPENBLAS
    const auto i = [](std::int64_t value) { return static_cast<blasint>(value); };
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, i(rows_), i(n_), i(k_), 1, x_.data(),
                i(k_), w_.data(), i(k_), 0, out_.data(), i(n_));
#endif
  }
  void onednn() {
#ifdef TEPUI_HAVE_ONEDNN
    dnnl_sgemm('N', 'T', rows_, n_, k_, 1, x_.data(), k_, w_.data(), k_, 0, out_.data(), n_);
#endif
  }
  void eigen() {
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::Map<Matrix>(out_.data(), rows_, n_).noalias() =
        Eigen::Map<const Matrix>(x_.data(), rows_, k_) *
        Eigen::Map<const Matrix>(w_.data(), n_, k_).transpose();
  }
  double flops() const { return 2.0 * static_cast<double>(rows_ * k_ * n_); }

 private:
  Backend& backend_;
  std::int64_t rows_, k_, n_;
  std::vector<float> x_, w_, out_;
  Buffer x_buffer_, w_buffer_, packed_, out_buffer_;
  std::unique_ptr<Prepared> linear_;
};

// FLOP/s over enough calls for about 20 ms.
template <class Call>
double rate(const Shape3& shape, double expected, const Call& call) {
  const int calls = std::max(1, static_cast<int>(0.02 * expected / shape.flops()));
  const double begin = seconds_now();
  for (int i = 0; i < calls; ++i) call();
  return shape.flops() * calls / (seconds_now() - begin);
}

// How a shape is multiplied.
struct Subject {
  const char* name;
  void (Shape3::*call)();
  bool lingers;  // its threads look for work for some 25 ms before they sleep
};

std::vector<Subject> subjects(bool peers) {
  std::vector<Subject> list{{"Tepui", &Shape3::ours, false}};
  if (!peers) return list;
#ifdef TEPUI_HAVE_OPENBLAS
  list.push_back({"OpenBLAS", &Shape3::openblas, true});
#endif
#ifdef TEPUI_HAVE_ONEDNN
  list.push_back({"oneDNN", &Shape3::onednn, true});
#endif
  list.push_back({"Eigen, 1 thread, baseline flags", &Shape3::eigen, false});
  return list;
}

struct Series {
  std::vector<double> rates, shares, ratios;
};

std::string range(const std::vector<double>& values, int digits) {
  return fmt::format("({:.{}f}-{:.{}f})", *std::ranges::min_element(values), digits,
                     *std::ranges::max_element(values), digits);
}

void measure(Backend& backend, ThreadPool& pool, const Options& options, std::int64_t rows,
             std::int64_t k, std::int64_t n) {
  Shape3 shape(backend, rows, k, n);
  const std::string isa = backend.device().isa;
  const std::vector<Subject> all = subjects(options.peers);
  std::vector<Series> series(all.size());
  const double expected = fma_rate(pool, isa);
  for (int round = -1; round < options.rounds; ++round) {
    std::vector<double> rates;
    const double before = fma_rate(pool, isa);
    for (const Subject& subject : all) {
      rates.push_back(rate(shape, expected, [&] { (shape.*subject.call)(); }));
      if (subject.lingers) std::this_thread::sleep_for(std::chrono::milliseconds(40));
    }
    const double peak = (before + fma_rate(pool, isa)) / 2;
    if (round < 0) continue;  // warms up
    for (std::size_t i = 0; i < all.size(); ++i) {
      series[i].rates.push_back(rates[i] / 1e9);
      series[i].shares.push_back(100 * rates[i] / peak);
      series[i].ratios.push_back(rates[0] / rates[i]);
    }
  }
  fmt::print("{:5} {:5} {:6}", rows, k, n);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Series& s = series[i];
    fmt::print(" | {:6.1f} {:3.0f} % {}", median(s.rates), median(s.shares), range(s.shares, 0));
    if (i > 0) fmt::print(", {:.2f} {}", median(s.ratios), range(s.ratios, 2));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--no-peers") {
      options.peers = false;
      continue;
    }
    ++i;
    if (name == "--isa") options.isa = value;
    if (name == "--rows") options.rows = {std::atoll(value)};
    if (name == "--rounds") options.rounds = std::atoi(value);
    if (name == "--threads") options.threads = std::atoi(value);
    if (name == "--shape")
      options.shapes = {{std::atoll(value), std::atoll(std::strchr(value, ',') + 1)}};
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  BackendOptions wanted;
  wanted.threads = options.threads;
  wanted.isa = options.isa;
  auto made = make_backend("cpu", wanted);
  if (!made) {
    fmt::print(stderr, "{}\n", made.error().message);
    return 2;
  }
  Backend& backend = **made;
  ThreadPool pool(options.threads);
  fmt::print("{}: {}\n", backend.device().name, backend.device().detail);
#ifdef TEPUI_HAVE_OPENBLAS
  openblas_set_num_threads(options.threads);
  fmt::print("OpenBLAS kernel: {} (set OPENBLAS_CORETYPE to choose)\n", openblas_get_corename());
#endif
  fmt::print(" rows     K      N");
  for (const Subject& subject : subjects(options.peers)) fmt::print(" | {}", subject.name);
  fmt::print("\nGFLOP/s, share of the FMA rate, of a peer: ours / its\n");
  for (const std::int64_t rows : options.rows)
    for (const auto& [k, n] : options.shapes) measure(backend, pool, options, rows, k, n);
  return 0;
}
