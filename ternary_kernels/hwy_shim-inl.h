// What Highway versions before 1.0.6 lack, under the names newer ones have; with a newer one this
// file only names capabilities. Files compiled per target include this and never hwy/highway.h
// itself: every inclusion of that resets the target string that is repaired here.
#include "hwy/highway.h"

#define TRIT_OLD_HIGHWAY (HWY_MAJOR == 1 && HWY_MINOR == 0 && HWY_PATCH < 6)

// The target string of AVX3_DL says "avxvnni" where CPUID is asked for AVX512_VNNI. It must stay a
// superset of Highway's own, or Highway's functions are not inlined.
#if HWY_TARGET == HWY_AVX3_DL && TRIT_OLD_HIGHWAY
#undef HWY_TARGET_STR
#define HWY_TARGET_STR                                                           \
  HWY_TARGET_STR_AVX3                                                            \
  ",vpclmulqdq,avx512vbmi,avx512vbmi2,vaes,avxvnni,avx512bitalg,avx512vpopcntdq" \
  ",avx512vnni"
#endif

// Per-target include guard.
#if defined(TRIT_TERNARY_KERNELS_HWY_SHIM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_HWY_SHIM_INL_H_
#undef TRIT_TERNARY_KERNELS_HWY_SHIM_INL_H_
#else
#define TRIT_TERNARY_KERNELS_HWY_SHIM_INL_H_
#endif

// Targets without real vectors, or with vectors whose size the compiler does not know (which cannot
// stand in arrays): kernels run the scalar reference there.
#undef TRIT_SCALAR_TARGET
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_HAVE_SCALABLE
#define TRIT_SCALAR_TARGET 1
#else
#define TRIT_SCALAR_TARGET 0
#endif

// Whether SumOfMulQuadAccumulate is an instruction (AVX3_DL and the targets above it: vpdpbusd).
#undef TRIT_HAS_BYTE_DOT
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
#define TRIT_HAS_BYTE_DOT 1
#else
#define TRIT_HAS_BYTE_DOT 0
#endif

// Whether bytes can be looked up in tables of 128 (vpermi2b).
#undef TRIT_HAS_BYTE_TABLES
#define TRIT_HAS_BYTE_TABLES TRIT_HAS_BYTE_DOT

namespace trit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
#if !TRIT_OLD_HIGHWAY && !TRIT_SCALAR_TARGET
using hn::SatWidenMulPairwiseAdd;
using hn::SumOfMulQuadAccumulate;
using hn::WidenMulPairwiseAdd;
#endif
}  // namespace HWY_NAMESPACE
}  // namespace trit

#if TRIT_OLD_HIGHWAY && !TRIT_SCALAR_TARGET
HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// Lane i: a[2i] * b[2i] + a[2i + 1] * b[2i + 1], saturated to int16.
template <class DI16, class VU8, class VI8>
HWY_INLINE hn::Vec<DI16> SatWidenMulPairwiseAdd(DI16 di16, VU8 a, VI8 b) {
  (void)di16;
#if HWY_ARCH_X86
  if constexpr (sizeof(a) == 64) {
    return hn::Vec<DI16>{_mm512_maddubs_epi16(a.raw, b.raw)};
  } else if constexpr (sizeof(a) == 32) {
    return hn::Vec<DI16>{_mm256_maddubs_epi16(a.raw, b.raw)};
  } else {
    return hn::Vec<DI16>{_mm_maddubs_epi16(a.raw, b.raw)};
  }
#else
  const hn::RebindToUnsigned<DI16> du16;
  const auto a_even = hn::BitCast(di16, hn::And(hn::BitCast(du16, a), hn::Set(du16, 0xFF)));
  const auto a_odd = hn::BitCast(di16, hn::ShiftRight<8>(hn::BitCast(du16, a)));
  const auto b_even = hn::ShiftRight<8>(hn::ShiftLeft<8>(hn::BitCast(di16, b)));
  const auto b_odd = hn::ShiftRight<8>(hn::BitCast(di16, b));
  return hn::SaturatedAdd(hn::Mul(a_even, b_even), hn::Mul(a_odd, b_odd));
#endif
}

// Lane i: a[2i] * b[2i] + a[2i + 1] * b[2i + 1], of int16.
template <class DI32, class VI16>
HWY_INLINE hn::Vec<DI32> WidenMulPairwiseAdd(DI32 di32, VI16 a, VI16 b) {
  (void)di32;
#if HWY_ARCH_X86
  if constexpr (sizeof(a) == 64) {
    return hn::Vec<DI32>{_mm512_madd_epi16(a.raw, b.raw)};
  } else if constexpr (sizeof(a) == 32) {
    return hn::Vec<DI32>{_mm256_madd_epi16(a.raw, b.raw)};
  } else {
    return hn::Vec<DI32>{_mm_madd_epi16(a.raw, b.raw)};
  }
#else
  const auto a_pairs = hn::BitCast(di32, a), b_pairs = hn::BitCast(di32, b);
  const auto even = [](auto pairs)
                        HWY_ATTR { return hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs)); };
  return hn::Add(hn::Mul(even(a_pairs), even(b_pairs)),
                 hn::Mul(hn::ShiftRight<16>(a_pairs), hn::ShiftRight<16>(b_pairs)));
#endif
}

#if TRIT_HAS_BYTE_DOT
// Lane i: sum + the four products a[4i .. 4i + 3] * b[4i .. 4i + 3], exact. GCC 12 copies the
// accumulator around the intrinsic, which the assembly in its place avoids.
template <class DI32, class VU8, class VI8>
HWY_INLINE hn::Vec<DI32> SumOfMulQuadAccumulate(DI32 /*di32*/, VU8 a, VI8 b, hn::Vec<DI32> sum) {
#if HWY_COMPILER_CLANG
  return hn::Vec<DI32>{_mm512_dpbusd_epi32(sum.raw, a.raw, b.raw)};
#else
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
#endif
}
#endif  // TRIT_HAS_BYTE_DOT

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();
#endif  // TRIT_OLD_HIGHWAY && !TRIT_SCALAR_TARGET

#if TRIT_HAS_BYTE_TABLES
// Permutations that no version of Highway names for whole vectors of these lanes, or only newer
// ones.
HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// Lane i: entry indices[i] % 128 of the two vectors one after the other.
template <class VU8>
HWY_INLINE VU8 TwoTablesLookupBytes(VU8 a, VU8 b, VU8 indices) {
  return VU8{_mm512_permutex2var_epi8(a.raw, indices.raw, b.raw)};
}
// Lane i: v[indices[i] % 32].
template <class VU16>
HWY_INLINE VU16 PermuteWords(VU16 v, VU16 indices) {
  return VU16{_mm512_permutexvar_epi16(indices.raw, v.raw)};
}
// Words below 256 as bytes: in each 16 bytes of the result 8 of a, then 8 of b.
template <class VU16>
HWY_INLINE hn::Vec<hn::Full512<uint8_t> > PackWordsInBlocks(VU16 a, VU16 b) {
  return hn::Vec<hn::Full512<uint8_t> >{_mm512_packus_epi16(a.raw, b.raw)};
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();
#endif  // TRIT_HAS_BYTE_TABLES

#endif  // per-target include guard
