#include "ternary_kernels/code_statistics.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

BOOST_AUTO_TEST_CASE(counts_and_maxima_are_those_of_a_plain_loop) {
  for (const int64_t n : {0, 1, 7, 65536, 65537, 200001}) {
    std::vector<int8_t> a, b;
    std::vector<float> x;
    int64_t zeros = 0;
    int64_t differences = 0;
    float largest = 0;
    for (int64_t i = 0; i < n; ++i) {
      a.push_back(static_cast<int8_t>(i * 7 % 3 - 1));
      b.push_back(static_cast<int8_t>(i % 5 == 0 ? 1 : a.back()));
      x.push_back(static_cast<float>(i * 31 % 1009) - 700.0f);
      zeros += a.back() == 0 ? 1 : 0;
      differences += a.back() != b.back() ? 1 : 0;
      largest = std::max(largest, std::fabs(x.back()));
    }
    for (const int threads : {1, 3}) {
      SetNumThreads(threads);
      BOOST_TEST(CountZeros(a.data(), n) == zeros);
      BOOST_TEST(CountDifferences(a.data(), b.data(), n) == differences);
      BOOST_TEST(MaxAbs(x.data(), n) == largest);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_maximum_passes_over_nans) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {nan, -2, nan, 1, nan};
  BOOST_TEST(MaxAbs(x.data(), 5) == 2.0f);
}

}  // namespace
}  // namespace trit
