// Dot products of 2-bit codes with activation codes, rows across lanes: what the kernels on the
// layout of ternary_2bit.h share. Compiled per target.
#if defined(TRIT_TERNARY_KERNELS_TERNARY_2BIT_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_TERNARY_2BIT_DOT_INL_H_
#undef TRIT_TERNARY_KERNELS_TERNARY_2BIT_DOT_INL_H_
#else
#define TRIT_TERNARY_KERNELS_TERNARY_2BIT_DOT_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/ternary_2bit.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if !TRIT_SCALAR_TARGET

using BytesTag = hn::ScalableTag<uint8_t>;
using CodesTag = hn::RebindToSigned<BytesTag>;
using Int16Tag = hn::Repartition<int16_t, BytesTag>;
using Int32Tag = hn::Repartition<int32_t, BytesTag>;
using Bytes = hn::Vec<BytesTag>;
using Codes = hn::Vec<CodesTag>;
using Int16s = hn::Vec<Int16Tag>;
using Int32s = hn::Vec<Int32Tag>;

inline constexpr int64_t kVectorBytes = hn::MaxLanes(BytesTag());
inline constexpr int64_t kVectorRows = kVectorBytes / 4;             // rows of a vector
inline constexpr int64_t kVectors = kTernary2BitRows / kVectorRows;  // of a superblock
// Accumulators that leave registers for operands.
inline constexpr int64_t kAccumulators = HWY_TARGET <= HWY_AVX3 ? 16 : 8;

// How far ahead weights are asked for: hardware prefetchers stop at the end of a page of 4 KiB.
inline constexpr int64_t kFetchBytes = 8192;

// A vector of weights of one group, which perhaps comes from memory.
HWY_INLINE Bytes LoadWeights(const uint8_t* from) {
  __builtin_prefetch(from + kFetchBytes);
  return hn::Load(BytesTag(), from);
}

// Four consecutive codes of a token in every lane.
HWY_INLINE Codes BroadcastCodes(const int8_t* q) {
  int32_t bits;
  std::memcpy(&bits, q, 4);
  return hn::BitCast(CodesTag(), hn::Set(Int32Tag(), bits));
}

// Lane i: lanes 2i and 2i + 1 added.
HWY_INLINE Int32s AddPairs(Int16s v) {
  const Int32s both = hn::BitCast(Int32Tag(), v);
  const Int32s even = hn::ShiftRight<16>(hn::ShiftLeft<16>(both));
  return hn::Add(even, hn::ShiftRight<16>(both));
}

// A lane's running dot product of codes 0..2 with activations, four columns at a time, and for how
// many groups of 16 columns it cannot overflow.
#if TRIT_HAS_BYTE_DOT
using DotSum = Int32s;
using DotSumTag = Int32Tag;
inline constexpr int64_t kDotColumnGroups = kTernary2BitMaxCols;
HWY_INLINE DotSum AddDot(DotSum sum, Bytes codes, Codes q) {
  return SumOfMulQuadAccumulate(Int32Tag(), codes, q, sum);
}
HWY_INLINE Int32s DotTotal(DotSum sum) { return sum; }
#else
using DotSum = Int16s;
using DotSumTag = Int16Tag;
// A step adds two products of at most 2 * 127 or at least 2 * -128; 4 * 16 steps reach 32512 and
// -32768.
inline constexpr int64_t kDotColumnGroups = 16;
HWY_INLINE DotSum AddDot(DotSum sum, Bytes codes, Codes q) {
  return hn::Add(sum, SatWidenMulPairwiseAdd(Int16Tag(), codes, q));
}
HWY_INLINE Int32s DotTotal(DotSum sum) { return AddPairs(sum); }
#endif

// Field f of every byte: codes 0..2. (The shift moves bits between bytes; the mask drops them.)
template <int kField>
HWY_INLINE Bytes Field(Bytes packed) {
  const hn::Repartition<uint16_t, BytesTag> du16;
  const auto shifted = hn::ShiftRight<2 * kField>(hn::BitCast(du16, packed));
  return hn::And(hn::BitCast(BytesTag(), shifted), hn::Set(BytesTag(), 3));
}

#endif  // !TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
