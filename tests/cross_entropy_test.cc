#include "ternary_kernels/cross_entropy.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/support/float_kernel_test.h"
#include "tests/support/gradient_check.h"

namespace trit {
namespace {

const int64_t kWidths[] = {1, 3, 15, 16, 17, 100, 255, 256, 257, 5000};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<int32_t> SomeTargets(int64_t rows, int64_t cols) {
  std::vector<int32_t> targets(static_cast<size_t>(rows));
  for (int64_t r = 0; r < rows; ++r) targets[r] = static_cast<int32_t>((cols - 1 + 31 * r) % cols);
  return targets;
}

template <typename T>
double LogSumExp(const T* x, int64_t cols) {
  const double max = *std::max_element(x, x + cols);
  double sum = 0.0;
  for (int64_t c = 0; c < cols; ++c) sum += std::exp(x[c] - max);
  return max + std::log(sum);
}

BOOST_AUTO_TEST_CASE(forward_matches_the_formula) {
  constexpr int64_t kRows = 4;
  for (const int64_t cols : kWidths) {
    const int64_t stride = cols + 3;
    for (const float limit : {0.01f, 10.0f, 1e4f}) {
      const std::vector<float> logits = RandomFloats(kRows * stride, limit, 1);
      const std::vector<int32_t> targets = SomeTargets(kRows, cols);
      ForEachSimdTarget([&] {
        std::vector<float> losses(kRows), log_sum_exp(kRows);
        CrossEntropyForward(logits.data(), stride, targets.data(), kRows, cols, losses.data(),
                            log_sum_exp.data());
        for (int64_t r = 0; r < kRows; ++r) {
          const double sum = LogSumExp(&logits[r * stride], cols);
          const double loss = sum - logits[r * stride + targets[r]];
          // The logarithm of a sum with a relative error of one rounding of x - max (at most
          // e^-t t of the term, less than half a rounding), one Exp (2.04 roundings) and 15
          // additions in a row; then one rounding of the result.
          const double of_sum = 18.0 * kUnitRoundoff;
          CheckWithin(losses[r], loss, of_sum + kUnitRoundoff * std::abs(loss));
          CheckWithin(log_sum_exp[r], sum, of_sum + kUnitRoundoff * std::abs(sum));
        }
      });
    }
  }
}

// Equal logits are the worst case of a sum: every rounding goes the same way.
BOOST_AUTO_TEST_CASE(wide_rows_stay_accurate) {
  constexpr int64_t kCols = 128256;
  const std::vector<float> logits(kCols, 0.3f);
  const int32_t target = kCols - 1;
  ForEachSimdTarget([&] {
    float loss = 0.0f;
    CrossEntropyForward(logits.data(), kCols, &target, 1, kCols, &loss, nullptr);
    CheckWithin(loss, std::log(static_cast<double>(kCols)), kUnitRoundoff * 12.0);
  });
}

BOOST_AUTO_TEST_CASE(extremes) {
  ForEachSimdTarget([&] {
    const std::vector<float> masked = {-kInfinity, 3.0f, -kInfinity, -1e30f};
    int32_t target = 1;
    float loss = -1.0f;
    CrossEntropyForward(masked.data(), 4, &target, 1, 4, &loss, nullptr);
    BOOST_TEST(loss == 0.0f);
    target = 0;
    CrossEntropyForward(masked.data(), 4, &target, 1, 4, &loss, nullptr);
    BOOST_TEST(loss == kInfinity);

    std::vector<float> gradient = masked;
    target = 1;
    const float log_sum_exp = 3.0f, row_weight = 2.0f;
    CrossEntropyBackward(gradient.data(), 4, &target, &log_sum_exp, &row_weight, 1, 4);
    for (const float g : gradient) BOOST_TEST(g == 0.0f);

    std::vector<float> broken(40, 0.0f);
    broken[37] = std::numeric_limits<float>::quiet_NaN();
    CrossEntropyForward(broken.data(), 40, &target, 1, 40, &loss, nullptr);
    BOOST_TEST(std::isnan(loss), "a NaN is not hidden");
  });
}

BOOST_AUTO_TEST_CASE(backward_matches_central_differences) {
  constexpr int64_t kRows = 3;
  for (const int64_t cols : {1, 3, 15, 17, 100}) {
    const std::vector<float> logits = RandomFloats(kRows * cols, 2.0f, 2);
    const std::vector<int32_t> targets = SomeTargets(kRows, cols);
    const std::vector<float> row_weights = {1.0f, 0.0f, -0.5f};
    ForEachSimdTarget([&] {
      std::vector<float> losses(kRows), log_sum_exp(kRows);
      CrossEntropyForward(logits.data(), cols, targets.data(), kRows, cols, losses.data(),
                          log_sum_exp.data());
      std::vector<float> gradient = logits;
      CrossEntropyBackward(gradient.data(), cols, targets.data(), log_sum_exp.data(),
                           row_weights.data(), kRows, cols);
      if (cols == 1) {
        // exp(x - x) - 1, where log_sum_exp may be off by one rounding.
        for (const float g : gradient) CheckWithin(g, 0.0, 4 * kUnitRoundoff);
        return;
      }
      // exp of a difference whose second part was rounded (|log_sum_exp| < 8), Exp itself, a
      // difference and a product: less than 14 roundings of numbers up to 1.
      CheckGradient(
          [&](const std::vector<double>& at) {
            double sum = 0.0;
            for (int64_t r = 0; r < kRows; ++r) {
              const double loss = LogSumExp(&at[r * cols], cols) - at[r * cols + targets[r]];
              sum += row_weights[r] * loss;
            }
            return sum;
          },
          logits, gradient, 14 * kUnitRoundoff + 1e-7);
    });
  }
}

// With log_sum_exp = 0 and weight 1, backward is the vectorized exponential itself.
BOOST_AUTO_TEST_CASE(exponential_is_accurate) {
  constexpr int64_t kCols = 20011;
  std::vector<float> x(kCols);
  for (int64_t c = 0; c < kCols; ++c) {
    x[c] = -87.0f + 175.7f * static_cast<float>(c) / static_cast<float>(kCols);
  }
  const int32_t target = 0;
  const float zero = 0.0f, one = 1.0f;
  ForEachSimdTarget([&] {
    std::vector<float> y = x;
    CrossEntropyBackward(y.data(), kCols, &target, &zero, &one, 1, kCols);
    for (int64_t c = 1; c < kCols; ++c) {
      const double expected = std::exp(static_cast<double>(x[c]));
      const double ulp = std::ldexp(1.0, std::ilogb(expected) - 23);
      CheckWithin(y[c], expected, 1.02 * ulp);
    }
    std::vector<float> special = {5.0f,   0.0f,   -0.0f, -kInfinity, kInfinity,
                                  -87.4f, -1e30f, 88.8f, 1e30f};
    CrossEntropyBackward(special.data(), 9, &target, &zero, &one, 1, 9);
    const std::vector<float> expected = {0.0f, 1.0f, 1.0f,      0.0f,     kInfinity,
                                         0.0f, 0.0f, kInfinity, kInfinity};
    for (size_t i = 1; i < special.size(); ++i) BOOST_TEST(special[i] == expected[i]);
  });
}

BOOST_AUTO_TEST_CASE(keeps_bits) {
  constexpr int64_t kRows = 60;
  constexpr int64_t kCols = 1003;
  constexpr int64_t kStride = kCols + 2;
  const std::vector<float> logits = RandomFloats(kRows * kStride, 5.0f, 3);
  const std::vector<int32_t> targets = SomeTargets(kRows, kCols);
  const std::vector<float> row_weights = RandomFloats(kRows, 1.0f, 4);
  std::vector<float> fused_losses, fused_gradient;
  ForEachSimdTarget([&] {
    std::vector<float> log_sum_exp(kRows);
    const std::vector<float> losses = CheckThreads([&] {
      std::vector<float> result(kRows);
      CrossEntropyForward(logits.data(), kStride, targets.data(), kRows, kCols, result.data(),
                          log_sum_exp.data());
      return result;
    });
    const std::vector<float> gradient = CheckThreads([&] {
      std::vector<float> result = logits;
      CrossEntropyBackward(result.data(), kStride, targets.data(), log_sum_exp.data(),
                           row_weights.data(), kRows, kCols);
      return result;
    });
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = kCols; c < kStride; ++c) {
        BOOST_TEST(gradient[r * kStride + c] == logits[r * kStride + c], "between rows");
      }
    }
    float loss = 0.0f;
    CrossEntropyForward(&logits[7 * kStride], kCols, &targets[7], 1, kCols, &loss, nullptr);
    BOOST_TEST(loss == losses[7], "a row alone");
    std::vector<float> row(&logits[7 * kStride], &logits[7 * kStride] + kCols);
    CrossEntropyBackward(row.data(), kCols, &targets[7], &log_sum_exp[7], &row_weights[7], 1,
                         kCols);
    BOOST_TEST(SameBits(row, {&gradient[7 * kStride], &gradient[7 * kStride] + kCols}));

    if (HasFusedMultiplyAdd(SimdTarget())) {
      if (fused_losses.empty()) fused_losses = losses, fused_gradient = gradient;
      BOOST_TEST(SameBits(losses, fused_losses));
      BOOST_TEST(SameBits(gradient, fused_gradient));
    }
  });
}

}  // namespace
}  // namespace trit
