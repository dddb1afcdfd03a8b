#include "ternary_kernels/parallel_for.h"

#include <omp.h>

#include <atomic>

#include "ternary_kernels/check.h"

namespace trit {
namespace {

std::atomic<int>& ThreadCount() {
  static std::atomic<int> count{std::max(1, omp_get_num_procs())};
  return count;
}

}  // namespace

void SetNumThreads(int num_threads) {
  TRIT_CHECK(num_threads >= 1);
  ThreadCount() = num_threads;
  omp_set_num_threads(num_threads);  // oneDNN asks OpenMP
}

int NumThreads() { return ThreadCount(); }

bool InParallelRegion() { return omp_in_parallel() != 0; }

LibraryThreads::LibraryThreads(int num_threads) : previous_(omp_get_max_threads()) {
  omp_set_num_threads(num_threads);
}

LibraryThreads::~LibraryThreads() { omp_set_num_threads(previous_); }

}  // namespace trit
