// Compares an analytic gradient with central differences of a scalar function in double precision.
#ifndef TRIT_TESTS_SUPPORT_GRADIENT_CHECK_H_
#define TRIT_TESTS_SUPPORT_GRADIENT_CHECK_H_

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace trit {

// loss(x) is the operation written plainly in double, reduced to one number; gradient is what the
// backward kernel gives at x. The difference (loss(x + h) - loss(x - h)) / 2h has a truncation
// error of h^2 / 6 times the third derivative and a rounding error of about 2^-53 |loss| / h: at
// h = 1e-4 both are below 1e-8 where values and derivatives are of order 1. So `tolerance`,
// relative to the largest element of the gradient, need only cover the kernel's own rounding: its
// number of float operations times 2^-24, plus 1e-7.
template <typename Loss>
void CheckGradient(const Loss& loss, std::span<const float> x, std::span<const float> gradient,
                   double tolerance) {
  constexpr double kStep = 1e-4;
  BOOST_REQUIRE(x.size() == gradient.size());
  std::vector<double> point(x.begin(), x.end());
  std::vector<double> numeric(x.size());
  double largest = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double at = point[i];
    point[i] = at + kStep;
    const double above = loss(point);
    point[i] = at - kStep;
    const double below = loss(point);
    point[i] = at;
    numeric[i] = (above - below) / (2.0 * kStep);
    largest = std::max(largest, std::abs(numeric[i]));
  }
  BOOST_TEST(largest > 0.0, "a gradient of zero proves nothing");
  for (size_t i = 0; i < x.size(); ++i) {
    BOOST_TEST(std::abs(gradient[i] - numeric[i]) <= tolerance * largest,
               "element " << i << ": " << gradient[i] << " instead of " << numeric[i]);
  }
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_GRADIENT_CHECK_H_
