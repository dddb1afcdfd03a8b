#include "engine/scale_grid.h"

#include <utility>

namespace trit {

// The one scale of those that matter, as far as there is one.
class ScaleGrid::CommonScale {
 public:
  explicit CommonScale(float otherwise) : value_(otherwise) {}
  void Add(float scale) {
    if (any_used_ && scale != value_) unique_ = false;
    if (!any_used_) value_ = scale;
    any_used_ = true;
  }
  float value() const { return value_; }
  bool unique() const { return unique_; }

 private:
  float value_;
  bool any_used_ = false;
  bool unique_ = true;
};

AlignedBuffer<float> ScaleGrid::Merge(int64_t merged) const {
  AlignedBuffer<float> scales(static_cast<size_t>(rows_ * (groups_ / merged)));
  for (int64_t group = 0; group < groups_ / merged; ++group) {
    for (int64_t row = 0; row < rows_; ++row) {
      CommonScale common(values_[Index(row, group * merged)]);
      for (int64_t g = group * merged; g < (group + 1) * merged; ++g) {
        if (used_[Index(row, g)] != 0) common.Add(values_[Index(row, g)]);
      }
      if (!common.unique()) return {};
      scales[Index(row, group)] = common.value();
    }
  }
  return scales;
}

WeightScales ScaleGrid::Simplify(int64_t cols) const {
  WeightScales scales;
  CommonScale of_tensor(values_[0]);
  for (size_t i = 0; i < values_.size() && of_tensor.unique(); ++i) {
    if (used_[i] != 0) of_tensor.Add(values_[i]);
  }
  if (of_tensor.unique()) {
    scales.values = AlignedBuffer<float>(1);
    scales.values[0] = of_tensor.value();
    return scales;
  }
  int64_t merged = groups_;
  while (groups_ % merged != 0 || (scales.values = Merge(merged)).empty()) {
    --merged;
  }
  scales.kind = merged == groups_ ? ScaleKind::kRow : ScaleKind::kGroup;
  if (scales.kind == ScaleKind::kGroup) scales.group_size = cols / groups_ * merged;
  return scales;
}

}  // namespace trit
