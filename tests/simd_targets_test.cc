#include "ternary_kernels/simd_targets.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

namespace trit {
namespace {

BOOST_AUTO_TEST_CASE(targets_can_be_chosen) {
  const std::vector<std::string> targets = SimdTargets();
  BOOST_REQUIRE(!targets.empty());
  BOOST_TEST(SimdTarget() == targets.front());
  for (const std::string& target : targets) {
    BOOST_TEST(UseSimdTarget(target));
    BOOST_TEST(SimdTarget() == target);
    BOOST_TEST(SimdTargets() == targets, "a choice must not hide the others");
  }
  const std::string last = targets.back();
  BOOST_TEST(!UseSimdTarget("MMX"));
  BOOST_TEST(SimdTarget() == last);
  BOOST_TEST(UseSimdTarget(""));
  BOOST_TEST(SimdTarget() == targets.front());
}

#if defined(__x86_64__)
// The portable baseline: a build that loses a target would leave kernels untested.
BOOST_AUTO_TEST_CASE(x86_has_a_fallback_and_ssse3) {
  const std::vector<std::string> targets = SimdTargets();
  BOOST_TEST((std::count(targets.begin(), targets.end(), "SSSE3") == 1));
  BOOST_TEST((targets.back() == "SCALAR" || targets.back() == "EMU128"));
}
#endif

}  // namespace
}  // namespace trit
