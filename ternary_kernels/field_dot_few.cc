// A few tokens (speculation, small batches; for 4 and 8 bits also one): fields are unpacked in
// registers and used for several tokens at once, so that weights are still read but once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/field_dot_few.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/field_dot-inl.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

template <int kBits>
void FewTokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

// Tokens at a time, beside two vectors of rows.
template <int kBits>
constexpr int64_t kMaxTile = kAccumulators / FieldDot<kBits>::kRegisters / 2;

// A superblock's weights for a range of columns, and the activations of the tokens.
struct Operands {
  const uint8_t* packed;
  int64_t num_groups;
  const int8_t* q;  // (tokens, q_stride)
  int64_t q_stride;
};

// Adds field kField and those above it, in chains of their own as far as there are.
template <int kBits, int kField, int kRowVectors, int kTokens, int kChains>
HWY_INLINE void AddFields(const Bytes* packed, const int8_t* q, int64_t q_stride,
                          typename FieldDot<kBits>::Sum (*acc)[kTokens][kChains]) {
  using Dot = FieldDot<kBits>;
  Bytes fields[kRowVectors];
  for (int v = 0; v < kRowVectors; ++v) fields[v] = Field<kBits, kField>(packed[v]);
  for (int t = 0; t < kTokens; ++t) {
    const Codes x = BroadcastCodes(q + t * q_stride + 4 * kField);
    for (int v = 0; v < kRowVectors; ++v) {
      auto& sum = acc[v][t][kField % kChains];
      sum = Dot::Add(sum, fields[v], x);
    }
  }
  if constexpr (kField + 1 < BitFields<kBits>::kFields) {
    AddFields<kBits, kField + 1, kRowVectors, kTokens, kChains>(packed, q, q_stride, acc);
  }
}

// sums: (kTokens, kFieldRows), overwritten.
template <int kBits, int kTokens>
void SumSuperblock(const Operands& operands, int32_t* sums) {
  using Dot = FieldDot<kBits>;
  constexpr int64_t kSums = kAccumulators / Dot::kRegisters;
  constexpr int kRowVectors = kSums / kTokens >= 4 ? 4 : 2;
  // Two where registers are left: a product takes longer than the next one has to wait for.
  constexpr int kChains =
      BitFields<kBits>::kFields >= 2 && kSums / (kTokens * kRowVectors) >= 2 ? 2 : 1;
  const Int32Tag di32;
  for (int64_t first = 0; first < kVectors; first += kRowVectors) {
    const uint8_t* packed = operands.packed + first * kVectorBytes;
    for (int64_t block = 0; block < operands.num_groups; block += Dot::kColumnGroups) {
      typename Dot::Sum acc[kRowVectors][kTokens][kChains];
      for (auto& row : acc) {
        for (auto& token : row) {
          for (auto& sum : token) sum = Dot::Zero();
        }
      }
      const int64_t end = std::min(operands.num_groups, block + Dot::kColumnGroups);
      for (int64_t c = block; c < end; ++c) {
        Bytes w[kRowVectors];
        for (int v = 0; v < kRowVectors; ++v) {
          w[v] = LoadWeights(packed + c * kFieldGroupBytes + v * kVectorBytes);
        }
        AddFields<kBits, 0, kRowVectors, kTokens, kChains>(
            w, operands.q + c * BitFields<kBits>::kCols, operands.q_stride, acc);
      }
      for (int t = 0; t < kTokens; ++t) {
        for (int v = 0; v < kRowVectors; ++v) {
          int32_t* to = sums + t * kFieldRows + (first + v) * kVectorRows;
          Int32s total = Dot::Total(acc[v][t][0]);
          if constexpr (kChains == 2) total = hn::Add(total, Dot::Total(acc[v][t][1]));
          hn::Store(block == 0 ? total : hn::Add(total, hn::Load(di32, to)), di32, to);
        }
      }
    }
  }
}

// SumSuperblock<kBits, num_tokens>, num_tokens <= kTokens.
template <int kBits, int kTokens>
void SumTile(int64_t num_tokens, const Operands& operands, int32_t* sums) {
  if constexpr (kTokens > 1) {
    if (num_tokens < kTokens) return SumTile<kBits, kTokens - 1>(num_tokens, operands, sums);
  }
  SumSuperblock<kBits, kTokens>(operands, sums);
}

template <int kBits>
struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    using Fields = BitFields<kBits>;
    const int64_t stride = call.codes->stride;
    Operands operands;
    operands.packed = call.weights->data.data() +
                      request.row / kFieldRows * Fields::SuperblockBytes(call.weights->cols) +
                      request.col_begin / Fields::kCols * kFieldGroupBytes;
    operands.num_groups = Fields::ColumnGroups(request.col_end - request.col_begin);
    operands.q_stride = stride;
    // Tiles of about equal size: 9 tokens are 5 and 4, not 8 and 1.
    const int64_t num_tiles = (request.num_tokens + kMaxTile<kBits> - 1) / kMaxTile<kBits>;
    int64_t token = 0;
    for (int64_t tile = 0; tile < num_tiles; ++tile) {
      const int64_t end = (tile + 1) * request.num_tokens / num_tiles;
      operands.q = call.codes->codes.data() + (request.token + token) * stride + request.col_begin;
      SumTile<kBits, kMaxTile<kBits> >(end - token, operands, request.sums + token * kFieldRows);
      token = end;
    }
  }
};

template <int kBits>
void FewTokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kFieldRows, 16, BitFields<kBits>::kCodeOffset>(call, range, FormSums<kBits>{call});
}

}  // namespace
#endif  // TRIT_SCALAR_TARGET

void FewTokens2Bit(const MatmulCall& call, const MatmulRange& range) { FewTokens<2>(call, range); }
void FewTokensInt4(const MatmulCall& call, const MatmulRange& range) { FewTokens<4>(call, range); }
void FewTokensInt8(const MatmulCall& call, const MatmulRange& range) { FewTokens<8>(call, range); }

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(FewTokens2Bit);
HWY_EXPORT(FewTokensInt4);
HWY_EXPORT(FewTokensInt8);
void Dot2BitFew(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(FewTokens2Bit)(call, range);
}
void DotInt4Few(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(FewTokensInt4)(call, range);
}
void DotInt8Few(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(FewTokensInt8)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
