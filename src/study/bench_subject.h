// SPDX-License-Identifier: MIT
// A backend with a model in one type, and the runs that a benchmark times.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exec/executor.h"
#include "exec/head.h"
#include "study/bench_model.h"

namespace tepui {

using Batch = std::vector<std::vector<TokenId>>;

// A scan's statistics, without the surface that it keeps of its first sequence alone.
std::vector<std::unique_ptr<Metric>> bench_metrics();

// The tokens of a prompt behind which so many more have room.
int bench_prompt(const ModelSpec& spec, int length, int count);

class BenchSubject {
 public:
  // `type` as bench_model() takes it.
  static Result<std::unique_ptr<BenchSubject>> make(const BenchRequest& request,
                                                    const std::string& name,
                                                    const std::string& type, ThreadPool& pool);

  Backend& backend() { return *backend_; }
  const Model& model() const { return model_.model; }
  int of_layers() const { return model_.of_layers; }
  const std::string& name() const { return name_; }
  const std::string& type() const { return type_; }
  // What must be read for a token: weights, and the keys and values of its sequence.
  double token_bytes(int length, int count);

  // Seconds.
  Result<double> prefill(const Batch& batch, bool measured);
  Result<double> scores(const Batch& batch);
  // With the logits of each sequence's last position.
  Result<double> last_logits(const Batch& batch);
  // Of one token of `count` behind a prompt, without the first, which waits for the prompt.
  Result<double> token(const std::vector<TokenId>& prompt, int count);

 private:
  BenchSubject(ThreadPool& pool, std::string name) : pool_(pool), name_(std::move(name)) {}
  Result<Head*> head();
  int prompt_length(int length, int count);

  ThreadPool& pool_;
  std::string name_;
  std::string type_;
  std::unique_ptr<Backend> backend_;
  BenchModel model_;
  SiteSelection sites_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::vector<std::unique_ptr<Metric>> of_prefix_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Executor> writer_;  // made when first used
  std::unique_ptr<Head> head_;        // likewise
};

}  // namespace tepui
