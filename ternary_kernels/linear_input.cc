#include "ternary_kernels/linear_input.h"

#include <algorithm>
#include <cstring>

#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/rms_norm.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

struct GatedRows {};
struct QuantizedRows {};
struct BlendedCodes {};

// Before the norm, if there is one.
const float* SourceRows(const LinearInput& input, int64_t begin, int64_t end, float* out) {
  const int64_t at = begin * input.cols;
  if (input.x != nullptr) return input.x + at;
  GatedUnitForward(input.activation, input.gate + at, input.up + at, end - begin, input.cols, out);
  return out;
}

}  // namespace

const float* LinearInputRows(const LinearInput& input, int64_t begin, int64_t end, float* out) {
  const float* source = SourceRows(input, begin, end, out);
  if (input.norm_weights == nullptr) return source;
  RmsNormForward(source, input.norm_weights, input.norm_eps, end - begin, input.cols, out,
                 input.rstd != nullptr ? input.rstd + begin : nullptr);
  return out;
}

void QuantizeLinearInputRows(const LinearInput& input, int64_t begin, int64_t end,
                             ActivationCodes& codes) {
  TRIT_CHECK(codes.cols == input.cols && end <= codes.num_tokens);
  float* scratch = ThreadScratch<QuantizedRows, float>(kLinearInputRows * input.cols);
  for (int64_t first = begin; first < end; first += kLinearInputRows) {
    const int64_t last = std::min(end, first + kLinearInputRows);
    const float* x = LinearInputRows(input, first, last, scratch);
    for (int64_t t = first; t < last; ++t, x += input.cols) {
      int8_t* row = codes.codes.data() + t * codes.stride;
      const auto at = static_cast<size_t>(t);
      QuantizeToken(codes.scheme, x, codes.cols, row, &codes.scales[at], &codes.sums[at]);
      std::memset(row + codes.cols, 0, static_cast<size_t>(codes.stride - codes.cols));
    }
  }
}

void QuantizeLinearInput(const LinearInput& input, int64_t num_rows, ActivationCodes& codes) {
  codes.Resize(num_rows, input.cols);
  ParallelFor(num_rows, [&](int64_t r) { QuantizeLinearInputRows(input, r, r + 1, codes); });
}

void BlendActivations(const ActivationBlend& blend, const float* x, int64_t rows, int64_t cols,
                      float* out) {
  auto* codes = ThreadScratch<BlendedCodes, int8_t>(cols);
  for (int64_t r = 0; r < rows; ++r, x += cols, out += cols) {
    float a;
    int32_t sum;
    QuantizeToken(blend.scheme, x, cols, codes, &a, &sum);
    for (int64_t c = 0; c < cols; ++c) {
      out[c] = x[c] + blend.share * (static_cast<float>(codes[c]) / a - x[c]);
    }
  }
}

void LinearInputBackward(const LinearInput& input, int64_t begin, int64_t end, float* gradient,
                         const LinearInputGradient& target, float* norm_gradient) {
  const int64_t cols = input.cols;
  float* gated = ThreadScratch<GatedRows, float>(kLinearInputRows * cols);
  for (int64_t r = begin; r < end; r += kLinearInputRows) {
    const int64_t rows = std::min(kLinearInputRows, end - r);
    const int64_t at = r * cols;
    float* dy = gradient + (r - begin) * cols;
    if (input.norm_weights != nullptr) {
      const bool last = input.x != nullptr;
      RmsNormBackward(dy, SourceRows(input, r, r + rows, gated), input.norm_weights, input.rstd + r,
                      rows, cols, last && target.accumulate, last ? target.dx + at : dy,
                      norm_gradient);
    }
    if (input.x == nullptr) {
      GatedUnitBackward(input.activation, dy, input.gate + at, input.up + at, rows, cols,
                        target.dgate + at, target.dup + at);
    }
  }
}

}  // namespace trit
