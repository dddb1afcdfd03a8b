#include "ternary_kernels/pack_matrix.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "ternary_kernels/bit_fields.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/half_float.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/q6_k.h"
#include "ternary_kernels/ternary_byte.h"
#include "ternary_kernels/ternary_lookup.h"

namespace trit {
namespace {

constexpr int64_t kQ8Block = 32;                 // values that share a scale
constexpr int64_t kQ8BlockBytes = 2 + kQ8Block;  // f16 scale, int8 values

// How the rows of a code format are grouped: `pack` fills what a block of rows has of the matrix's
// data from `block_rows` rows of codes; columns are padded to a multiple of column_multiple.
struct BlockLayout {
  int64_t block_rows;
  int64_t column_multiple;
  int64_t (*block_bytes)(int64_t cols);
  void (*pack)(const int8_t* codes, int64_t num_rows, int64_t stride, int64_t block,
               PackedMatrix& matrix);
  void (*unpack)(const PackedMatrix& matrix, int64_t row, int8_t* codes);
};

// Blocks that stand one after another: kPack and kUnpack get the first byte of one.
template <int64_t kRows, int64_t kColumnMultiple, auto kBlockBytes, auto kPack, auto kUnpack>
constexpr BlockLayout SeparateBlocks() {
  return {kRows, kColumnMultiple, kBlockBytes,
          [](const int8_t* codes, int64_t num_rows, int64_t stride, int64_t block,
             PackedMatrix& matrix) {
            kPack(codes, num_rows, stride, matrix.cols,
                  matrix.data.data() + block * kBlockBytes(matrix.cols));
          },
          [](const PackedMatrix& matrix, int64_t row, int8_t* codes) {
            kUnpack(matrix.data.data() + row / kRows * kBlockBytes(matrix.cols), row % kRows,
                    matrix.cols, codes);
          }};
}

template <int64_t kGroupCols, auto kPack, auto kUnpack>
constexpr BlockLayout ByteBlocks() {
  return {kTernaryByteRows, kGroupCols,
          [](int64_t cols) { return TernaryByteLayoutOf(1, cols, kGroupCols).superblock_bytes(); },
          [](const int8_t* codes, int64_t num_rows, int64_t stride, int64_t block,
             PackedMatrix& matrix) {
            kPack(codes, num_rows, stride,
                  TernaryByteLayoutOf(matrix.rows, matrix.cols, kGroupCols), block,
                  matrix.data.data());
          },
          [](const PackedMatrix& matrix, int64_t row, int8_t* codes) {
            kUnpack(matrix.data.data(), TernaryByteLayoutOf(matrix.rows, matrix.cols, kGroupCols),
                    row, matrix.cols, codes);
          }};
}

template <int kBits>
constexpr BlockLayout FieldBlocks() {
  using Fields = BitFields<kBits>;
  return SeparateBlocks<kFieldRows, Fields::kCols, Fields::SuperblockBytes, Fields::Pack,
                        Fields::Unpack>();
}

BlockLayout LayoutOf(WeightFormat format) {
  switch (format) {
    case WeightFormat::kTernary2Bit:
      return FieldBlocks<2>();
    case WeightFormat::kInt4:
      return FieldBlocks<4>();
    case WeightFormat::kInt8:
      return FieldBlocks<8>();
    case WeightFormat::kTernaryDense:
      return ByteBlocks<kTernaryDenseCols, PackTernaryDense, UnpackTernaryDense>();
    case WeightFormat::kTernaryQuad:
      return ByteBlocks<kTernaryQuadCols, PackTernaryQuad, UnpackTernaryQuad>();
    case WeightFormat::kTernaryLookup:
      return SeparateBlocks<kTernaryLookupRows, kTernaryLookupCols, TernaryLookupSuperblockBytes,
                            PackTernaryLookup, UnpackTernaryLookup>();
    default:
      TRIT_CHECK(!"not a code format");
  }
}

void CheckScales(const WeightScales& scales, int64_t rows, int64_t cols) {
  size_t count = 1;
  if (scales.kind == ScaleKind::kRow) count = rows;
  if (scales.kind == ScaleKind::kGroup) {
    TRIT_CHECK(scales.group_size >= 1 && cols % scales.group_size == 0);
    count = cols / scales.group_size * rows;
  }
  TRIT_CHECK(scales.values.size() == count);
  TRIT_CHECK(scales.offsets.empty() || scales.offsets.size() == count);
}

}  // namespace

PackedMatrix PackCodes(WeightFormat format, int64_t rows, int64_t cols, WeightScales scales,
                       const CodeSource& source) {
  TRIT_CHECK(rows >= 1 && cols >= 1);
  CheckScales(scales, rows, cols);
  const BlockLayout layout = LayoutOf(format);
  const int64_t block_bytes = layout.block_bytes(cols);
  const int64_t num_blocks = (rows + layout.block_rows - 1) / layout.block_rows;
  const int64_t stride =
      (cols + layout.column_multiple - 1) / layout.column_multiple * layout.column_multiple;

  PackedMatrix matrix;
  matrix.format = format;
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.scales = std::move(scales);
  matrix.data = AlignedBuffer<uint8_t>(num_blocks * block_bytes);
  ParallelFor(num_blocks, [&](int64_t block) {
    const int64_t first_row = block * layout.block_rows;
    const int64_t num_rows = std::min(layout.block_rows, rows - first_row);
    std::vector<int8_t> codes(num_rows * stride);
    for (int64_t r = 0; r < num_rows; ++r) source(first_row + r, codes.data() + r * stride);
    layout.pack(codes.data(), num_rows, stride, block, matrix);
  });
  return matrix;
}

int64_t DenseRowBytes(WeightFormat format, int64_t cols) {
  switch (format) {
    case WeightFormat::kF32:
      return 4 * cols;
    case WeightFormat::kF16:
    case WeightFormat::kBF16:
      return 2 * cols;
    case WeightFormat::kQ8_0:
      TRIT_CHECK(cols % kQ8Block == 0);
      return cols / kQ8Block * kQ8BlockBytes;
    case WeightFormat::kQ6_K:
      TRIT_CHECK(cols % kQ6Cols == 0);
      return cols / kQ6Cols * kQ6Bytes;
    default:
      TRIT_CHECK(!"not a dense format");
  }
}

PackedMatrix AllocateDense(WeightFormat format, int64_t rows, int64_t cols) {
  TRIT_CHECK(rows >= 1 && cols >= 1);
  PackedMatrix matrix;
  matrix.format = format;
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.scales.values = AlignedBuffer<float>(1);
  matrix.scales.values[0] = 1.0f;
  matrix.data = AlignedBuffer<uint8_t>(rows * DenseRowBytes(format, cols));
  return matrix;
}

PackedMatrix PackCodesAsBF16(int64_t rows, int64_t cols, WeightScales scales,
                             const CodeSource& source) {
  CheckScales(scales, rows, cols);
  TRIT_CHECK(scales.offsets.empty());
  PackedMatrix matrix = AllocateDense(WeightFormat::kBF16, rows, cols);
  matrix.scales = std::move(scales);
  const int64_t row_bytes = DenseRowBytes(WeightFormat::kBF16, cols);
  ParallelForBlocks(rows, 64, [&](int64_t begin, int64_t end) {
    std::vector<int8_t> trits(cols);
    std::vector<uint16_t> values(cols);
    for (int64_t row = begin; row < end; ++row) {
      source(row, trits.data());
      for (int64_t col = 0; col < cols; ++col) {
        values[col] = std::bit_cast<uint32_t>(static_cast<float>(trits[col])) >> 16;
      }
      std::memcpy(matrix.data.data() + row * row_bytes, values.data(), row_bytes);
    }
  });
  return matrix;
}

void UnpackCodes(const PackedMatrix& matrix, int64_t row, int8_t* codes) {
  LayoutOf(matrix.format).unpack(matrix, row, codes);
}

void UnpackFloats(const PackedMatrix& matrix, int64_t row, float* values) {
  const int64_t cols = matrix.cols;
  const uint8_t* bytes = matrix.data.data() + row * DenseRowBytes(matrix.format, cols);
  const auto load_u16 = [](const uint8_t* from) {
    uint16_t bits;
    std::memcpy(&bits, from, 2);
    return bits;
  };
  switch (matrix.format) {
    case WeightFormat::kF32:
      std::memcpy(values, bytes, 4 * cols);
      return;
    case WeightFormat::kF16:
      for (int64_t c = 0; c < cols; ++c) values[c] = FloatFromF16(load_u16(bytes + 2 * c));
      return;
    case WeightFormat::kBF16:
      for (int64_t c = 0; c < cols; ++c) values[c] = FloatFromBF16(load_u16(bytes + 2 * c));
      return;
    case WeightFormat::kQ8_0:
      for (int64_t c = 0; c < cols; ++c) {
        const uint8_t* block = bytes + c / kQ8Block * kQ8BlockBytes;
        const auto code = static_cast<int8_t>(block[2 + c % kQ8Block]);
        values[c] = FloatFromF16(load_u16(block)) * static_cast<float>(code);
      }
      return;
    case WeightFormat::kQ6_K:
      for (int64_t b = 0; b < cols / kQ6Cols; ++b) {
        UnpackQ6(bytes + b * kQ6Bytes, values + b * kQ6Cols);
      }
      return;
    default:
      TRIT_CHECK(!"not a dense format");
  }
}

}  // namespace trit
