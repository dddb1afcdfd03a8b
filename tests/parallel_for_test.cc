#include "ternary_kernels/parallel_for.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace trit {
namespace {

constexpr int kThreadCounts[] = {1, 2, 5};

BOOST_AUTO_TEST_CASE(every_task_runs_once) {
  for (const int threads : kThreadCounts) {
    SetNumThreads(threads);
    for (const int64_t num_tasks : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(num_tasks));
      ParallelFor(num_tasks, [&](int64_t task) { ++runs[static_cast<size_t>(task)]; });
      for (const auto& count : runs) BOOST_TEST(count == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(blocks_cover_all_items) {
  SetNumThreads(2);
  std::vector<std::atomic<int>> runs(103);
  ParallelForBlocks(103, 10, [&](int64_t begin, int64_t end) {
    if (begin % 10 != 0 || end - begin != (begin == 100 ? 3 : 10)) throw std::logic_error("block");
    for (int64_t i = begin; i < end; ++i) ++runs[static_cast<size_t>(i)];
  });
  for (const auto& count : runs) BOOST_TEST(count == 1);
}

// What a task cannot do, such as get memory, is for the caller to know: the program goes on.
BOOST_AUTO_TEST_CASE(an_exception_of_a_task_reaches_the_caller) {
  for (const int threads : kThreadCounts) {
    SetNumThreads(threads);
    std::atomic<int> begun = 0;
    const auto is_ours = [](const std::runtime_error& error) {
      return std::string(error.what()) == "task 7";
    };
    BOOST_CHECK_EXCEPTION(ParallelFor(100'000,
                                      [&](int64_t task) {
                                        ++begun;
                                        if (task == 7) throw std::runtime_error("task 7");
                                      }),
                          std::runtime_error, is_ours);
    BOOST_TEST(begun >= 8);
    // All throw: one exception arrives, and later loops are whole again.
    BOOST_CHECK_THROW(ParallelFor(64, [](int64_t) { throw std::bad_alloc(); }), std::bad_alloc);
    std::atomic<int64_t> sum = 0;
    ParallelFor(100, [&](int64_t task) { sum += task; });
    BOOST_TEST(sum == 4950);
  }
}

BOOST_AUTO_TEST_CASE(an_exception_crosses_nested_loops) {
  SetNumThreads(2);
  const auto inner = [](int64_t outer) {
    ParallelFor(4, [&](int64_t task) {
      if (outer == 3 && task == 2) throw std::runtime_error("inner");
    });
  };
  BOOST_CHECK_THROW(ParallelFor(8, inner), std::runtime_error);
}

}  // namespace
}  // namespace trit
