#include "ternary_kernels/simd_targets.h"

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"

namespace trit {

std::vector<std::string> SimdTargets() {
  // Highway counts the targets in force only, so lift a restriction for the time of the question.
  const int64_t in_force = hwy::SupportedTargets();
  hwy::SetSupportedTargetsForTest(0);
  std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  const int64_t available = hwy::SupportedTargets();
  if (in_force != available) hwy::SetSupportedTargetsForTest(in_force);
  std::sort(targets.begin(), targets.end());  // a better target has a lower bit
  std::vector<std::string> names;
  for (const int64_t target : targets) names.emplace_back(hwy::TargetName(target));
  return names;
}

std::string SimdTarget() {
  const int64_t in_force = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(in_force & -in_force);
}

bool UseSimdTarget(const std::string& name) {
  const std::vector<std::string> names = SimdTargets();
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) return false;
  hwy::SetSupportedTargetsForTest(0);
  if (name.empty()) return true;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (name == hwy::TargetName(target)) {
      hwy::SetSupportedTargetsForTest(target);
      return true;
    }
  }
  return false;
}

}  // namespace trit
