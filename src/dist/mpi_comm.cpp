// SPDX-License-Identifier: MIT
// The only file that knows MPI. It asks who is there and leaves MPI at once: whoever stays in it
// waits at the end for ranks that died.
#include <mpi.h>

#include "dist/comm.h"

namespace tepui {

namespace {

class MpiComm final : public Comm {
 public:
  MpiComm(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }

 private:
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

Result<std::unique_ptr<Comm>> make_mpi_comm() {
  int rank = 0;
  int size = 1;
  if (MPI_Init(nullptr, nullptr) != MPI_SUCCESS ||
      MPI_Comm_rank(MPI_COMM_WORLD, &rank) != MPI_SUCCESS ||
      MPI_Comm_size(MPI_COMM_WORLD, &size) != MPI_SUCCESS || MPI_Finalize() != MPI_SUCCESS)
    return fail(ErrorKind::io, "MPI: a launcher started this process, but MPI cannot be started");
  return std::make_unique<MpiComm>(rank, size);
}

}  // namespace tepui
