// What all integer kernels share: the loop over blocks of rows, tiles of tokens and columns with a
// common scale, and the one epilogue that turns exact int32 sums into outputs,
//   y = float(sum) * (s / a)   or   (sum_g float(sum_g) * s_g) * (1 / a),   then + residual,
// with the terms of offsets that matmul_kernel.h states. A kernel is what forms the sums. Compiled
// per target.
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
#include "ternary_kernels/scale_sums.h"
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

// totals[r] += float(sums[r] - correction) * scales[r].
inline void AddGroup(const int32_t* sums, int32_t correction, const float* scales, int64_t num_rows,
                     float* totals) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<int32_t, decltype(df)> di32;
  const int64_t width = hn::Lanes(df);
  const auto corrections = hn::Set(di32, correction);
  int64_t r = 0;
  for (; r + width <= num_rows; r += width) {
    const auto sum = hn::ConvertTo(df, hn::Sub(hn::LoadU(di32, sums + r), corrections));
    const auto term = hn::Mul(sum, hn::LoadU(df, scales + r));
    hn::StoreU(hn::Add(hn::LoadU(df, totals + r), term), df, totals + r);
  }
  for (; r < num_rows; ++r) totals[r] += static_cast<float>(sums[r] - correction) * scales[r];
}

// totals[r] += float(activation_sum) * offsets[r].
inline void AddGroupOffsets(int32_t activation_sum, const float* offsets, int64_t num_rows,
                            float* totals) {
  const hn::ScalableTag<float> df;
  const int64_t width = hn::Lanes(df);
  const float factor = static_cast<float>(activation_sum);
  int64_t r = 0;
  for (; r + width <= num_rows; r += width) {
    const auto term = hn::Mul(hn::Set(df, factor), hn::LoadU(df, offsets + r));
    hn::StoreU(hn::Add(hn::LoadU(df, totals + r), term), df, totals + r);
  }
  for (; r < num_rows; ++r) totals[r] += factor * offsets[r];
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

// out[r] = float(sums[r] - correction) * (scale / activation_scale)
//          [+ float(activation_sum) * (offset / activation_scale)] + residual[r]
inline void StoreScaledSums(const int32_t* sums, const SumScaling& scaling, int64_t num_rows,
                            const float* residual, float* out) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<int32_t, decltype(df)> di32;
  const int64_t width = hn::Lanes(df);
  const float a = scaling.activation_scale;
  const float activation_sum = static_cast<float>(scaling.activation_sum);
  const auto corrections = hn::Set(di32, scaling.correction);
  auto ratio = hn::Set(df, scaling.scales[0] / a);
  int64_t r = 0;
  for (; r + width <= num_rows; r += width) {
    if (scaling.per_row) ratio = hn::Div(hn::LoadU(df, scaling.scales + r), hn::Set(df, a));
    const auto sum = hn::ConvertTo(df, hn::Sub(hn::LoadU(di32, sums + r), corrections));
    auto y = hn::Mul(sum, ratio);
    if (scaling.offsets != nullptr) {
      const auto offset =
          scaling.per_row ? hn::LoadU(df, scaling.offsets + r) : hn::Set(df, scaling.offsets[0]);
      y = hn::Add(y, hn::Mul(hn::Set(df, activation_sum), hn::Div(offset, hn::Set(df, a))));
    }
    if (residual != nullptr) y = hn::Add(y, hn::LoadU(df, residual + r));
    hn::StoreU(y, df, out + r);
  }
  for (; r < num_rows; ++r) {
    const int64_t index = scaling.per_row ? r : 0;
    float y = static_cast<float>(sums[r] - scaling.correction) * (scaling.scales[index] / a);
    if (scaling.offsets != nullptr) y += activation_sum * (scaling.offsets[index] / a);
    if (residual != nullptr) y += residual[r];
    out[r] = y;
  }
}

// A range of a call. form_sums(SumRequest) writes sums of (code + kCodeOffset) * q; rows come in
// blocks of kBlockRows, counted from its first, tokens in tiles of kTileTokens.
template <int64_t kBlockRows, int64_t kTileTokens, int32_t kCodeOffset, class FormSums>
void IntegerMatmul(const MatmulCall& call, const MatmulRange& range, const FormSums& form_sums) {
  const PackedMatrix& weights = *call.weights;
  const WeightScales& scales = weights.scales;
  const ActivationCodes& codes = *call.codes;
  const bool grouped = scales.kind == ScaleKind::kGroup;
  const bool has_offsets = !scales.offsets.empty();
  const int64_t group_cols = grouped ? scales.group_size : weights.cols;
  const int64_t num_groups = weights.cols / group_cols;
  // Sums of a token's codes, by group: (num_tokens, num_groups).
  std::vector<int32_t> activation_sums((range.token_end - range.token_begin) * num_groups);
  int32_t* const sums_of_token0 = activation_sums.data() - range.token_begin * num_groups;
  const bool need_sums = kCodeOffset != 0 || has_offsets;
  for (int64_t token = range.token_begin; token < range.token_end && need_sums; ++token) {
    const int8_t* q = codes.codes.data() + token * codes.stride;
    for (int64_t g = 0; g < num_groups; ++g) {
      sums_of_token0[token * num_groups + g] =
          grouped ? SumOfCodes(q + g * group_cols, group_cols) : codes.sums[token];
    }
  }

  // Rows and tokens of a tile, no more than there are.
  const int64_t tile_tokens = std::min(kTileTokens, range.token_end - range.token_begin);
  int32_t* sums = ThreadScratch<struct IntegerMatmulSums, int32_t>(tile_tokens * kBlockRows);
  float* totals = grouped
                      ? ThreadScratch<struct IntegerMatmulTotals, float>(tile_tokens * kBlockRows)
                      : nullptr;
  for (int64_t row = range.row_begin; row < range.row_end; row += kBlockRows) {
    const int64_t num_rows = std::min(kBlockRows, range.row_end - row);
    for (int64_t token = range.token_begin; token < range.token_end; token += kTileTokens) {
      const int64_t num_tokens = std::min(kTileTokens, range.token_end - token);
      if (grouped) std::fill_n(totals, num_tokens * kBlockRows, 0.0f);
      for (int64_t g = 0; g < num_groups; ++g) {
        form_sums(SumRequest{row, num_rows, token, num_tokens, g * group_cols, (g + 1) * group_cols,
                             sums});
        for (int64_t t = 0; t < num_tokens && grouped; ++t) {
          const int32_t activation_sum = sums_of_token0[(token + t) * num_groups + g];
          const int64_t first = g * weights.rows + row;
          float* group_totals = totals + t * kBlockRows;
          AddGroup(sums + t * kBlockRows, kCodeOffset * activation_sum,
                   scales.values.data() + first, num_rows, group_totals);
          if (has_offsets) {
            AddGroupOffsets(activation_sum, scales.offsets.data() + first, num_rows, group_totals);
          }
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
          const int64_t first = per_row ? row : 0;
          const int32_t activation_sum = sums_of_token0[token + t];
          StoreScaledSums(sums + t * kBlockRows,
                          {.correction = kCodeOffset * activation_sum,
                           .scales = scales.values.data() + first,
                           .offsets = has_offsets ? scales.offsets.data() + first : nullptr,
                           .per_row = per_row,
                           .activation_scale = a,
                           .activation_sum = activation_sum},
                          num_rows, residual, out);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
