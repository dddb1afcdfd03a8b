#include "ternary_kernels/embedding.h"

#include <algorithm>
#include <cstring>

#include "ternary_kernels/check.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"

namespace trit {
namespace {

constexpr int64_t kColumnsPerTask = 128;

// Tables of floats have no offsets.
void MultiplyByScales(const PackedMatrix& table, int64_t row, float* values) {
  const float* scales = table.scales.values.data();
  switch (table.scales.kind) {
    case ScaleKind::kTensor:
      for (int64_t c = 0; c < table.cols; ++c) values[c] *= scales[0];
      return;
    case ScaleKind::kRow:
      for (int64_t c = 0; c < table.cols; ++c) values[c] *= scales[row];
      return;
    case ScaleKind::kGroup:
      for (int64_t c = 0; c < table.cols; ++c) {
        values[c] *= scales[c / table.scales.group_size * table.rows + row];
      }
      return;
  }
}

}  // namespace

void EmbeddingForward(const PackedMatrix& table, const int32_t* tokens, int64_t rows, float* out) {
  TRIT_CHECK(rows >= 0 && !TakesCodes(table.format));
  ParallelForBlocks(rows, RowsPerTask(table.cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      TRIT_CHECK(tokens[r] >= 0 && tokens[r] < table.rows);
      float* values = out + r * table.cols;
      UnpackFloats(table, tokens[r], values);
      MultiplyByScales(table, tokens[r], values);
    }
  });
}

void EmbeddingForward(const float* table, const int32_t* tokens, int64_t rows, int64_t cols,
                      float* out) {
  TRIT_CHECK(rows >= 0 && cols >= 1);
  ParallelForBlocks(rows, RowsPerTask(cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      TRIT_CHECK(tokens[r] >= 0);
      std::memcpy(out + r * cols, table + tokens[r] * cols, sizeof(float) * cols);
    }
  });
}

void EmbeddingBackward(const float* dout, const int32_t* tokens, int64_t rows, int64_t cols,
                       float* dtable) {
  TRIT_CHECK(rows >= 0 && cols >= 1);
  TRIT_CHECK(std::all_of(tokens, tokens + rows, [](int32_t token) { return token >= 0; }));
  // A task owns columns, not rows: the same token may come in any row.
  ParallelForBlocks(cols, kColumnsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < rows; ++r) {
      const float* from = dout + r * cols;
      float* to = dtable + tokens[r] * cols;
      for (int64_t c = begin; c < end; ++c) to[c] += from[c];
    }
  });
}

}  // namespace trit
