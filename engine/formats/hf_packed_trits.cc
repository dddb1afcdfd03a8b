#include "engine/formats/hf_packed_trits.h"

#include <fmt/format.h>

#include <atomic>

#include "engine/error.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kRowsPerTask = 16;

// The bits of a row: where they lie.
struct Field {
  int64_t packed_row;
  int shift;
};

Field FieldOf(int64_t row, int64_t rows) {
  const int64_t quarter = HfPackedRows(rows);
  return {row % quarter, static_cast<int>(2 * (row / quarter))};
}

// Column of the first code of a row that is no trit, or -1.
int64_t FirstBad(std::span<const uint8_t> bytes, int64_t rows, int64_t cols, int64_t row) {
  const Field field = FieldOf(row, rows);
  const uint8_t* from = bytes.data() + field.packed_row * cols;
  for (int64_t col = 0; col < cols; ++col) {
    if (((from[col] >> field.shift) & 3) == 3) return col;
  }
  return -1;
}

}  // namespace

void CheckHfTrits(std::span<const uint8_t> bytes, int64_t rows, int64_t cols,
                  const TensorOrigin& origin) {
  TRIT_CHECK(static_cast<int64_t>(bytes.size()) == HfPackedRows(rows) * cols);
  std::atomic<bool> valid{true};
  ParallelForBlocks(rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (FirstBad(bytes, rows, cols, row) >= 0) valid = false;
    }
  });
  if (valid) return;
  int64_t row = 0;
  while (FirstBad(bytes, rows, cols, row) < 0) ++row;
  throw Error(ErrorInfo{.what = fmt::format("code that stands for no trit in row {}, column {}",
                                            row, FirstBad(bytes, rows, cols, row)),
                        .file = origin.file,
                        .tensor = origin.tensor,
                        .hint = "the file is damaged or of another layout than its config says"});
}

void DecodeHfTrits(std::span<const uint8_t> bytes, int64_t rows, int64_t cols, int64_t row,
                   int8_t* trits) {
  const Field field = FieldOf(row, rows);
  const uint8_t* from = bytes.data() + field.packed_row * cols;
  for (int64_t col = 0; col < cols; ++col) {
    trits[col] = static_cast<int8_t>(((from[col] >> field.shift) & 3) - 1);
  }
}

AlignedBuffer<uint8_t> EncodeHfTrits(std::span<const int8_t> trits, int64_t rows, int64_t cols) {
  TRIT_CHECK(static_cast<int64_t>(trits.size()) == rows * cols);
  AlignedBuffer<uint8_t> bytes(static_cast<size_t>(HfPackedRows(rows) * cols));
  for (int64_t row = 0; row < rows; ++row) {
    const Field field = FieldOf(row, rows);
    uint8_t* to = bytes.data() + field.packed_row * cols;
    for (int64_t col = 0; col < cols; ++col) {
      const int code = trits[static_cast<size_t>(row * cols + col)] + 1;
      to[col] = static_cast<uint8_t>(to[col] | code << field.shift);
    }
  }
  return bytes;
}

}  // namespace trit
