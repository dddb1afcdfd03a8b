// Two bf16 numbers in 32 bits, and, with real vectors, matrices of 32-bit lanes transposed. Per
// target: include it in files that foreach_target.h compiles again and again.

// Toggled, not once: each target needs its own copy.
#if defined(TRIT_TERNARY_KERNELS_BF16_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_BF16_PAIRS_INL_H_
#undef TRIT_TERNARY_KERNELS_BF16_PAIRS_INL_H_
#else
#define TRIT_TERNARY_KERNELS_BF16_PAIRS_INL_H_
#endif

#include <cstdint>

#include "ternary_kernels/hwy_shim-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The bits of v, rounded to nearest even where bf16 cuts them; what is below is garbage. A NaN
// keeps its top bits and becomes quiet, so that it cannot turn into an infinity.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> RoundedBits(D /*d*/, hn::Vec<D> v) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu)));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
  return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), quiet, rounded);
}

// `low` in the lower and `high` in the upper halves of lanes.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> PairBits(D d, hn::Vec<D> low, hn::Vec<D> high) {
  const hn::RebindToUnsigned<D> du;
  return hn::Or(hn::ShiftRight<16>(RoundedBits(d, low)),
                hn::And(RoundedBits(d, high), hn::Set(du, 0xffff0000u)));
}
// The same of numbers that bf16 holds exactly.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> PairBitsExact(D /*d*/, hn::Vec<D> low,
                                                          hn::Vec<D> high) {
  const hn::RebindToUnsigned<D> du;
  return hn::Or(hn::ShiftRight<16>(hn::BitCast(du, low)), hn::BitCast(du, high));
}

// sum + a[low] * b[low] + a[high] * b[high] of every lane. kInstruction: by AVX512_BF16's
// instruction, which the CPU must have and which takes denormals for zero.
template <bool kInstruction, class D, class V = hn::Vec<hn::RebindToUnsigned<D>>>
HWY_INLINE hn::Vec<D> AddPairProducts(D d, V a, V b, hn::Vec<D> sum) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
  if constexpr (kInstruction && hn::MaxLanes(d) == 16) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
    return sum;
  }
#endif
  const hn::RebindToUnsigned<D> du;
  const V upper = hn::Set(du, 0xffff0000u);
  sum = hn::MulAdd(hn::BitCast(d, hn::ShiftLeft<16>(a)), hn::BitCast(d, hn::ShiftLeft<16>(b)), sum);
  return hn::MulAdd(hn::BitCast(d, hn::And(a, upper)), hn::BitCast(d, hn::And(b, upper)), sum);
}

#if !TRIT_SCALAR_TARGET

// Stores block b (4 lanes) of v at out + b * stride.
template <class D>
HWY_INLINE void StoreBlocks(D d, hn::Vec<D> v, uint32_t* out, int64_t stride) {
  if constexpr (hn::MaxLanes(d) > 4) {
    const hn::Half<D> half;
    StoreBlocks(half, hn::LowerHalf(half, v), out, stride);
    StoreBlocks(half, hn::UpperHalf(half, v), out + hn::MaxLanes(half) / 4 * stride, stride);
  } else {
    hn::StoreU(v, d, out);
  }
}

// With lane i of v[j] = element (j, i): stores elements (0..3, i) at out + i * stride.
template <class D>
HWY_INLINE void StoreTransposed(D d, const hn::Vec<D> (&v)[4], uint32_t* out, int64_t stride) {
  const hn::Repartition<uint64_t, D> d64;
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, v[0], v[1]));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, v[2], v[3]));
  const auto up01 = hn::BitCast(d64, hn::InterleaveUpper(d, v[0], v[1]));
  const auto up23 = hn::BitCast(d64, hn::InterleaveUpper(d, v[2], v[3]));
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveLower(d64, low01, low23)), out, 4 * stride);
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23)), out + stride, 4 * stride);
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveLower(d64, up01, up23)), out + 2 * stride,
              4 * stride);
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveUpper(d64, up01, up23)), out + 3 * stride,
              4 * stride);
}

#endif  // !TRIT_SCALAR_TARGET

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
