// A function applied to many items with all threads, results in the items' order.
#ifndef TRIT_TRAINING_DATA_PARALLEL_MAP_H_
#define TRIT_TRAINING_DATA_PARALLEL_MAP_H_

#include <cstdint>
#include <exception>
#include <vector>

#include "ternary_kernels/parallel_for.h"

namespace trit {

// function(item) must not depend on other items. What it throws for the first item for which it
// throws is thrown again here.
template <typename Result, typename Item, typename Function>
std::vector<Result> ParallelMap(const std::vector<Item>& items, const Function& function) {
  std::vector<Result> results(items.size());
  std::vector<std::exception_ptr> failures(items.size());
  ParallelFor(static_cast<int64_t>(items.size()), [&](int64_t task) {
    const size_t i = static_cast<size_t>(task);
    try {
      results[i] = function(items[i]);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  });
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return results;
}

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_PARALLEL_MAP_H_
