// SPDX-License-Identifier: MIT
#include "exec/queued_rows.h"

#include <algorithm>
#include <exception>

namespace tepui {

QueuedRows::QueuedRows(RowConsumer& to, std::size_t capacity)
    : to_(to), capacity_(capacity), thread_([this] { work(); }) {}

QueuedRows::~QueuedRows() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void QueuedRows::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const Held& held = queue_.front();  // stays: only this thread takes from the front
    const bool failed = error_.has_value();
    lock.unlock();
    Status status = failed ? Status() : hand_on(held);
    lock.lock();
    if (!status) error_ = std::move(status).error();
    bytes_ -= held.bytes();
    queue_.pop_front();
    changed_.notify_all();
  }
}

Status QueuedRows::hand_on(const Held& held) {
  RowBlock block = held.block;
  block.lengths = held.lengths;
  block.rows = held.rows;
  try {
    return to_.take(block);
  } catch (const std::exception& error) {  // would end the program on this thread
    return fail(ErrorKind::io, "taking rows of {}: {}", site_name(block.point.site), error.what());
  }
}

Status QueuedRows::take(const RowBlock& block) {
  Held held{block, {}, {}};
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return error_ || queue_.empty() || bytes_ + block.rows.size_bytes() <= capacity_;
  });
  if (error_) return tl::unexpected<Error>(*error_);
  held.lengths.assign(block.lengths.begin(), block.lengths.end());
  held.rows.assign(block.rows.begin(), block.rows.end());
  bytes_ += held.bytes();
  most_bytes_ = std::max(most_bytes_, bytes_);
  queue_.push_back(std::move(held));
  changed_.notify_all();
  return {};
}

Status QueuedRows::idle(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return queue_.empty(); });
  if (error_) return tl::unexpected<Error>(*error_);
  return {};
}

// Nothing is held and nothing is taken meanwhile, so that the consumer sees one thread at a time.
Status QueuedRows::begin_unit(int first_sequence, int last_sequence) {
  std::unique_lock lock(mutex_);
  TEPUI_TRY(idle(lock));
  return to_.begin_unit(first_sequence, last_sequence);
}

Status QueuedRows::end_unit() {
  std::unique_lock lock(mutex_);
  TEPUI_TRY(idle(lock));
  return to_.end_unit();
}

std::size_t QueuedRows::most_bytes() const {
  const std::lock_guard lock(mutex_);
  return most_bytes_;
}

}  // namespace tepui
