// Sums and products of sizes that a file claims: whether they fit, before they are used.
#ifndef TRIT_ENGINE_FILES_CHECKED_MATH_H_
#define TRIT_ENGINE_FILES_CHECKED_MATH_H_

#include <cstdint>

namespace trit {

// Each stores the result and returns true, or returns false if it does not fit.

[[nodiscard]] inline bool CheckedAdd(uint64_t a, uint64_t b, uint64_t* sum) {
  if (b > UINT64_MAX - a) return false;
  *sum = a + b;
  return true;
}

[[nodiscard]] inline bool CheckedMultiply(uint64_t a, uint64_t b, uint64_t* product) {
  if (a != 0 && b > UINT64_MAX / a) return false;
  *product = a * b;
  return true;
}

// `value` rounded up to a multiple of `alignment`, which is at least 1.
[[nodiscard]] inline bool CheckedRoundUp(uint64_t value, uint64_t alignment, uint64_t* rounded) {
  const uint64_t rest = value % alignment;
  return CheckedAdd(value, rest == 0 ? 0 : alignment - rest, rounded);
}

}  // namespace trit

#endif  // TRIT_ENGINE_FILES_CHECKED_MATH_H_
