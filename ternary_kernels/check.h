// TRIT_CHECK: an invariant whose failure is a bug of ours, never a user's mistake. Active in every
// build; prints where and what, then aborts. A user's mistake throws an Error (engine/error.h).
#ifndef TRIT_TERNARY_KERNELS_CHECK_H_
#define TRIT_TERNARY_KERNELS_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace trit {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "trit: internal error at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace trit

#define TRIT_CHECK(condition) \
  ((condition) ? (void)0 : ::trit::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // TRIT_TERNARY_KERNELS_CHECK_H_
