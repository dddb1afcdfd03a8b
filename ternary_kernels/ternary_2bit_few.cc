// A few tokens (speculation, small batches): fields are unpacked in registers and used for several
// tokens at once, so that weights are still read but once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/ternary_2bit_few.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/ternary_2bit_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

void Dot2BitFewTokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

constexpr int64_t kMaxTile = kAccumulators / 2;  // tokens at a time, beside two vectors of rows

// A superblock's weights for a range of columns, and the activations of the tokens.
struct Operands {
  const uint8_t* packed;
  int64_t num_groups;
  const int8_t* q;  // (tokens, q_stride)
  int64_t q_stride;
};

template <int kField, int kRowVectors, int kTokens>
HWY_INLINE void AddField(const Bytes* packed, const int8_t* q, int64_t q_stride,
                         DotSum (*acc)[kTokens]) {
  Bytes codes[kRowVectors];
  for (int v = 0; v < kRowVectors; ++v) codes[v] = Field<kField>(packed[v]);
  for (int t = 0; t < kTokens; ++t) {
    const Codes x = BroadcastCodes(q + t * q_stride + 4 * kField);
    for (int v = 0; v < kRowVectors; ++v) acc[v][t] = AddDot(acc[v][t], codes[v], x);
  }
}

// sums: (kTokens, kTernary2BitRows), overwritten.
template <int kTokens>
void SumSuperblock(const Operands& operands, int32_t* sums) {
  constexpr int kRowVectors = kAccumulators / kTokens >= 4 ? 4 : 2;
  const Int32Tag di32;
  for (int64_t first = 0; first < kVectors; first += kRowVectors) {
    const uint8_t* packed = operands.packed + first * kVectorBytes;
    for (int64_t block = 0; block < operands.num_groups; block += kDotColumnGroups) {
      DotSum acc[kRowVectors][kTokens];
      for (auto& row : acc) {
        for (DotSum& sum : row) sum = hn::Zero(DotSumTag());
      }
      const int64_t end = std::min(operands.num_groups, block + kDotColumnGroups);
      for (int64_t c = block; c < end; ++c) {
        Bytes w[kRowVectors];
        for (int v = 0; v < kRowVectors; ++v) {
          w[v] = LoadWeights(packed + c * kTernary2BitGroupBytes + v * kVectorBytes);
        }
        const int8_t* q = operands.q + c * kTernary2BitCols;
        AddField<0, kRowVectors, kTokens>(w, q, operands.q_stride, acc);
        AddField<1, kRowVectors, kTokens>(w, q, operands.q_stride, acc);
        AddField<2, kRowVectors, kTokens>(w, q, operands.q_stride, acc);
        AddField<3, kRowVectors, kTokens>(w, q, operands.q_stride, acc);
      }
      for (int t = 0; t < kTokens; ++t) {
        for (int v = 0; v < kRowVectors; ++v) {
          int32_t* sum = sums + t * kTernary2BitRows + (first + v) * kVectorRows;
          const Int32s total = DotTotal(acc[v][t]);
          hn::Store(block == 0 ? total : hn::Add(total, hn::Load(di32, sum)), di32, sum);
        }
      }
    }
  }
}

// SumSuperblock<num_tokens>, num_tokens <= kTokens.
template <int kTokens>
void SumTile(int64_t num_tokens, const Operands& operands, int32_t* sums) {
  if constexpr (kTokens > 1) {
    if (num_tokens < kTokens) return SumTile<kTokens - 1>(num_tokens, operands, sums);
  }
  SumSuperblock<kTokens>(operands, sums);
}

struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    const int64_t stride = call.codes->stride;
    Operands operands;
    operands.packed =
        call.weights->data.data() +
        request.row / kTernary2BitRows * Ternary2BitSuperblockBytes(call.weights->cols) +
        request.col_begin / kTernary2BitCols * kTernary2BitGroupBytes;
    operands.num_groups = Ternary2BitColumnGroups(request.col_end - request.col_begin);
    operands.q_stride = stride;
    // Tiles of about equal size: 9 tokens are 5 and 4, not 8 and 1.
    const int64_t num_tiles = (request.num_tokens + kMaxTile - 1) / kMaxTile;
    int64_t token = 0;
    for (int64_t tile = 0; tile < num_tiles; ++tile) {
      const int64_t end = (tile + 1) * request.num_tokens / num_tiles;
      operands.q = call.codes->codes.data() + (request.token + token) * stride + request.col_begin;
      SumTile<kMaxTile>(end - token, operands, request.sums + token * kTernary2BitRows);
      token = end;
    }
  }
};

}  // namespace

void Dot2BitFewTokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kTernary2BitRows, 16, 1>(call, range, FormSums{call});
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(Dot2BitFewTokens);
void Dot2BitFew(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(Dot2BitFewTokens)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
