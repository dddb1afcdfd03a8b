#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "tests/matmul_problem.h"

namespace trit {
namespace {

// Products here are small and many: waking a second thread would take most of the time.
struct OneThread {
  OneThread() { SetNumThreads(1); }
};
BOOST_GLOBAL_FIXTURE(OneThread);

const WeightFormat kDenseFormats[] = {WeightFormat::kF32, WeightFormat::kF16, WeightFormat::kBF16,
                                      WeightFormat::kQ8_0, WeightFormat::kQ6_K};

// These lack fused multiply-add: the same sums in the same order, but products are rounded.
bool RoundsProducts(const std::string& target) { return target == "SSSE3" || target == "SSE4"; }

// |out - exact| for either way of rounding. A lane makes at most 2 (K / 16 + 1) roundings and 4
// additions follow, each with a relative error of at most 2^-24 of the sum of magnitudes, then a
// group's scale and sum, the residual; the second order is covered by 3 more.
double ErrorBound(const MatmulProblem& problem, int64_t row, int64_t token) {
  const PackedMatrix& weights = problem.weights;
  std::vector<float> w(weights.cols);
  UnpackFloats(weights, row, w.data());
  const WeightScales& scales = weights.scales;
  const int64_t group_cols = scales.kind == ScaleKind::kGroup ? scales.group_size : weights.cols;
  double magnitude = 0;
  for (int64_t k = 0; k < weights.cols; ++k) {
    const double x = problem.floats[token * (weights.cols + MatmulProblem::kMargin) + k];
    float scale = scales.values[0];
    if (scales.kind == ScaleKind::kRow) scale = scales.values[row];
    if (scales.kind == ScaleKind::kGroup)
      scale = scales.values[k / group_cols * weights.rows + row];
    magnitude += std::abs(w[k] * x * scale);
  }
  if (!problem.residual.empty()) {
    magnitude += std::abs(problem.residual[token * (weights.rows + MatmulProblem::kMargin) + row]);
  }
  const double roundings = 2.0 * (group_cols / 16 + 1) + 4 + 2.0 * (weights.cols / group_cols) + 4;
  return roundings * magnitude * 0x1p-24;
}

void CheckAllKernels(const MatmulProblem& problem, const std::string& what) {
  const PackedMatrix& weights = problem.weights;
  const MatmulKernel& reference = ReferenceKernel(weights.format);
  const std::vector<float> expected = problem.Run(reference);
  ForEachSimdTarget([&](const std::string& target) {
    for (const MatmulKernel& kernel : MatmulKernels()) {
      if (&kernel == &reference) continue;
      if (kernel.format != weights.format || !kernel.supports(weights)) continue;
      const std::vector<float> out = problem.Run(kernel);
      bool good = SameBits(out, expected);
      if (!good && RoundsProducts(target)) {
        good = true;
        const int64_t stride = weights.rows + MatmulProblem::kMargin;
        for (int64_t t = 0; t < problem.num_tokens; ++t) {
          for (int64_t r = 0; r < stride; ++r) {
            const double error = std::abs(double{out[t * stride + r]} - expected[t * stride + r]);
            good &= error <= (r < weights.rows ? 2 * ErrorBound(problem, r, t) : 0.0);
          }
        }
      }
      BOOST_CHECK_MESSAGE(good, kernel.name << " on " << target << ", " << weights.rows << " x "
                                            << weights.cols << ", " << problem.num_tokens
                                            << " tokens, " << what);
    }
  });
}

struct Shape {
  int64_t rows, cols;
};

BOOST_AUTO_TEST_CASE(all_shapes_tokens_and_scales) {
  uint32_t seed = 0;
  for (const WeightFormat format : kDenseFormats) {
    for (Shape shape : {Shape{1, 1},
                        {3, 15},
                        {16, 16},
                        {15, 17},
                        {65, 3},
                        {17, 65},
                        {9, 100},
                        {31, 255},
                        {64, 256},
                        {100, 257},
                        {33, 992}}) {
      if (format == WeightFormat::kQ8_0) shape.cols = (shape.cols + 31) / 32 * 32;
      if (format == WeightFormat::kQ6_K) shape.cols = (shape.cols + 255) / 256 * 256;
      for (const int64_t tokens : {1, 2, 3, 5, 16, 17, 40}) {
        const ScaleKind kind = seed % 4 < 2 ? ScaleKind::kTensor : ScaleKind::kRow;
        const MatmulProblem problem(format, shape.rows, shape.cols, tokens, kind, 0, seed % 2 == 0,
                                    seed);
        CheckAllKernels(problem, kind == ScaleKind::kRow ? "row scales" : "tensor scale");
        ++seed;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(group_scales) {
  uint32_t seed = 500;
  for (const WeightFormat format : kDenseFormats) {
    for (const int64_t group_size : {4, 16, 32, 96}) {
      for (const int64_t tokens : {1, 4, 17}) {
        const int64_t cols = format == WeightFormat::kQ6_K ? 768 : 288;
        const MatmulProblem problem(format, 21, cols, tokens, ScaleKind::kGroup, group_size,
                                    seed % 2 == 0, seed);
        CheckAllKernels(problem, "groups of " + std::to_string(group_size));
        ++seed;
      }
    }
  }
}

// The reference against a sum in double of the unpacked weights.
BOOST_AUTO_TEST_CASE(reference_is_the_product) {
  for (const WeightFormat format : kDenseFormats) {
    const int64_t rows = 7, cols = format == WeightFormat::kQ6_K ? 512 : 352;
    const MatmulProblem problem(format, rows, cols, 2, ScaleKind::kRow, 0, true, 3);
    const std::vector<float> out = problem.Run(ReferenceKernel(format));
    std::vector<float> w(cols);
    for (int64_t t = 0; t < 2; ++t) {
      for (int64_t r = 0; r < rows; ++r) {
        UnpackFloats(problem.weights, r, w.data());
        double sum = 0;
        for (int64_t k = 0; k < cols; ++k) {
          sum += double{w[k]} * problem.floats[t * (cols + MatmulProblem::kMargin) + k];
        }
        const int64_t i = t * (rows + MatmulProblem::kMargin) + r;
        const double y = sum * problem.weights.scales.values[r] + problem.residual[i];
        BOOST_TEST(std::abs(out[i] - y) <= ErrorBound(problem, r, t));
      }
    }
  }
}

}  // namespace
}  // namespace trit
