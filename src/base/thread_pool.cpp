// SPDX-License-Identifier: MIT
#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>

namespace tepui {

int ThreadPool::hardware_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) : spins_(threads <= hardware_threads()) {
  for (int thread = 1; thread < threads; ++thread)
    workers_.emplace_back([this, thread] { work(thread); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

// Waking a sleeping thread takes 20 to 60 us, as long as a small kernel; a run's kernels follow
// each other faster than that, so that both sides first look for a while (some 100 us) before they
// sleep.
template <class Ready>
void ThreadPool::spin_until(const Ready& ready) const {
  constexpr int kLooks = 2000;
  for (int look = 0; spins_ && look < kLooks && !ready(); ++look) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

void ThreadPool::drain(int thread) {
  for (std::int64_t piece = next_.fetch_add(1); piece < pieces_; piece = next_.fetch_add(1)) {
    (*body_)(piece, thread);
  }
}

// A round begins and ends by counters alone; the mutex is for those that sleep. Either side first
// says that it sleeps and then looks at its counter, the other moves the counter and then looks
// whether somebody sleeps, all in one order, so that no call is missed.
void ThreadPool::for_each(std::int64_t pieces, const std::function<void(std::int64_t, int)>& body) {
  if (pieces <= 0) return;
  if (workers_.empty() || pieces == 1) {
    for (std::int64_t piece = 0; piece < pieces; ++piece) body(piece, 0);
    return;
  }
  body_ = &body;
  pieces_ = pieces;
  next_ = 0;
  running_ = static_cast<int>(workers_.size());
  ++round_;
  if (sleeping_ > 0) {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  drain(0);
  const auto all_done = [this] { return running_ == 0; };
  spin_until(all_done);
  if (all_done()) return;
  std::unique_lock lock(mutex_);
  awaited_ = true;
  done_.wait(lock, all_done);
  awaited_ = false;
}

void ThreadPool::work(int thread) {
  std::uint64_t seen = 0;
  const auto called = [&] { return stop_ || round_ != seen; };
  while (true) {
    spin_until(called);
    if (!called()) {
      std::unique_lock lock(mutex_);
      ++sleeping_;
      wake_.wait(lock, called);
      --sleeping_;
    }
    if (stop_) return;
    seen = round_;
    drain(thread);
    if (--running_ > 0 || !awaited_) continue;
    const std::lock_guard lock(mutex_);
    done_.notify_one();
  }
}

}  // namespace tepui
