#include "ternary_kernels/quantize_activations.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/quantize_activations.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"

#ifndef TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_SCALAR_
#define TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_SCALAR_

#include <cmath>

#include "ternary_kernels/check.h"

namespace trit {

constexpr float kMinMagnitude = 1e-5f;

// The comparisons of these two ignore a NaN, here and in vectors alike; it becomes the code -128.
inline float LargerMagnitude(float x, float max) { return std::abs(x) > max ? std::abs(x) : max; }

inline int8_t Int8Code(float x, float scale) {
  float q = x * scale;
  q = q > -128.0f ? q : -128.0f;
  q = q < 127.0f ? q : 127.0f;
  return static_cast<int8_t>(std::nearbyint(q));
}

}  // namespace trit
#endif  // TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_SCALAR_

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

void QuantizeToken(const float* x, int64_t cols, int8_t* codes, float* scale, int32_t* sum) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<int32_t, decltype(df)> di32;
  const hn::Rebind<int8_t, decltype(df)> di8;
  const int64_t width = hn::Lanes(df);

  auto maxima = hn::Set(df, kMinMagnitude);
  int64_t k = 0;
  for (; k + width <= cols; k += width) maxima = hn::Max(hn::Abs(hn::LoadU(df, x + k)), maxima);
  float max = hn::GetLane(hn::MaxOfLanes(df, maxima));
  for (; k < cols; ++k) max = LargerMagnitude(x[k], max);
  const float a = 127.0f / max;

  const auto scales = hn::Set(df, a);
  const auto low = hn::Set(df, -128.0f), high = hn::Set(df, 127.0f);
  auto sums = hn::Zero(di32);
  for (k = 0; k + width <= cols; k += width) {
    const auto q = hn::Mul(hn::LoadU(df, x + k), scales);
    const auto rounded = hn::NearestInt(hn::Min(hn::Max(q, low), high));
    sums = hn::Add(sums, rounded);
    hn::StoreU(hn::DemoteTo(di8, rounded), di8, codes + k);
  }
  int32_t total = hn::GetLane(hn::SumOfLanes(di32, sums));
  for (; k < cols; ++k) {
    codes[k] = Int8Code(x[k], a);
    total += codes[k];
  }
  *scale = a;
  *sum = total;
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {

HWY_EXPORT(QuantizeToken);

const char* ActivationQuantizerName(ActivationQuantizer quantizer) {
  switch (quantizer) {
    case ActivationQuantizer::kNone:
      return "none";
    case ActivationQuantizer::kInt8PerToken:
      return "int8";
  }
  TRIT_CHECK(!"no such activation quantizer");
}

void ActivationCodes::Resize(int64_t new_num_tokens, int64_t new_cols) {
  TRIT_CHECK(new_num_tokens >= 0 && new_cols >= 1);
  num_tokens = new_num_tokens;
  cols = new_cols;
  stride = (cols + kCodePadding - 1) / kCodePadding * kCodePadding;
  const auto tokens = static_cast<size_t>(num_tokens);
  const size_t num_codes = tokens * static_cast<size_t>(stride);
  if (codes.size() < num_codes) codes = AlignedBuffer<int8_t>(num_codes);
  if (scales.size() < tokens) scales = AlignedBuffer<float>(tokens);
  if (sums.size() < tokens) sums = AlignedBuffer<int32_t>(tokens);
}

void QuantizeTokenInt8Reference(const float* x, int64_t cols, int8_t* codes, float* scale,
                                int32_t* sum) {
  float max = kMinMagnitude;
  for (int64_t k = 0; k < cols; ++k) max = LargerMagnitude(x[k], max);
  const float a = 127.0f / max;
  int32_t total = 0;
  for (int64_t k = 0; k < cols; ++k) {
    codes[k] = Int8Code(x[k], a);
    total += codes[k];
  }
  *scale = a;
  *sum = total;
}

void QuantizeTokenInt8(const float* x, int64_t cols, int8_t* codes, float* scale, int32_t* sum) {
  HWY_DYNAMIC_DISPATCH(QuantizeToken)(x, cols, codes, scale, sum);
}

}  // namespace trit
#endif  // HWY_ONCE
