// SPDX-License-Identifier: MIT
#include "exec/prefetch.h"

#include "base/assert.h"
#include "weights/read_bytes.h"

namespace tepui {

Prefetch::Prefetch(const Backend& backend, int threads)
    : backend_(backend.companion()), packs_(backend_ != nullptr), pool_(packs_ ? threads : 1) {
  if (packs_) loader_.emplace(*backend_, pool_);
  thread_ = std::thread([this] { work(); });
}

Prefetch::~Prefetch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Prefetch::start(std::vector<Item> items, bool check, std::vector<const TensorRef*> ahead,
                     Ticket after) {
  TEPUI_ASSERT(!busy_ && (packs_ || items.empty()));
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    items_ = std::move(items);
    ahead_ = std::move(ahead);
    check_ = check;
    after_ = after;
    working_ = true;
    status_ = {};
  }
  changed_.notify_all();
}

Status Prefetch::finish() {
  if (!busy_) return {};
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !working_; });
  busy_ = false;
  if (loader_) bytes_read_ = loader_->bytes_read();
  if (backend_) counters_ = backend_->counters();
  return status_;
}

void Prefetch::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return working_ || stop_; });
    if (stop_) return;
    lock.unlock();
    // Nobody else touches the job while working_ is set.
    for (const Item& item : items_) read_ahead(*item.weight->tensor);
    Status status;
    for (const Item& item : items_) {
      if (status) status = loader_->issue(*item.weight, check_, *item.to, {&after_, 1});
    }
    if (loader_) {
      Status done = loader_->finish();  // in any case: what was issued writes the buffers
      if (status) status = std::move(done);
    }
    for (const TensorRef* tensor : ahead_) read_ahead(*tensor);
    lock.lock();
    status_ = std::move(status);
    working_ = false;
    changed_.notify_all();
  }
}

}  // namespace tepui
