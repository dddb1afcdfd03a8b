#include "engine/tensors/scale_grid.h"

#include <utility>

namespace trit {

// The one scale and offset of those that matter, as far as there is one.
class ScaleGrid::Common {
 public:
  Common(const ScaleGrid& grid, size_t otherwise) : grid_(grid), index_(otherwise) {}

  void Add(size_t index) {
    if (grid_.used_[index] == 0) return;
    if (!any_used_) index_ = index;
    any_used_ = true;
    if (grid_.values_[index] != grid_.values_[index_] ||
        grid_.OffsetAt(index) != grid_.OffsetAt(index_)) {
      unique_ = false;
    }
  }
  bool unique() const { return unique_; }
  void CopyTo(WeightScales& scales, size_t place) const {
    scales.values[place] = grid_.values_[index_];
    if (!scales.offsets.empty()) scales.offsets[place] = grid_.offsets_[index_];
  }

 private:
  const ScaleGrid& grid_;
  size_t index_;
  bool any_used_ = false;
  bool unique_ = true;
};

WeightScales ScaleGrid::MakeScales(size_t count) const {
  WeightScales scales;
  scales.values = AlignedBuffer<float>(count);
  if (!offsets_.empty()) scales.offsets = AlignedBuffer<float>(count);
  return scales;
}

bool ScaleGrid::Merge(int64_t merged, WeightScales& scales) const {
  scales = MakeScales(static_cast<size_t>(rows_ * (groups_ / merged)));
  for (int64_t group = 0; group < groups_ / merged; ++group) {
    for (int64_t row = 0; row < rows_; ++row) {
      Common common(*this, Index(row, group * merged));
      for (int64_t g = group * merged; g < (group + 1) * merged && common.unique(); ++g) {
        common.Add(Index(row, g));
      }
      if (!common.unique()) return false;
      common.CopyTo(scales, Index(row, group));
    }
  }
  return true;
}

WeightScales ScaleGrid::Simplify(int64_t cols) const {
  Common of_tensor(*this, 0);
  for (size_t i = 0; i < values_.size() && of_tensor.unique(); ++i) of_tensor.Add(i);
  if (of_tensor.unique()) {
    WeightScales scales = MakeScales(1);
    of_tensor.CopyTo(scales, 0);
    return scales;
  }
  WeightScales scales;
  int64_t merged = groups_;
  while (groups_ % merged != 0 || !Merge(merged, scales)) --merged;
  scales.kind = merged == groups_ ? ScaleKind::kRow : ScaleKind::kGroup;
  if (scales.kind == ScaleKind::kGroup) scales.group_size = cols / groups_ * merged;
  return scales;
}

}  // namespace trit
