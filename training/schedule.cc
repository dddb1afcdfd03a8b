#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace trit {
namespace {

bool Before(int64_t step, double fraction, int64_t num_steps) {
  return static_cast<double>(step) < fraction * static_cast<double>(num_steps);
}

// How far step is on the way from `first` (0) to `last` (1).
double Progress(int64_t step, int64_t first, int64_t last) {
  if (step >= last) return 1.0;
  return static_cast<double>(step - first) / static_cast<double>(last - first);
}

double DecayFactor(const ScheduleConfig& schedule, int64_t step, int64_t num_steps) {
  const double end = schedule.final_ratio;
  const double p = Progress(step, schedule.warmup_steps, num_steps - 1);
  switch (schedule.kind) {
    case ScheduleKind::kConstant:
      return 1.0;
    case ScheduleKind::kLinear:
      return std::lerp(1.0, end, p);
    case ScheduleKind::kCosine:
      return std::lerp(1.0, end, 0.5 * (1.0 - std::cos(std::numbers::pi * p)));
    case ScheduleKind::kTwoStage: {
      const bool first_stage = Before(step, schedule.stage2_start, num_steps);
      return std::lerp(first_stage ? 1.0 : schedule.stage2_ratio, end, p);
    }
    case ScheduleKind::kWsd: {
      if (Before(step, schedule.stage2_start, num_steps)) return 1.0;
      const int64_t first = std::max(
          schedule.warmup_steps,
          static_cast<int64_t>(std::ceil(schedule.stage2_start * static_cast<double>(num_steps))));
      return std::lerp(1.0, end, std::sqrt(Progress(step, first, num_steps - 1)));
    }
  }
  return 1.0;
}

}  // namespace

double LearningRate(const ScheduleConfig& schedule, int64_t step, int64_t num_steps) {
  if (step < schedule.warmup_steps) {
    return schedule.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(schedule.warmup_steps);
  }
  return schedule.learning_rate * DecayFactor(schedule, step, num_steps);
}

double WeightDecayFactor(const ScheduleConfig& schedule, int64_t step, int64_t num_steps) {
  return Before(step, schedule.weight_decay_until, num_steps) ? 1.0 : 0.0;
}

}  // namespace trit
