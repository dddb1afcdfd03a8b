// One token: every weight is used once, so unpacking must cost next to nothing. Fields are masked
// where they stand and add up under their own factor of 4^f; factors go once a row.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/ternary_2bit_one.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/field_dot-inl.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

void Dot2BitOneToken(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

constexpr int kUnroll = 4;  // vectors of rows at a time

#if TRIT_HAS_BYTE_DOT

// Sums of kUnroll vectors of rows over num_groups column groups; packed points to the first vector,
// column groups are kFieldGroupBytes apart.
void SumVectors(const uint8_t* packed, int64_t num_groups, const int8_t* q, int32_t* sums) {
  const BytesTag du8;
  const Int32Tag di32;
  Int32s acc[kUnroll][4];
  for (auto& fields : acc) {
    for (Int32s& field : fields) field = hn::Zero(di32);
  }
  const Bytes mask[4] = {hn::Set(du8, 0x03), hn::Set(du8, 0x0C), hn::Set(du8, 0x30),
                         hn::Set(du8, 0xC0)};
  for (int64_t c = 0; c < num_groups; ++c) {
    const Codes q_field[4] = {BroadcastCodes(q + 16 * c), BroadcastCodes(q + 16 * c + 4),
                              BroadcastCodes(q + 16 * c + 8), BroadcastCodes(q + 16 * c + 12)};
    for (int v = 0; v < kUnroll; ++v) {
      const Bytes w = LoadWeights(packed + c * kFieldGroupBytes + v * kVectorBytes);
      for (int f = 0; f < 4; ++f) {
        acc[v][f] = SumOfMulQuadAccumulate(di32, hn::And(w, mask[f]), q_field[f], acc[v][f]);
      }
    }
  }
  for (int v = 0; v < kUnroll; ++v) {
    const Int32s low = hn::Add(acc[v][0], hn::ShiftRight<2>(acc[v][1]));
    const Int32s high = hn::Add(hn::ShiftRight<4>(acc[v][2]), hn::ShiftRight<6>(acc[v][3]));
    hn::Store(hn::Add(low, high), di32, sums + v * kVectorRows);
  }
}

#else

// The same where products are added up in int16: one shift makes fields 2 and 3 fields 0 and 1, and
// the sums are widened every 8 column groups. A step of field 1 adds two products of at most 8 *
// 127 or at least 8 * -128, so 2 * 8 steps reach 32512 and -32768.
void SumVectors(const uint8_t* packed, int64_t num_groups, const int8_t* q, int32_t* sums) {
  constexpr int64_t kBlock = 8;
  const BytesTag du8;
  const Int16Tag di16;
  const hn::RebindToUnsigned<Int16Tag> du16;
  const Int32Tag di32;
  const Bytes mask0 = hn::Set(du8, 0x03), mask1 = hn::Set(du8, 0x0C);
  Int32s totals[kUnroll];
  for (Int32s& total : totals) total = hn::Zero(di32);
  for (int64_t block = 0; block < num_groups; block += kBlock) {
    Int16s acc0[kUnroll], acc1[kUnroll];
    for (int v = 0; v < kUnroll; ++v) acc0[v] = acc1[v] = hn::Zero(di16);
    const int64_t end = std::min(num_groups, block + kBlock);
    for (int64_t c = block; c < end; ++c) {
      const Codes q0 = BroadcastCodes(q + 16 * c), q1 = BroadcastCodes(q + 16 * c + 4);
      const Codes q2 = BroadcastCodes(q + 16 * c + 8), q3 = BroadcastCodes(q + 16 * c + 12);
      for (int v = 0; v < kUnroll; ++v) {
        const Bytes w = LoadWeights(packed + c * kFieldGroupBytes + v * kVectorBytes);
        const Bytes upper = hn::BitCast(du8, hn::ShiftRight<4>(hn::BitCast(du16, w)));
        const auto add = [&](Int16s& acc, Bytes codes, Codes x) HWY_ATTR {
          acc = hn::Add(acc, SatWidenMulPairwiseAdd(di16, codes, x));
        };
        add(acc0[v], hn::And(w, mask0), q0);
        add(acc1[v], hn::And(w, mask1), q1);
        add(acc0[v], hn::And(upper, mask0), q2);
        add(acc1[v], hn::And(upper, mask1), q3);
      }
    }
    for (int v = 0; v < kUnroll; ++v) {
      const Int16s sum = hn::Add(acc0[v], hn::ShiftRight<2>(acc1[v]));
      totals[v] = hn::Add(totals[v], AddPairs(sum));
    }
  }
  for (int v = 0; v < kUnroll; ++v) hn::Store(totals[v], di32, sums + v * kVectorRows);
}

#endif  // TRIT_HAS_BYTE_DOT

struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    const uint8_t* packed =
        call.weights->data.data() +
        request.row / kFieldRows * BitFields<2>::SuperblockBytes(call.weights->cols) +
        request.col_begin / BitFields<2>::kCols * kFieldGroupBytes;
    const int64_t num_groups = BitFields<2>::ColumnGroups(request.col_end - request.col_begin);
    const int8_t* q =
        call.codes->codes.data() + request.token * call.codes->stride + request.col_begin;
    for (int64_t v = 0; v < kVectors; v += kUnroll) {
      SumVectors(packed + v * kVectorBytes, num_groups, q, request.sums + v * kVectorRows);
    }
  }
};

}  // namespace

void Dot2BitOneToken(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kFieldRows, 1, 1>(call, range, FormSums{call});
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(Dot2BitOneToken);
void Dot2BitOne(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(Dot2BitOneToken)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
