#include "training/bad_batch.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/error_text.h"

namespace trit {
namespace {

// 3 and 5 by turns: mean 4, standard deviation 1.
std::vector<double> Window() {
  std::vector<double> values;
  for (size_t i = 0; i < kSpikeWindow; ++i) Remember(i % 2 == 0 ? 3 : 5, values);
  return values;
}

BOOST_AUTO_TEST_CASE(z_scores) {
  const std::vector<double> full = Window();
  BOOST_TEST(std::abs(ZScore(full, 7) - 3) < 1e-12);
  BOOST_TEST(std::abs(ZScore(full, 1) + 3) < 1e-12);
  BOOST_TEST(ZScore(full, 4) == 0);
  const std::vector<double> short_one(full.begin() + 1, full.end());
  BOOST_TEST(ZScore(short_one, 100) == 0);
  const std::vector<double> equal(kSpikeWindow, 4.0);
  BOOST_TEST(ZScore(equal, 4) == 0);
  BOOST_TEST(std::isinf(ZScore(equal, 4.1)));
  BOOST_TEST(ZScore(equal, 3.9) < 0);
}

BOOST_AUTO_TEST_CASE(the_window_forgets) {
  std::vector<double> values = Window();
  Remember(9, values);
  BOOST_TEST(values.size() == kSpikeWindow);
  BOOST_TEST(values.front() == 5);
  BOOST_TEST(values.back() == 9);
}

BOOST_AUTO_TEST_CASE(what_is_bad) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> none, full = Window();
  BOOST_TEST(BadBatchReason(1, 1, 0, none, none) == "");
  BOOST_TEST(BadBatchReason(nan, 1, 0, none, none) == "the loss is not finite");
  BOOST_TEST(BadBatchReason(1, infinity, 0, none, none) == "the gradient is not finite");
  BOOST_TEST(BadBatchReason(1e9, 1e9, 0, full, full) == "");  // spikes are not looked for
  BOOST_TEST(BadBatchReason(6.9, 6.9, 3, full, full) == "");
  BOOST_TEST(BadBatchReason(-100, -100, 3, full, full) == "");  // only above
  BOOST_TEST(BadBatchReason(7.5, 4, 3, full, full) ==
             "the loss 7.5 lies 3.5 standard deviations above the last 128");
  BOOST_TEST(Contains(BadBatchReason(4, 7.5, 3, full, full), "the gradient's norm 7.5"));
}

}  // namespace
}  // namespace trit
