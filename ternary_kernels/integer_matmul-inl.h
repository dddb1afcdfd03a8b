// What all integer kernels share: the loop over blocks of rows, tiles of tokens and columns with a
// common scale, and the one epilogue that turns exact int32 sums into outputs,
//   y = float(sum) * (s / a)   or   (sum_g float(sum_g) * s_g) * (1 / a),   then + residual.
// A kernel is what forms the sums. Compiled per target.
#if defined(TRIT_TERNARY_KERNELS_INTEGER_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRIT_TERNARY_KERNELS_INTEGER_MATMUL_INL_H_
#undef TRIT_TERNARY_KERNELS_INTEGER_MATMUL_INL_H_
#else
#define TRIT_TERNARY_KERNELS_INTEGER_MATMUL_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/thread_scratch.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// The sums a kernel is asked for: rows x tokens, over columns that share a scale.
struct SumRequest {
  int64_t row, num_rows;
  int64_t token, num_tokens;
  int64_t col_begin, col_end;  // the whole row, or one group
  int32_t* sums;               // (num_tokens, the kernel's block of rows), overwritten
};

// Sum of the codes q[0, n).
inline int32_t SumOfCodes(const int8_t* q, int64_t n) {
  int32_t sum = 0;
  int64_t k = 0;
#if !TRIT_SCALAR_TARGET
  const hn::CappedTag<uint8_t, 16> du8;
  const hn::Repartition<uint64_t, decltype(du8)> du64;
  constexpr int64_t kWidth = hn::MaxLanes(du8);
  const auto flip = hn::Set(du8, 0x80);  // q + 128, which is not negative
  auto sums = hn::Zero(du64);
  for (; k + kWidth <= n; k += kWidth) {
    const auto codes = hn::LoadU(du8, reinterpret_cast<const uint8_t*>(q + k));
    sums = hn::Add(sums, hn::SumsOf8(hn::Xor(codes, flip)));
  }
  sum =
      static_cast<int32_t>(hn::GetLane(hn::SumOfLanes(du64, sums))) - static_cast<int32_t>(128 * k);
#endif
  for (; k < n; ++k) sum += q[k];
  return sum;
}

// totals[r] += float(sums[r] - offset) * scales[r].
inline void AddGroup(const int32_t* sums, int32_t offset, const float* scales, int64_t num_rows,
                     float* totals) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<int32_t, decltype(df)> di32;
  const int64_t width = hn::Lanes(df);
  const auto offsets = hn::Set(di32, offset);
  int64_t r = 0;
  for (; r + width <= num_rows; r += width) {
    const auto sum = hn::ConvertTo(df, hn::Sub(hn::LoadU(di32, sums + r), offsets));
    const auto term = hn::Mul(sum, hn::LoadU(df, scales + r));
    hn::StoreU(hn::Add(hn::LoadU(df, totals + r), term), df, totals + r);
  }
  for (; r < num_rows; ++r) totals[r] += static_cast<float>(sums[r] - offset) * scales[r];
}

// out[r] = values[r] * scale + residual[r], as two roundings; residual may be null.
inline void StoreScaledFloats(const float* values, float scale, int64_t num_rows,
                              const float* residual, float* out) {
  const hn::ScalableTag<float> df;
  const int64_t width = hn::Lanes(df);
  const auto scales = hn::Set(df, scale);
  int64_t r = 0;
  for (; r + width <= num_rows; r += width) {
    auto y = hn::Mul(hn::LoadU(df, values + r), scales);
    if (residual != nullptr) y = hn::Add(y, hn::LoadU(df, residual + r));
    hn::StoreU(y, df, out + r);
  }
  for (; r < num_rows; ++r) {
    float y = values[r] * scale;
    if (residual != nullptr) y += residual[r];
    out[r] = y;
  }
}

// out[r] = float(sums[r] - offset) * (scales[r] / activation_scale) + residual[r]; one scale for
// all rows unless per_row.
inline void StoreScaledSums(const int32_t* sums, int32_t offset, const float* scales, bool per_row,
                            float activation_scale, int64_t num_rows, const float* residual,
                            float* out) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<int32_t, decltype(df)> di32;
  const int64_t width = hn::Lanes(df);
  const auto offsets = hn::Set(di32, offset);
  const auto activation_scales = hn::Set(df, activation_scale);
  auto ratio = hn::Set(df, scales[0] / activation_scale);
  int64_t r = 0;
  for (; r + width <= num_rows; r += width) {
    if (per_row) ratio = hn::Div(hn::LoadU(df, scales + r), activation_scales);
    const auto sum = hn::ConvertTo(df, hn::Sub(hn::LoadU(di32, sums + r), offsets));
    auto y = hn::Mul(sum, ratio);
    if (residual != nullptr) y = hn::Add(y, hn::LoadU(df, residual + r));
    hn::StoreU(y, df, out + r);
  }
  for (; r < num_rows; ++r) {
    float y = static_cast<float>(sums[r] - offset) * (scales[per_row ? r : 0] / activation_scale);
    if (residual != nullptr) y += residual[r];
    out[r] = y;
  }
}

// A range of a call. form_sums(SumRequest) writes sums of (trit + kCodeOffset) *
// q; rows come in blocks of kBlockRows, counted from its first, tokens in tiles of kTileTokens.
template <int64_t kBlockRows, int64_t kTileTokens, int32_t kCodeOffset, class FormSums>
void IntegerMatmul(const MatmulCall& call, const MatmulRange& range, const FormSums& form_sums) {
  const PackedMatrix& weights = *call.weights;
  const WeightScales& scales = weights.scales;
  const ActivationCodes& codes = *call.codes;
  const bool grouped = scales.kind == ScaleKind::kGroup;
  const int64_t group_cols = grouped ? scales.group_size : weights.cols;
  const int64_t num_groups = weights.cols / group_cols;
  // What the offset adds to the sums of a token's groups: (num_tokens, num_groups).
  std::vector<int32_t> offsets((range.token_end - range.token_begin) * num_groups);
  int32_t* const offsets_of_token0 = offsets.data() - range.token_begin * num_groups;
  for (int64_t token = range.token_begin; token < range.token_end && kCodeOffset != 0; ++token) {
    const int8_t* q = codes.codes.data() + token * codes.stride;
    for (int64_t g = 0; g < num_groups; ++g) {
      const int32_t sum = grouped ? SumOfCodes(q + g * group_cols, group_cols) : codes.sums[token];
      offsets_of_token0[token * num_groups + g] = kCodeOffset * sum;
    }
  }

  // Rows and tokens of a tile, no more than there are.
  const int64_t tile_tokens = std::min(kTileTokens, range.token_end - range.token_begin);
  int32_t* sums = ThreadScratch<struct IntegerMatmulSums, int32_t>(tile_tokens * kBlockRows);
  float* totals = grouped ? ThreadScratch<struct IntegerMatmulTotals, float>(tile_tokens * kBlockRows) : nullptr;
  for (int64_t row = range.row_begin; row < range.row_end; row += kBlockRows) {
    const int64_t num_rows = std::min(kBlockRows, range.row_end - row);
    for (int64_t token = range.token_begin; token < range.token_end; token += kTileTokens) {
      const int64_t num_tokens = std::min(kTileTokens, range.token_end - token);
      if (grouped) std::fill_n(totals, num_tokens * kBlockRows, 0.0f);
      for (int64_t g = 0; g < num_groups; ++g) {
        form_sums(SumRequest{row, num_rows, token, num_tokens, g * group_cols, (g + 1) * group_cols,
                             sums});
        for (int64_t t = 0; t < num_tokens && grouped; ++t) {
          AddGroup(sums + t * kBlockRows, offsets_of_token0[(token + t) * num_groups + g],
                   scales.values.data() + g * weights.rows + row, num_rows,
                   totals + t * kBlockRows);
        }
      }
      for (int64_t t = 0; t < num_tokens; ++t) {
        const float a = codes.scales[token + t];
        const float* residual =
            call.residual ? call.residual + (token + t) * call.residual_stride + row : nullptr;
        float* out = call.out + (token + t) * call.out_stride + row;
        if (grouped) {
          StoreScaledFloats(totals + t * kBlockRows, 1.0f / a, num_rows, residual, out);
        } else {
          const bool per_row = scales.kind == ScaleKind::kRow;
          StoreScaledSums(sums + t * kBlockRows, offsets_of_token0[token + t],
                          scales.values.data() + (per_row ? row : 0), per_row, a, num_rows,
                          residual, out);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
