// Dot products of the bit fields of bit_fields.h with activation codes, rows across lanes: what the
// kernels on that layout share. Compiled per target.
#if defined(TRIT_TERNARY_KERNELS_FIELD_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_FIELD_DOT_INL_H_
#undef TRIT_TERNARY_KERNELS_FIELD_DOT_INL_H_
#else
#define TRIT_TERNARY_KERNELS_FIELD_DOT_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include "ternary_kernels/bit_fields.h"
#include "ternary_kernels/hwy_shim-inl.h"

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
inline constexpr int64_t kVectorRows = kVectorBytes / 4;       // rows of a vector
inline constexpr int64_t kVectors = kFieldRows / kVectorRows;  // of a superblock
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

// Lane i: lanes 2i and 2i + 1 added, times kFactor.
template <int16_t kFactor = 1>
HWY_INLINE Int32s AddPairs(Int16s v) {
  return WidenMulPairwiseAdd(Int32Tag(), v, hn::Set(Int16Tag(), kFactor));
}

// Field f of every byte. (The shift moves bits between bytes; the mask drops them.)
template <int kBits, int kField>
HWY_INLINE Bytes Field(Bytes packed) {
  if constexpr (kBits == 8) return packed;
  const hn::Repartition<uint16_t, BytesTag> du16;
  const auto shifted = hn::ShiftRight<kBits * kField>(hn::BitCast(du16, packed));
  return hn::And(hn::BitCast(BytesTag(), shifted), hn::Set(BytesTag(), (1 << kBits) - 1));
}

// FieldDot<kBits>: a lane's running dot product of fields with activations, four columns at a time
// (Sum, Zero, Add, Total), for how many column groups it cannot overflow, and how many registers it
// takes.
#if TRIT_HAS_BYTE_DOT

template <int kBits>
struct FieldDot {
  using Sum = Int32s;
  static constexpr int64_t kColumnGroups = BitFields<kBits>::kMaxCols / BitFields<kBits>::kCols;
  static constexpr int64_t kRegisters = 1;
  static HWY_INLINE Sum Zero() { return hn::Zero(Int32Tag()); }
  static HWY_INLINE Sum Add(Sum sum, Bytes fields, Codes q) {
    return SumOfMulQuadAccumulate(Int32Tag(), fields, q, sum);
  }
  static HWY_INLINE Int32s Total(Sum sum) { return sum; }
};

#else

// In int16: a step adds two products of at most kMaxField * 127 or at least kMaxField * -128, so 64
// steps of 2 bits reach 32512 and -32768, 8 steps of 4 bits 30480 and -30720.
template <int kBits>
struct FieldDot {
  using Sum = Int16s;
  static constexpr int64_t kSteps = 32768 / (2 * BitFields<kBits>::kMaxField * 128);
  static constexpr int64_t kColumnGroups = kSteps / BitFields<kBits>::kFields;
  static constexpr int64_t kRegisters = 1;
  static HWY_INLINE Sum Zero() { return hn::Zero(Int16Tag()); }
  static HWY_INLINE Sum Add(Sum sum, Bytes fields, Codes q) {
    return hn::Add(sum, SatWidenMulPairwiseAdd(Int16Tag(), fields, q));
  }
  static HWY_INLINE Int32s Total(Sum sum) { return AddPairs(sum); }
};

// Bytes are 16 times their upper half and the lower one: a pair of products would not fit int16.
template <>
struct FieldDot<8> {
  using Half = FieldDot<4>;
  // Constructors of its own: those the compiler adds are not for the target.
  struct Sum {
    HWY_INLINE Sum() {}
    HWY_INLINE Sum(Int16s l, Int16s h) : low(l), high(h) {}
    Int16s low, high;
  };
  static constexpr int64_t kColumnGroups = Half::kSteps;
  static constexpr int64_t kRegisters = 2;
  static HWY_INLINE Sum Zero() { return {Half::Zero(), Half::Zero()}; }
  static HWY_INLINE Sum Add(Sum sum, Bytes fields, Codes q) {
    return {Half::Add(sum.low, Field<4, 0>(fields), q),
            Half::Add(sum.high, Field<4, 1>(fields), q)};
  }
  static HWY_INLINE Int32s Total(Sum sum) {
    return hn::Add(AddPairs(sum.low), AddPairs<16>(sum.high));
  }
};

#endif  // TRIT_HAS_BYTE_DOT

#endif  // !TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
