// The scales of a matrix as a file has them, and the simplest form that says the same.
#ifndef TRIT_ENGINE_TENSORS_SCALE_GRID_H_
#define TRIT_ENGINE_TENSORS_SCALE_GRID_H_

#include <cstddef>
#include <cstdint>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

// A scale, and perhaps an offset, for every group of consecutive columns of every row, all groups
// of one size. What a group whose codes are all 0 has, where there are no offsets, has no say. For
// several threads at once, each with rows of its own.
class ScaleGrid {
 public:
  ScaleGrid(int64_t rows, int64_t groups, bool offsets = false)
      : rows_(rows),
        groups_(groups),
        values_(static_cast<size_t>(rows * groups)),
        offsets_(offsets ? values_.size() : 0),
        used_(values_.size()) {}

  void Set(int64_t row, int64_t group, float scale, bool used) {
    values_[Index(row, group)] = scale;
    used_[Index(row, group)] = used ? 1 : 0;
  }
  void Set(int64_t row, int64_t group, float scale, float offset) {
    Set(row, group, scale, true);
    offsets_[Index(row, group)] = offset;
  }

  // kTensor if one scale holds for all that matter, else kRow if one holds for each row, else
  // kGroup with as few groups as there can be.
  WeightScales Simplify(int64_t cols) const;

 private:
  class Common;
  size_t Index(int64_t row, int64_t group) const {
    return static_cast<size_t>(group * rows_ + row);  // as ScaleKind::kGroup has them
  }
  float OffsetAt(size_t index) const { return offsets_.empty() ? 0.0f : offsets_[index]; }
  WeightScales MakeScales(size_t count) const;
  // Sets the scales of each row's groups taken `merged` at a time; false if some have several.
  bool Merge(int64_t merged, WeightScales& scales) const;

  int64_t rows_;
  int64_t groups_;
  AlignedBuffer<float> values_;
  AlignedBuffer<float> offsets_;  // empty: there are none
  AlignedBuffer<uint8_t> used_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_SCALE_GRID_H_
