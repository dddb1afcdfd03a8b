// Many tokens (prompts): a superblock's codes for some columns are unpacked once into bytes that
// stay in L1, then multiplied with all tokens of a tile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/ternary_2bit_many.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/integer_matmul-inl.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/ternary_2bit_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

void Dot2BitManyTokens(const MatmulCall& call, const MatmulRange& range) {
  ReferenceMatmul(call, range);
}

#else
namespace {

constexpr int64_t kTileTokens = 64;    // that share an unpacking
// Column groups unpacked at a time: 64 KiB that stay in L2, or what 16-bit sums allow, 16 KiB.
constexpr int64_t kColumnGroups = std::min<int64_t>(64, kDotColumnGroups);
static_assert(kColumnGroups <= kDotColumnGroups);
constexpr int64_t kQuadBytes = 4 * kTernary2BitRows;  // four columns of a superblock, unpacked

// Register tile: vectors of rows x tokens.
constexpr int kRowVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
constexpr int kTokens = HWY_TARGET <= HWY_AVX3 ? 6 : 4;

// codes: [num_groups][4 fields][64 rows][4 columns], a byte each.
void Unpack(const uint8_t* packed, int64_t num_groups, uint8_t* codes) {
  const BytesTag du8;
  for (int64_t c = 0; c < num_groups; ++c) {
    for (int64_t v = 0; v < kVectors; ++v) {
      const Bytes w = hn::Load(du8, packed + c * kTernary2BitGroupBytes + v * kVectorBytes);
      uint8_t* to = codes + 4 * c * kQuadBytes + v * kVectorBytes;
      hn::Store(Field<0>(w), du8, to);
      hn::Store(Field<1>(w), du8, to + kQuadBytes);
      hn::Store(Field<2>(w), du8, to + 2 * kQuadBytes);
      hn::Store(Field<3>(w), du8, to + 3 * kQuadBytes);
    }
  }
}

// sums: (kNumTokens, kTernary2BitRows), added to. q: (kNumTokens, q_stride).
template <int kNumTokens>
void AddTile(const uint8_t* codes, int64_t num_quads, const int8_t* q, int64_t q_stride,
             int32_t* sums) {
  const Int32Tag di32;
  for (int64_t first = 0; first < kVectors; first += kRowVectors) {
    DotSum acc[kRowVectors][kNumTokens];
    for (auto& row : acc) {
      for (DotSum& sum : row) sum = hn::Zero(DotSumTag());
    }
    for (int64_t i = 0; i < num_quads; ++i) {
      Bytes w[kRowVectors];
      for (int v = 0; v < kRowVectors; ++v) {
        w[v] = hn::Load(BytesTag(), codes + i * kQuadBytes + (first + v) * kVectorBytes);
      }
      for (int t = 0; t < kNumTokens; ++t) {
        const Codes x = BroadcastCodes(q + t * q_stride + 4 * i);
        for (int v = 0; v < kRowVectors; ++v) acc[v][t] = AddDot(acc[v][t], w[v], x);
      }
    }
    for (int t = 0; t < kNumTokens; ++t) {
      for (int v = 0; v < kRowVectors; ++v) {
        int32_t* sum = sums + t * kTernary2BitRows + (first + v) * kVectorRows;
        hn::Store(hn::Add(DotTotal(acc[v][t]), hn::Load(di32, sum)), di32, sum);
      }
    }
  }
}

// AddTile<num_tokens>, num_tokens <= kMaxTokens.
template <int kMaxTokens>
void AddTokens(int64_t num_tokens, const uint8_t* codes, int64_t num_quads, const int8_t* q,
               int64_t q_stride, int32_t* sums) {
  if constexpr (kMaxTokens > 1) {
    if (num_tokens < kMaxTokens) {
      return AddTokens<kMaxTokens - 1>(num_tokens, codes, num_quads, q, q_stride, sums);
    }
  }
  AddTile<kMaxTokens>(codes, num_quads, q, q_stride, sums);
}

struct FormSums {
  const MatmulCall& call;

  void operator()(const SumRequest& request) const {
    alignas(kBufferAlignment) uint8_t codes[kColumnGroups * 4 * kQuadBytes];
    std::fill_n(request.sums, request.num_tokens * kTernary2BitRows, 0);
    const uint8_t* packed =
        call.weights->data.data() +
        request.row / kTernary2BitRows * Ternary2BitSuperblockBytes(call.weights->cols);
    const int64_t stride = call.codes->stride;
    const int64_t group_begin = request.col_begin / kTernary2BitCols;
    const int64_t group_end = Ternary2BitColumnGroups(request.col_end);
    for (int64_t c = group_begin; c < group_end; c += kColumnGroups) {
      const int64_t num_groups = std::min(kColumnGroups, group_end - c);
      Unpack(packed + c * kTernary2BitGroupBytes, num_groups, codes);
      const int8_t* q = call.codes->codes.data() + request.token * stride + c * kTernary2BitCols;
      for (int64_t t = 0; t < request.num_tokens; t += kTokens) {
        AddTokens<kTokens>(std::min<int64_t>(kTokens, request.num_tokens - t), codes,
                           4 * num_groups, q + t * stride, stride,
                           request.sums + t * kTernary2BitRows);
      }
    }
  }
};

}  // namespace

void Dot2BitManyTokens(const MatmulCall& call, const MatmulRange& range) {
  IntegerMatmul<kTernary2BitRows, kTileTokens, 1>(call, range, FormSums{call});
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(Dot2BitManyTokens);
void Dot2BitMany(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(Dot2BitManyTokens)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
