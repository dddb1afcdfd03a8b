// Products of codes unpacked to bytes with many tokens: what kernels for prompts share, whatever
// format they unpack. Compiled per target.
#if defined(TRIT_TERNARY_KERNELS_BYTE_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_BYTE_TILE_INL_H_
#undef TRIT_TERNARY_KERNELS_BYTE_TILE_INL_H_
#else
#define TRIT_TERNARY_KERNELS_BYTE_TILE_INL_H_
#endif

#include <cstdint>

#include "ternary_kernels/field_dot-inl.h"
#include "ternary_kernels/hwy_shim-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if !TRIT_SCALAR_TARGET

inline constexpr int64_t kUnpackedTokens = 256;          // that share an unpacking
inline constexpr int64_t kQuadBytes = kFieldGroupBytes;  // four columns of 64 rows, unpacked

// Register tile: vectors of rows x tokens.
template <int kBits>
inline constexpr int kTileVectors =
    HWY_TARGET <= HWY_AVX3 ? 4 / FieldDot<kBits>::kRegisters : 2 / FieldDot<kBits>::kRegisters;
inline constexpr int kTileTokens = HWY_TARGET <= HWY_AVX3 ? 6 : 4;

// sums: (kNumTokens, kFieldRows), added to. q: (kNumTokens, q_stride).
template <int kBits, int kNumTokens>
void AddTile(const uint8_t* fields, int64_t num_quads, const int8_t* q, int64_t q_stride,
             int32_t* sums) {
  using Dot = FieldDot<kBits>;
  constexpr int kRows = kTileVectors<kBits>;
  const Int32Tag di32;
  for (int64_t first = 0; first < kVectors; first += kRows) {
    typename Dot::Sum acc[kRows][kNumTokens];
    for (auto& row : acc) {
      for (auto& sum : row) sum = Dot::Zero();
    }
    for (int64_t i = 0; i < num_quads; ++i) {
      Bytes w[kRows];
      for (int v = 0; v < kRows; ++v) {
        w[v] = hn::Load(BytesTag(), fields + i * kQuadBytes + (first + v) * kVectorBytes);
      }
      for (int t = 0; t < kNumTokens; ++t) {
        const Codes x = BroadcastCodes(q + t * q_stride + 4 * i);
        for (int v = 0; v < kRows; ++v) acc[v][t] = Dot::Add(acc[v][t], w[v], x);
      }
    }
    for (int t = 0; t < kNumTokens; ++t) {
      for (int v = 0; v < kRows; ++v) {
        int32_t* sum = sums + t * kFieldRows + (first + v) * kVectorRows;
        hn::Store(hn::Add(Dot::Total(acc[v][t]), hn::Load(di32, sum)), di32, sum);
      }
    }
  }
}

// AddTile<kBits, num_tokens>, num_tokens <= kMaxTokens.
template <int kBits, int kMaxTokens>
void AddTokens(int64_t num_tokens, const uint8_t* fields, int64_t num_quads, const int8_t* q,
               int64_t q_stride, int32_t* sums) {
  if constexpr (kMaxTokens > 1) {
    if (num_tokens < kMaxTokens) {
      return AddTokens<kBits, kMaxTokens - 1>(num_tokens, fields, num_quads, q, q_stride, sums);
    }
  }
  AddTile<kBits, kMaxTokens>(fields, num_quads, q, q_stride, sums);
}

// sums[t][r] += sum over the columns k of fields[k / 4][r][k % 4] * q[t][k], for codes of kBits.
// fields: (num_quads, 64 rows, 4 columns); q: (num_tokens, q_stride); sums: (num_tokens, 64).
template <int kBits>
void AddProducts(const uint8_t* fields, int64_t num_quads, const int8_t* q, int64_t q_stride,
                 int64_t num_tokens, int32_t* sums) {
  // Tiles of nearly the same size: small ones leave the multipliers waiting for their sums.
  int64_t t = 0;
  for (int64_t tiles = (num_tokens + kTileTokens - 1) / kTileTokens; tiles > 0; --tiles) {
    const int64_t tile_tokens = (num_tokens - t + tiles - 1) / tiles;
    AddTokens<kBits, kTileTokens>(tile_tokens, fields, num_quads, q + t * q_stride, q_stride,
                                  sums + t * kFieldRows);
    t += tile_tokens;
  }
}

#endif  // !TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
