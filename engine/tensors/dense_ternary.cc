#include "engine/tensors/dense_ternary.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine/tensors/float_codec.h"
#include "engine/tensors/scale_grid.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kRowsPerTask = 16;
constexpr int64_t kChunk = 1024;  // values decoded at a time, on the stack; a multiple of groups

// Columns that must share a scale: what kernels can take, and enough that weights of two magnitudes
// at random are not taken for ternary. Rows that do not divide into such groups have one scale.
int64_t GroupSize(int64_t cols) {
  for (const int64_t size : {64, 32, 16}) {
    if (cols % size == 0) return size;
  }
  return cols;
}

// Values [col, col + n) of a row of a type without blocks.
void DecodeRange(const TensorView& view, int64_t row, int64_t col, int64_t n, float* values) {
  const uint8_t* bytes = view.bytes.data() +
                         static_cast<uint64_t>(row) * RowBytes(view.type, view.cols) +
                         RowBytes(view.type, col);
  InfoOf(view.type).float_codec->decode(bytes, n, values);
}

// Sets the scales of a row; returns false if a group has several.
bool SetScales(const TensorView& view, int64_t row, int64_t group_size, ScaleGrid& scales) {
  float values[kChunk];
  float scale = 0;
  for (int64_t col = 0; col < view.cols; ++col) {
    if (col % kChunk == 0) {
      DecodeRange(view, row, col, std::min(kChunk, view.cols - col), values);
    }
    if (col % group_size == 0) scale = 0;
    const float magnitude = std::fabs(values[col % kChunk]);
    if (magnitude != 0 && magnitude != scale) {
      if (scale != 0) return false;
      scale = magnitude;
    }
    if ((col + 1) % group_size == 0) scales.Set(row, col / group_size, scale, scale != 0);
  }
  return true;
}

}  // namespace

std::optional<WeightScales> FindTernaryScales(const TensorView& view) {
  TRIT_CHECK(InfoOf(view.type).block_elements == 1);
  const int64_t group_size = GroupSize(view.cols);
  ScaleGrid scales(view.rows, view.cols / group_size);
  std::atomic<bool> ternary{true};
  ParallelForBlocks(view.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end && ternary; ++row) {
      if (!SetScales(view, row, group_size, scales)) ternary = false;
    }
  });
  if (!ternary) return std::nullopt;
  return scales.Simplify(view.cols);
}

void DecodeSigns(const TensorView& view, int64_t row, int8_t* trits) {
  float values[kChunk];
  for (int64_t col = 0; col < view.cols; col += kChunk) {
    const int64_t n = std::min(kChunk, view.cols - col);
    DecodeRange(view, row, col, n, values);
    for (int64_t i = 0; i < n; ++i) {
      trits[col + i] = static_cast<int8_t>((values[i] > 0) - (values[i] < 0));
    }
  }
}

}  // namespace trit
