// SPDX-License-Identifier: MIT
// The processes that were started together, by mpirun or srun. They divide work by themselves,
// through the locks of what they write (study/sweep.h): what this says is where each begins. So
// nothing waits for a message, and a process that dies takes only what it had in hand.
#pragma once

#include <memory>

#include "tepui/result.h"

namespace tepui {

class Comm {
 public:
  virtual ~Comm() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
};

// MPI where this program was built with it and a launcher started it, else one process alone.
Result<std::unique_ptr<Comm>> make_comm();

// Whether a launcher started this process beside others, by what it leaves in the environment.
bool started_by_launcher();

// In mpi_comm.cpp, where the build found MPI.
Result<std::unique_ptr<Comm>> make_mpi_comm();

}  // namespace tepui
