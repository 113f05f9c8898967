// SPDX-License-Identifier: MIT
#include "tepui/backend.h"

namespace tepui {

BackendCounters& BackendCounters::operator+=(const BackendCounters& other) {
  steps += other.steps;
  dispatches += other.dispatches;
  barriers += other.barriers;
  submissions += other.submissions;
  copy_submissions += other.copy_submissions;
  waits += other.waits;
  downloaded_bytes += other.downloaded_bytes;
  uploaded_bytes += other.uploaded_bytes;
  return *this;
}

BackendCounters BackendCounters::operator-(const BackendCounters& earlier) const {
  return {steps - earlier.steps,
          dispatches - earlier.dispatches,
          barriers - earlier.barriers,
          submissions - earlier.submissions,
          copy_submissions - earlier.copy_submissions,
          waits - earlier.waits,
          downloaded_bytes - earlier.downloaded_bytes,
          uploaded_bytes - earlier.uploaded_bytes};
}

}  // namespace tepui
