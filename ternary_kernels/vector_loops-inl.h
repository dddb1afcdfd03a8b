// Loops that the float kernels share. Per target: include it in files that foreach_target.h
// compiles again and again.

// Toggled, not once: each target needs its own copy.
#if defined(TRIT_TERNARY_KERNELS_VECTOR_LOOPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_VECTOR_LOOPS_INL_H_
#undef TRIT_TERNARY_KERNELS_VECTOR_LOOPS_INL_H_
#else
#define TRIT_TERNARY_KERNELS_VECTOR_LOOPS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "ternary_kernels/hwy_shim-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// body(d, i) for floats [i, i + Lanes(d)), covering [0, n): whole vectors, then single lanes, which
// do the same operations and so give the same bits.
template <class Body>
HWY_INLINE void ForEachVector(int64_t n, const Body& body) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(d, i);
  const hn::CappedTag<float, 1> one;
  for (; i < n; ++i) body(one, i);
}

// Row sums are formed in this many partial sums, of columns equal modulo kSumLanes, on every
// target, so that a sum does not depend on the width of a vector.
constexpr int64_t kSumLanes = 16;

// Adds the partial sums pairwise: 8, 4, 2, 1. Overwrites them.
HWY_INLINE double AddSumLanes(double* sums) {
  for (int64_t width = kSumLanes / 2; width >= 1; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  }
  return sums[0];
}

// Doubles from the floats at p.
template <class D>
HWY_INLINE hn::Vec<D> LoadDoubles(D d, const float* p) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), p));
}

// The sum of term(d, i), doubles for columns [i, i + Lanes(d)), over [0, n).
template <class Term>
HWY_INLINE double SumTerms(int64_t n, const Term& term) {
  const hn::CappedTag<double, kSumLanes / 2> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN double sums[kSumLanes];
  const int64_t whole = n / kSumLanes * kSumLanes;
  // Two chains of additions a pass: one pass with AVX-512, two with AVX2.
  for (int64_t lane = 0; lane < kSumLanes; lane += 2 * lanes) {
    auto sum0 = hn::Zero(d);
    auto sum1 = hn::Zero(d);
    for (int64_t i = lane; i < whole; i += kSumLanes) {
      sum0 = hn::Add(sum0, term(d, i));
      sum1 = hn::Add(sum1, term(d, i + lanes));
    }
    hn::StoreU(sum0, d, sums + lane);
    hn::StoreU(sum1, d, sums + lane + lanes);
  }
  const hn::CappedTag<double, 1> one;
  for (int64_t i = whole; i < n; ++i) sums[i - whole] += hn::GetLane(term(one, i));
  return AddSumLanes(sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // TRIT_TERNARY_KERNELS_VECTOR_LOOPS_INL_H_
