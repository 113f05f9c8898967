// SPDX-License-Identifier: MIT
#include "dist/comm.h"

#include <cstdlib>

namespace tepui {

namespace {

class SelfComm final : public Comm {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
};

}  // namespace

bool started_by_launcher() {
  // Open MPI's mpirun; PMIx (srun --mpi=pmix); PMI (srun --mpi=pmi2, MPICH's mpiexec).
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(name) != nullptr) return true;
  return false;
}

Result<std::unique_ptr<Comm>> make_comm() {
#ifdef TEPUI_MPI
  if (started_by_launcher()) return make_mpi_comm();
#endif
  return std::make_unique<SelfComm>();
}

}  // namespace tepui
