// SPDX-License-Identifier: MIT
// A fixed set of threads that run the pieces of one loop at a time. Which thread runs which piece
// is open; kernels must not let it show in their results (law 2: the order of summation is fixed by
// the data's shape alone).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tepui {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // the calling thread is one of them; at least 1
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(piece, thread) for every piece in [0, pieces), thread in [0, size()). Returns when
  // all are done.
  void for_each(std::int64_t pieces, const std::function<void(std::int64_t, int)>& body);

  static int hardware_threads();  // the processors this process may use, at least 1

 private:
  void work(int thread);
  void drain(int thread);
  template <class Ready>
  void spin_until(const Ready& ready) const;

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(std::int64_t, int)>* body_ = nullptr;
  std::atomic<std::int64_t> next_{0};
  std::int64_t pieces_ = 0;
  std::atomic<std::uint64_t> round_{0};
  std::atomic<int> running_{0};
  std::atomic<int> sleeping_{0};      // workers that only wake_ wakes
  std::atomic<bool> awaited_{false};  // the caller sleeps until done_
  std::atomic<bool> stop_{false};
  bool spins_ =
      false;  // a processor for each thread: waiting for a moment takes nothing from others
};

}  // namespace tepui
