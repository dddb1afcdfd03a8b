#include "training/schedule.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace trit {
namespace {

constexpr double kPeak = 0.008;

ScheduleConfig Schedule(ScheduleKind kind) {
  ScheduleConfig schedule;
  schedule.kind = kind;
  schedule.learning_rate = kPeak;
  schedule.warmup_steps = 0;
  schedule.final_ratio = 0.0;
  return schedule;
}

// A few roundings of a double, relative to the largest value that occurs.
void CheckRates(const ScheduleConfig& schedule, int64_t num_steps,
                const std::vector<double>& expected_ratios, int64_t first_step = 0) {
  const double tolerance = 8 * std::numeric_limits<double>::epsilon() * kPeak;
  for (size_t i = 0; i < expected_ratios.size(); ++i) {
    const int64_t step = first_step + static_cast<int64_t>(i);
    const double rate = LearningRate(schedule, step, num_steps);
    BOOST_TEST_INFO_SCOPE("step " << step << ": " << rate);
    BOOST_TEST(std::abs(rate - kPeak * expected_ratios[i]) <= tolerance);
  }
}

BOOST_AUTO_TEST_CASE(WarmUpBeginsAtOnePartAndReachesThePeak) {
  for (const ScheduleKind kind :
       {ScheduleKind::kTwoStage, ScheduleKind::kCosine, ScheduleKind::kLinear,
        ScheduleKind::kConstant, ScheduleKind::kWsd}) {
    ScheduleConfig schedule = Schedule(kind);
    schedule.warmup_steps = 4;
    CheckRates(schedule, 100, {0.25, 0.5, 0.75, 1.0, 1.0});
  }
}

BOOST_AUTO_TEST_CASE(Constant) {
  CheckRates(Schedule(ScheduleKind::kConstant), 5, {1, 1, 1, 1, 1});
}

BOOST_AUTO_TEST_CASE(LinearReachesTheFinalRatioInTheLastStep) {
  ScheduleConfig schedule = Schedule(ScheduleKind::kLinear);
  CheckRates(schedule, 5, {1, 0.75, 0.5, 0.25, 0});
  schedule.final_ratio = 0.2;
  CheckRates(schedule, 5, {1, 0.8, 0.6, 0.4, 0.2});
  schedule.warmup_steps = 2;  // p over steps 2 ... 6
  CheckRates(schedule, 7, {0.5, 1, 1, 0.8, 0.6, 0.4, 0.2});
}

BOOST_AUTO_TEST_CASE(Cosine) {
  ScheduleConfig schedule = Schedule(ScheduleKind::kCosine);
  const double quarter = 0.5 * (1 + std::sqrt(0.5));  // (1 + cos 45 degrees) / 2
  CheckRates(schedule, 5, {1, quarter, 0.5, 1 - quarter, 0});
  schedule.final_ratio = 0.1;
  CheckRates(schedule, 3, {1, 0.1 + 0.9 * 0.5, 0.1});
}

BOOST_AUTO_TEST_CASE(TwoStageDropsToALowerLineAtTheStart) {
  ScheduleConfig schedule = Schedule(ScheduleKind::kTwoStage);
  schedule.stage2_start = 0.5;
  schedule.stage2_ratio = 0.5;
  // p = i / 10; steps 0 ... 5 are before 0.5 * 11.
  CheckRates(schedule, 11, {1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.2, 0.15, 0.1, 0.05, 0});
  schedule.final_ratio = 0.25;  // both lines end there
  CheckRates(schedule, 5, {1, 0.8125, 0.625, 0.3125, 0.25});
}

// The paper's 700M run: 1.5e-3 to 1e-3, warm-up over 375 steps.
BOOST_AUTO_TEST_CASE(TwoStageOfThePaper) {
  ScheduleConfig schedule = Schedule(ScheduleKind::kTwoStage);
  schedule.learning_rate = 1.5e-3;
  schedule.stage2_ratio = 2.0 / 3.0;
  schedule.stage2_start = 0.5;
  schedule.warmup_steps = 375;
  const int64_t n = 100000;
  BOOST_TEST(LearningRate(schedule, 0, n) == 1.5e-3 / 375);
  BOOST_TEST(LearningRate(schedule, 374, n) == 1.5e-3);
  const double before = LearningRate(schedule, 49999, n);
  const double after = LearningRate(schedule, 50000, n);
  BOOST_TEST(after / before == 2.0 / 3.0, boost::test_tools::tolerance(1e-4));
  BOOST_TEST(LearningRate(schedule, n - 1, n) == 0.0);
  BOOST_TEST(LearningRate(schedule, n - 2, n) > 0.0);
}

BOOST_AUTO_TEST_CASE(WsdIsStableThenDecays) {
  ScheduleConfig schedule = Schedule(ScheduleKind::kWsd);
  schedule.stage2_start = 0.5;
  schedule.final_ratio = 0.0;
  // n = 10: the decay begins in step 5, q = 0, 1/4, 1/2, 3/4, 1.
  CheckRates(schedule, 10, {1, 1, 1, 1, 1, 1, 1 - 0.5, 1 - std::sqrt(0.5), 1 - std::sqrt(0.75), 0});
  schedule.final_ratio = 0.2;
  CheckRates(schedule, 10, {1, 0.2 + 0.8 * 0.5}, 5);
}

BOOST_AUTO_TEST_CASE(RunsTooShortForTheirPhases) {
  for (const ScheduleKind kind : {ScheduleKind::kTwoStage, ScheduleKind::kCosine,
                                  ScheduleKind::kLinear, ScheduleKind::kWsd}) {
    ScheduleConfig schedule = Schedule(kind);
    schedule.final_ratio = 0.5;
    schedule.stage2_start = 0.0;
    CheckRates(schedule, 1, {0.5});  // the last step is the first
    schedule.warmup_steps = 10;
    CheckRates(schedule, 3, {0.1, 0.2, 0.3});  // ends within the warm-up
    CheckRates(schedule, 11, {1.0, 0.5}, 9);
    CheckRates(schedule, 11, {0.5, 0.5}, 11);  // steps beyond the last
  }
}

BOOST_AUTO_TEST_CASE(WeightDecayEnds) {
  ScheduleConfig schedule = Schedule(ScheduleKind::kTwoStage);
  schedule.weight_decay_until = 0.5;
  BOOST_TEST(WeightDecayFactor(schedule, 0, 10) == 1.0);
  BOOST_TEST(WeightDecayFactor(schedule, 4, 10) == 1.0);
  BOOST_TEST(WeightDecayFactor(schedule, 5, 10) == 0.0);
  BOOST_TEST(WeightDecayFactor(schedule, 9, 10) == 0.0);
  BOOST_TEST(WeightDecayFactor(schedule, 5, 11) == 1.0);  // 5 < 5.5
  schedule.weight_decay_until = 1.0;
  BOOST_TEST(WeightDecayFactor(schedule, 9, 10) == 1.0);
  schedule.weight_decay_until = 0.0;
  BOOST_TEST(WeightDecayFactor(schedule, 0, 10) == 0.0);
}

}  // namespace
}  // namespace trit
