// How much a task of an elementwise or row-wise kernel takes: a few microseconds of work, so that
// handing tasks out costs little and short inputs stay on one thread.
#ifndef TRIT_TERNARY_KERNELS_TASK_SIZE_H_
#define TRIT_TERNARY_KERNELS_TASK_SIZE_H_

#include <algorithm>
#include <cstdint>

namespace trit {

inline constexpr int64_t kTaskElements = 1 << 14;

inline int64_t RowsPerTask(int64_t cols) { return std::max<int64_t>(1, kTaskElements / cols); }

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_TASK_SIZE_H_
