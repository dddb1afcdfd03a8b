#include "ternary_kernels/rms_norm.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/support/float_kernel_test.h"
#include "tests/support/gradient_check.h"

namespace trit {
namespace {

const int64_t kWidths[] = {1, 3, 15, 16, 17, 100, 257, 2560};
constexpr float kEps = 1e-5f;

std::vector<float> Forward(const std::vector<float>& x, const std::vector<float>& weight,
                           float* rstd = nullptr) {
  const auto cols = static_cast<int64_t>(weight.size());
  std::vector<float> y(x.size());
  RmsNormForward(x.data(), weight.data(), kEps, static_cast<int64_t>(x.size()) / cols, cols,
                 y.data(), rstd);
  return y;
}

double ReferenceRstd(const double* x, int64_t cols) {
  double sum = 0.0;
  for (int64_t c = 0; c < cols; ++c) sum += x[c] * x[c];
  return 1.0 / std::sqrt(sum / static_cast<double>(cols) + static_cast<double>(kEps));
}

BOOST_AUTO_TEST_CASE(forward_matches_the_formula) {
  constexpr int64_t kRows = 5;
  for (const int64_t cols : kWidths) {
    const std::vector<float> x = RandomFloats(kRows * cols, 3.0f, 1);
    const std::vector<float> weight = RandomFloats(cols, 2.0f, 2);
    const std::vector<double> exact = ToDoubles(x);
    std::vector<float> first;
    ForEachSimdTarget([&] {
      std::vector<float> rstd(kRows);
      const std::vector<float> y = Forward(x, weight, rstd.data());
      for (int64_t r = 0; r < kRows; ++r) {
        const double expected_rstd = ReferenceRstd(&exact[r * cols], cols);
        // The sum is exact but for roundings of doubles: one rounding to float.
        CheckWithin(rstd[r], expected_rstd, 1.001 * kUnitRoundoff * expected_rstd);
        for (int64_t c = 0; c < cols; ++c) {
          const double expected = exact[r * cols + c] * expected_rstd * weight[c];
          // Three roundings: rstd and two products.
          CheckWithin(y[r * cols + c], expected, 3.001 * kUnitRoundoff * std::abs(expected));
        }
      }
      if (first.empty()) first = y;
      BOOST_TEST(SameBits(y, first), "every target has the same bits, cols " << cols);
    });
  }
}

BOOST_AUTO_TEST_CASE(forward_keeps_bits) {
  constexpr int64_t kRows = 200;
  for (const int64_t cols : {17, 257}) {
    const std::vector<float> x = RandomFloats(kRows * cols, 1.0f, 3);
    const std::vector<float> weight = RandomFloats(cols, 1.0f, 4);
    ForEachSimdTarget([&] {
      const std::vector<float> y = CheckThreads([&] { return Forward(x, weight); });
      std::vector<float> rstd(kRows);
      BOOST_TEST(SameBits(Forward(x, weight, rstd.data()), y), "with rstd");
      for (const int64_t r : {0, 7, 199}) {
        const std::vector<float> row(&x[r * cols], &x[r * cols] + cols);
        const std::vector<float> expected(&y[r * cols], &y[r * cols] + cols);
        BOOST_TEST(SameBits(Forward(row, weight), expected), "row " << r << " alone");
      }
      std::vector<float> in_place = x;
      RmsNormForward(in_place.data(), weight.data(), kEps, kRows, cols, in_place.data(), nullptr);
      BOOST_TEST(SameBits(in_place, y), "in place");
    });
  }
}

struct Gradients {
  std::vector<float> dx, dweight;
};

Gradients Backward(const std::vector<float>& dy, const std::vector<float>& x,
                   const std::vector<float>& weight, bool accumulate_dx, float start) {
  const auto cols = static_cast<int64_t>(weight.size());
  const int64_t rows = static_cast<int64_t>(x.size()) / cols;
  std::vector<float> rstd(static_cast<size_t>(rows));
  Forward(x, weight, rstd.data());
  Gradients gradients{std::vector<float>(x.size(), start),
                      std::vector<float>(weight.size(), start)};
  RmsNormBackward(dy.data(), x.data(), weight.data(), rstd.data(), rows, cols, accumulate_dx,
                  gradients.dx.data(), gradients.dweight.data());
  return gradients;
}

BOOST_AUTO_TEST_CASE(backward_matches_central_differences) {
  for (const int64_t rows : {1, 3, 130}) {  // 130: two blocks of 64 rows and a part of one
    for (const int64_t cols : {1, 3, 15, 17}) {
      const std::vector<float> x = RandomFloats(rows * cols, 1.0f, 5);
      const std::vector<float> weight = RandomFloats(cols, 1.0f, 6);
      const std::vector<float> dy = RandomFloats(rows * cols, 1.0f, 7);
      const auto loss = [&](const std::vector<double>& at_x, const std::vector<double>& at_weight) {
        double sum = 0.0;
        for (int64_t r = 0; r < rows; ++r) {
          const double rstd = ReferenceRstd(&at_x[r * cols], cols);
          for (int64_t c = 0; c < cols; ++c) {
            sum += dy[r * cols + c] * at_x[r * cols + c] * rstd * at_weight[c];
          }
        }
        return sum;
      };
      // The third derivative of x / |x| grows as 1 / x^2 in a row of one small element.
      if (cols > 1) {
        ForEachSimdTarget([&] {
          const Gradients gradients = Backward(dy, x, weight, false, 0.0f);
          const std::vector<double> exact_weight = ToDoubles(weight);
          if (rows <= 3) {
            // Six float operations an element, and truncation where a row is small.
            CheckGradient([&](const std::vector<double>& at) { return loss(at, exact_weight); }, x,
                          gradients.dx, 1e-6);
          }
          const std::vector<double> exact_x = ToDoubles(x);
          // A sum of 64 rows has at most 64 roundings, each of what is then below 64 times the
          // largest term; the loss is linear in the weight.
          CheckGradient([&](const std::vector<double>& at) { return loss(exact_x, at); }, weight,
                        gradients.dweight, 1e-5);
        });
      }
    }
  }
}

// dx = rstd (w dy - x rstd^2 mean(w dy x)), with a bound that a wide row needs.
BOOST_AUTO_TEST_CASE(backward_matches_the_formula) {
  constexpr int64_t kRows = 70;
  for (const int64_t cols : kWidths) {
    const std::vector<float> x = RandomFloats(kRows * cols, 2.0f, 8);
    const std::vector<float> weight = RandomFloats(cols, 2.0f, 9);
    const std::vector<float> dy = RandomFloats(kRows * cols, 1.0f, 10);
    const std::vector<double> exact = ToDoubles(x);
    ForEachSimdTarget([&] {
      const Gradients gradients = Backward(dy, x, weight, true, 0.5f);
      std::vector<double> dweight(static_cast<size_t>(cols), 0.5);
      std::vector<double> size(static_cast<size_t>(cols), 0.5);
      for (int64_t r = 0; r < kRows; ++r) {
        const double rstd = ReferenceRstd(&exact[r * cols], cols);
        double mean = 0.0;
        for (int64_t c = 0; c < cols; ++c) {
          const int64_t i = r * cols + c;
          mean += exact[i] * weight[c] * dy[i] / static_cast<double>(cols);
          dweight[c] += dy[i] * exact[i] * rstd;
          size[c] += std::abs(dy[i] * exact[i] * rstd);
        }
        for (int64_t c = 0; c < cols; ++c) {
          const int64_t i = r * cols + c;
          const double first = rstd * weight[c] * dy[i];
          const double second = exact[i] * rstd * rstd * rstd * mean;
          // At most five roundings of each part (three of them of rstd in the second), then one of
          // their sum and one with what was there.
          const double bound = std::abs(first) + std::abs(second) + 0.5;
          CheckWithin(gradients.dx[i], 0.5 + first - second, 7.0 * kUnitRoundoff * bound);
        }
      }
      for (int64_t c = 0; c < cols; ++c) {
        // 64 and 6 additions in sequence, two of blocks, and two roundings a term.
        CheckWithin(gradients.dweight[c], dweight[c], 68.0 * kUnitRoundoff * size[c]);
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(backward_keeps_bits) {
  constexpr int64_t kRows = 200;
  constexpr int64_t kCols = 257;
  const std::vector<float> x = RandomFloats(kRows * kCols, 1.0f, 11);
  const std::vector<float> weight = RandomFloats(kCols, 1.0f, 12);
  const std::vector<float> dy = RandomFloats(kRows * kCols, 1.0f, 13);
  ForEachSimdTarget([&] {
    const std::vector<float> dx =
        CheckThreads([&] { return Backward(dy, x, weight, false, 9.0f).dx; });
    const std::vector<float> dweight =
        CheckThreads([&] { return Backward(dy, x, weight, false, 1.0f).dweight; });
    const std::vector<float> row_x(&x[kCols], &x[2 * kCols]);
    const std::vector<float> row_dy(&dy[kCols], &dy[2 * kCols]);
    BOOST_TEST(SameBits(Backward(row_dy, row_x, weight, false, 0.0f).dx,
                        std::vector<float>(&dx[kCols], &dx[2 * kCols])),
               "a row alone");

    std::vector<float> rstd(kRows);
    Forward(x, weight, rstd.data());
    std::vector<float> in_place = dy;
    std::vector<float> in_place_dweight(kCols, 1.0f);
    RmsNormBackward(in_place.data(), x.data(), weight.data(), rstd.data(), kRows, kCols, false,
                    in_place.data(), in_place_dweight.data());
    BOOST_TEST(SameBits(in_place, dx), "dx over dy");
    BOOST_TEST(SameBits(in_place_dweight, dweight), "dweight with dx over dy");
  });
}

}  // namespace
}  // namespace trit
