#include "training/int8_quantizer.h"

#include <algorithm>
#include <cmath>

#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/ternarize.h"

namespace trit {
namespace {

constexpr float kMaxCode = 127.0f;

float MaxAbs(const float* w, int64_t n) {
  float max_abs = 0;
  for (int64_t i = 0; i < n; ++i) max_abs = std::max(max_abs, std::fabs(w[i]));
  return max_abs;
}

float ScaleFor(float max_abs) { return std::max(max_abs, kMinWeightScale) / kMaxCode; }

void Encode(const float* w, int64_t n, float scale, int8_t* codes) {
  const float inverse = 1.0f / scale;
  for (int64_t i = 0; i < n; ++i) {
    codes[i] = static_cast<int8_t>(std::clamp(std::nearbyint(w[i] * inverse), -kMaxCode, kMaxCode));
  }
}

}  // namespace

void Int8Quantizer::Quantize(const float* w, const float*, int8_t* codes,
                             WeightScales& scales) const {
  const int64_t num_rows = rows();
  const int64_t num_cols = cols();
  float tensor_scale = 0;
  if (scale_kind() == ScaleKind::kTensor) {
    tensor_scale = ScaleFor(MaxAbs(w, num_rows * num_cols));
    scales.values[0] = tensor_scale;
  }
  ParallelFor(num_rows, [&](int64_t r) {
    const float* row = w + r * num_cols;
    int8_t* row_codes = codes + r * num_cols;
    switch (scale_kind()) {
      case ScaleKind::kTensor:
        Encode(row, num_cols, tensor_scale, row_codes);
        break;
      case ScaleKind::kRow: {
        const float scale = ScaleFor(MaxAbs(row, num_cols));
        scales.values[static_cast<size_t>(r)] = scale;
        Encode(row, num_cols, scale, row_codes);
        break;
      }
      case ScaleKind::kGroup:
        for (int64_t begin = 0; begin < num_cols; begin += group_size()) {
          const float scale = ScaleFor(MaxAbs(row + begin, group_size()));
          scales.values[static_cast<size_t>(begin / group_size() * num_rows + r)] = scale;
          Encode(row + begin, group_size(), scale, row_codes + begin);
        }
        break;
    }
  });
}

}  // namespace trit
