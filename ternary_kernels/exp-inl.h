// Exp(d, v): e^v of float vectors, shared by softmax, cross-entropy and SiLU. Per target: include
// it after highway.h in a file that foreach_target.h compiles again and again.
//
// With n = round(v / ln 2) and r = v - n ln 2, e^v = 2^n e^r. |r| <= ln 2 / 2, where the polynomial
// below (minimax in relative error, Lawson's iteration, degree 6 with the two leading coefficients
// fixed at 1) is within 3.1e-9 of e^r. The result is within 1.02 ulp of e^v (tried for every
// float), exactly 1 for 0, and the same bits on every target that has FMA. Below the logarithm of
// the smallest normal float, and for -inf, it is 0; above that of the largest, inf; NaN for NaN.

// Toggled, not once: each target needs its own copy.
#if defined(TRIT_TERNARY_KERNELS_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_EXP_INL_H_
#undef TRIT_TERNARY_KERNELS_EXP_INL_H_
#else
#define TRIT_TERNARY_KERNELS_EXP_INL_H_
#endif

#include "ternary_kernels/hwy_shim-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V v) {
  const hn::RebindToUnsigned<D> du;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the mantissa. Arguments out of
  // range give garbage, which is replaced at the end.
  const V magic = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(v, hn::Set(d, 1.44269504f), magic);
  const V n = hn::Sub(shifted, magic);
  // ln 2 in two parts; the first has so few bits that n times it is exact without FMA too.
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), v);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);

  V q = hn::MulAdd(r, hn::Set(d, 1.3814598605e-3f), hn::Set(d, 8.3687168878e-3f));
  q = hn::MulAdd(q, r, hn::Set(d, 4.1668388047e-2f));
  q = hn::MulAdd(q, r, hn::Set(d, 1.6666520632e-1f));
  q = hn::MulAdd(q, r, hn::Set(d, 4.9999993448e-1f));
  const V p = hn::Add(hn::MulAdd(hn::Mul(r, r), q, r), hn::Set(d, 1.0f));

  // n moves from the low bits of `shifted` into p's exponent.
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(du, shifted));
  V result = hn::BitCast(d, hn::Add(hn::BitCast(du, p), exponent));
  const V highest = hn::Set(d, 88.7228317f);
  const V lowest = hn::Set(d, -87.3365402f);
  // Above it, v + inf is inf, or NaN for NaN.
  result = hn::IfThenElse(hn::Le(v, highest), result, hn::Add(v, hn::Inf(d)));
  return hn::IfThenZeroElse(hn::Lt(v, lowest), result);
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // TRIT_TERNARY_KERNELS_EXP_INL_H_
