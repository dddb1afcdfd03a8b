// The scalar reference of every format: plain loops over one unpacked row at a time.
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/pack_matrix.h"

namespace trit {
namespace {

constexpr int64_t kLanes = 16;  // virtual lanes of a dense sum

// Sum over columns [begin, end) of codes times codes.
int32_t SumCodes(const int8_t* weights, const int8_t* q, int64_t begin, int64_t end) {
  int32_t sum = 0;
  for (int64_t k = begin; k < end; ++k) sum += int32_t{weights[k]} * q[k];
  return sum;
}

// The same of floats, in the lanes and the order that matmul_kernel.h states. Lanes behind the last
// column add products 0 * 0, as the vectors of padded columns do.
float SumFloats(const float* weights, const float* x, int64_t begin, int64_t end) {
  std::array<float, kLanes> lanes = {};
  for (int64_t k = begin; k < end; k += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const bool inside = k + lane < end;
      lanes[lane] =
          std::fma(inside ? weights[k + lane] : 0.0f, inside ? x[k + lane] : 0.0f, lanes[lane]);
    }
  }
  for (int64_t half = kLanes / 2; half >= 1; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

// sum(begin, end) is the unscaled sum of some columns, activation_sum(begin, end) that of the
// activations alone; activation_scale is a, or 1 for floats.
template <typename Sum, typename ActivationSum>
float Scaled(const PackedMatrix& weights, int64_t row, float activation_scale, const Sum& sum,
             const ActivationSum& activation_sum) {
  const WeightScales& scales = weights.scales;
  const bool has_offsets = !scales.offsets.empty();
  if (scales.kind != ScaleKind::kGroup) {
    const int64_t index = scales.kind == ScaleKind::kRow ? row : 0;
    const float y =
        static_cast<float>(sum(0, weights.cols)) * (scales.values[index] / activation_scale);
    if (!has_offsets) return y;
    return y + static_cast<float>(activation_sum(0, weights.cols)) *
                   (scales.offsets[index] / activation_scale);
  }
  float total = 0.0f;
  for (int64_t group = 0; group < weights.cols / scales.group_size; ++group) {
    const int64_t begin = group * scales.group_size;
    const int64_t end = begin + scales.group_size;
    const int64_t index = group * weights.rows + row;
    total += static_cast<float>(sum(begin, end)) * scales.values[index];
    if (has_offsets) {
      total += static_cast<float>(activation_sum(begin, end)) * scales.offsets[index];
    }
  }
  return total * (1.0f / activation_scale);
}

}  // namespace

void ReferenceMatmul(const MatmulCall& call, const MatmulRange& range) {
  const PackedMatrix& weights = *call.weights;
  const bool takes_codes = TakesCodes(weights.format);
  std::vector<int8_t> codes(takes_codes ? weights.cols : 0);
  std::vector<float> floats(takes_codes ? 0 : weights.cols);
  for (int64_t row = range.row_begin; row < range.row_end; ++row) {
    if (takes_codes) {
      UnpackCodes(weights, row, codes.data());
    } else {
      UnpackFloats(weights, row, floats.data());
    }
    for (int64_t token = range.token_begin; token < range.token_end; ++token) {
      float y;
      if (takes_codes) {
        const int8_t* q = call.codes->codes.data() + token * call.codes->stride;
        y = Scaled(
            weights, row, call.codes->scales[token],
            [&](int64_t begin, int64_t end) { return SumCodes(codes.data(), q, begin, end); },
            [&](int64_t begin, int64_t end) { return std::accumulate(q + begin, q + end, 0); });
      } else {
        const float* x = call.floats + token * call.floats_stride;
        y = Scaled(
            weights, row, 1.0f,
            [&](int64_t begin, int64_t end) { return SumFloats(floats.data(), x, begin, end); },
            [](int64_t, int64_t) { return 0.0f; });  // no offsets
      }
      if (call.residual != nullptr) y += call.residual[token * call.residual_stride + row];
      call.out[token * call.out_stride + row] = y;
    }
  }
}

}  // namespace trit
