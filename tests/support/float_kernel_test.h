// What tests of the float kernels share: random inputs, comparison of bits, and runs on every SIMD
// target and with several numbers of threads.
#ifndef TRIT_TESTS_SUPPORT_FLOAT_KERNEL_TEST_H_
#define TRIT_TESTS_SUPPORT_FLOAT_KERNEL_TEST_H_

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"

namespace trit {

inline constexpr double kUnitRoundoff = 0x1p-24;  // relative error of one float operation

// Uniform in [-limit, limit).
inline std::vector<float> RandomFloats(int64_t size, float limit, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<float> x(static_cast<size_t>(size));
  for (float& v : x) v = limit * (static_cast<float>(generator() >> 8) * 0x1p-23f - 1.0f);
  return x;
}

inline std::vector<double> ToDoubles(const std::vector<float>& x) { return {x.begin(), x.end()}; }

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// body() with each SIMD target in force; its name is in the messages of failed checks.
template <typename Body>
void ForEachSimdTarget(const Body& body) {
  for (const std::string& target : SimdTargets()) {
    BOOST_TEST_CONTEXT("target " << target) {
      BOOST_REQUIRE(UseSimdTarget(target));
      body();
    }
  }
  UseSimdTarget("");
}

// Whether the target has fused multiply-add: all that have it give the same bits.
inline bool HasFusedMultiplyAdd(const std::string& target) {
  return target == "AVX2" || target.starts_with("AVX3") || target.starts_with("NEON") ||
         target.starts_with("SVE");
}

// Checks that compute(), a std::vector, has the same bits with 1 and 2 threads, and returns it.
template <typename Compute>
auto CheckThreads(const Compute& compute) {
  const int num_threads = NumThreads();
  SetNumThreads(1);
  const auto expected = compute();
  SetNumThreads(2);
  BOOST_TEST(SameBits(compute(), expected), "2 threads and 1");
  SetNumThreads(num_threads);
  return expected;
}

// Checks that |actual - expected| <= bound and, unlike a comparison of differences, that neither is
// NaN.
inline void CheckWithin(double actual, double expected, double bound) {
  BOOST_TEST(std::abs(actual - expected) <= bound, actual << " instead of " << expected
                                                          << ", off by " << actual - expected
                                                          << ", more than " << bound);
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_FLOAT_KERNEL_TEST_H_
