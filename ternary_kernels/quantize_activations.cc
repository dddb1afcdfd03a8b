#include "ternary_kernels/quantize_activations.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/quantize_activations.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"

#ifndef TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_SCALAR_
#define TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_SCALAR_

#include <algorithm>
#include <cmath>

#include "ternary_kernels/check.h"

namespace trit {

constexpr float kMinMagnitude = 1e-5f;

// The comparisons of these two ignore a NaN, here and in vectors alike; it becomes the lowest code.
inline float LargerMagnitude(float x, float max) { return std::abs(x) > max ? std::abs(x) : max; }

// The codes of a scheme, and a where it is given.
struct ActivationCodeRange {
  explicit ActivationCodeRange(const ActivationScheme& scheme)
      : low(scheme.quantizer == ActivationQuantizer::kInt4PerToken ? -8.0f : -128.0f),
        high(-low - 1.0f),
        is_static(scheme.quantizer == ActivationQuantizer::kInt8Static),
        static_scale(scheme.static_scale) {}

  float low, high;
  bool is_static;
  float static_scale;
};

inline int8_t Code(float x, float scale, const ActivationCodeRange& range) {
  float q = x * scale;
  q = q > range.low ? q : range.low;
  q = q < range.high ? q : range.high;
  return static_cast<int8_t>(std::nearbyint(q));
}

}  // namespace trit
#endif  // TRIT_TERNARY_KERNELS_QUANTIZE_ACTIVATIONS_SCALAR_

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

float LargestOfToken(const float* x, int64_t cols) {
  const hn::ScalableTag<float> df;
  const int64_t width = hn::Lanes(df);
  auto maxima = hn::Set(df, kMinMagnitude);
  int64_t k = 0;
  for (; k + width <= cols; k += width) maxima = hn::Max(hn::Abs(hn::LoadU(df, x + k)), maxima);
  float max = hn::GetLane(hn::MaxOfLanes(df, maxima));
  for (; k < cols; ++k) max = LargerMagnitude(x[k], max);
  return max;
}

void EncodeToken(const ActivationCodeRange& range, const float* x, int64_t cols, int8_t* codes,
                 float* scale, int32_t* sum) {
  const float a = range.is_static ? range.static_scale : range.high / LargestOfToken(x, cols);
  const hn::ScalableTag<float> df;
  const hn::Rebind<int32_t, decltype(df)> di32;
  const hn::Rebind<int8_t, decltype(df)> di8;
  const int64_t width = hn::Lanes(df);

  int64_t k = 0;
  const auto scales = hn::Set(df, a);
  const auto low = hn::Set(df, range.low), high = hn::Set(df, range.high);
  auto sums = hn::Zero(di32);
  for (; k + width <= cols; k += width) {
    const auto q = hn::Mul(hn::LoadU(df, x + k), scales);
    const auto rounded = hn::NearestInt(hn::Min(hn::Max(q, low), high));
    sums = hn::Add(sums, rounded);
    hn::StoreU(hn::DemoteTo(di8, rounded), di8, codes + k);
  }
  int32_t total = hn::GetLane(hn::SumOfLanes(di32, sums));
  for (; k < cols; ++k) {
    codes[k] = Code(x[k], a, range);
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

HWY_EXPORT(EncodeToken);

const char* ActivationQuantizerName(ActivationQuantizer quantizer) {
  switch (quantizer) {
    case ActivationQuantizer::kNone:
      return "none";
    case ActivationQuantizer::kInt8PerToken:
      return "int8";
    case ActivationQuantizer::kInt4PerToken:
      return "int4";
    case ActivationQuantizer::kInt8Static:
      return "int8_static";
  }
  TRIT_CHECK(!"no such activation quantizer");
}

std::optional<ActivationQuantizer> FindActivationQuantizer(std::string_view name) {
  for (const ActivationQuantizer quantizer :
       {ActivationQuantizer::kNone, ActivationQuantizer::kInt8PerToken,
        ActivationQuantizer::kInt4PerToken, ActivationQuantizer::kInt8Static}) {
    if (name == ActivationQuantizerName(quantizer)) return quantizer;
  }
  return std::nullopt;
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

float StaticActivationScale(float max_abs) { return 127.0f / std::max(max_abs, kMinMagnitude); }

void QuantizeTokenReference(const ActivationScheme& scheme, const float* x, int64_t cols,
                            int8_t* codes, float* scale, int32_t* sum) {
  TRIT_CHECK(scheme.TakesCodes());
  const ActivationCodeRange range(scheme);
  float max = kMinMagnitude;
  for (int64_t k = 0; k < cols; ++k) max = LargerMagnitude(x[k], max);
  const float a = range.is_static ? range.static_scale : range.high / max;
  int32_t total = 0;
  for (int64_t k = 0; k < cols; ++k) {
    codes[k] = Code(x[k], a, range);
    total += codes[k];
  }
  *scale = a;
  *sum = total;
}

void QuantizeToken(const ActivationScheme& scheme, const float* x, int64_t cols, int8_t* codes,
                   float* scale, int32_t* sum) {
  TRIT_CHECK(scheme.TakesCodes());
  HWY_DYNAMIC_DISPATCH(EncodeToken)(ActivationCodeRange(scheme), x, cols, codes, scale, sum);
}

}  // namespace trit
#endif  // HWY_ONCE
