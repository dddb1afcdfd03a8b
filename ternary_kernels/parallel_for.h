// The one way to use several threads. A loop over independent tasks, whose results must not depend
// on which thread runs a task or in what order: so any number of threads gives the same bits.
//
// Include it in plain files only, never where Highway compiles per SIMD target: an outlined OpenMP
// region does not inherit the target's attributes. One compute thread owns an executor and calls
// these; a nested call runs its tasks on the calling thread alone.
#ifndef TRIT_TERNARY_KERNELS_PARALLEL_FOR_H_
#define TRIT_TERNARY_KERNELS_PARALLEL_FOR_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace trit {

// Threads that later loops use (at least 1); the default is the number of usable cores.
void SetNumThreads(int num_threads);
int NumThreads();
// Whether the caller is itself a task of a ParallelFor.
bool InParallelRegion();

// While one lives, libraries that ask OpenMP (oneDNN) use so many threads when the calling thread
// calls them.
class LibraryThreads {
 public:
  explicit LibraryThreads(int num_threads);
  ~LibraryThreads();
  LibraryThreads(const LibraryThreads&) = delete;
  LibraryThreads& operator=(const LibraryThreads&) = delete;

 private:
  int previous_;
};

// body(task) once for each task in [0, num_tasks); tasks are handed out one by one. If a body
// throws (std::bad_alloc, say), tasks that have not begun are left out, and the first exception
// that was caught is thrown to the caller.
template <typename Body>
void ParallelFor(int64_t num_tasks, const Body& body) {
  const int num_threads = static_cast<int>(std::min<int64_t>(NumThreads(), num_tasks));
  if (num_threads <= 1 || InParallelRegion()) {
    for (int64_t task = 0; task < num_tasks; ++task) body(task);
    return;
  }
  // A counter of our own: OpenMP's dynamic schedule takes up to 0.3 us a task (LLVM 14).
  std::atomic<int64_t> next_task = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr failure;  // one that left the region would end the program
#pragma omp parallel num_threads(num_threads)
  {
    try {
      for (int64_t task = next_task++; task < num_tasks; task = next_task++) body(task);
    } catch (...) {
      next_task = num_tasks;
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// body(begin, end) for consecutive blocks of `block` items that cover [0, num_items); only the last
// may be shorter. The blocks, and so any sum a block forms, do not depend on the number of threads.
template <typename Body>
void ParallelForBlocks(int64_t num_items, int64_t block, const Body& body) {
  ParallelFor((num_items + block - 1) / block,
              [&](int64_t task) { body(task * block, std::min(num_items, (task + 1) * block)); });
}

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_PARALLEL_FOR_H_
