#include "engine/integer_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/float_codec.h"
#include "engine/little_endian.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kElements = 32;  // of a block
constexpr int64_t kScaleBytes = 2;

struct IntegerType {
  TensorType type;
  int32_t min_code, max_code;
  bool has_minimum;
};
// In the order of preference.
constexpr IntegerType kIntegerTypes[] = {{TensorType::kQ4_0, -8, 7, false},
                                         {TensorType::kQ4_1, -8, 7, true},
                                         {TensorType::kQ8_0, -128, 127, false}};

const IntegerType* FindIntegerType(TensorType type) {
  for (const IntegerType& integer : kIntegerTypes) {
    if (integer.type == type) return &integer;
  }
  return nullptr;
}

// What a block stores for a scale and an offset. Offsets are measured from the scale as stored.
struct StoredScale {
  uint16_t scale, minimum;
};
StoredScale Store(float scale, float offset) {
  const uint16_t stored = F32ToF16(scale);
  return {stored, F32ToF16(offset - 8.0f * F16ToF32(stored))};
}
float OffsetOf(StoredScale stored) {
  return F16ToF32(stored.minimum) + 8.0f * F16ToF32(stored.scale);
}

// Columns that share a scale.
int64_t SharedColumns(const WeightScales& scales, int64_t cols) {
  return scales.kind == ScaleKind::kGroup ? scales.group_size : cols;
}

bool FitsBlocks(const WeightScales& scales, int64_t cols) {
  return SharedColumns(scales, cols) % kElements == 0;
}

// A usable scale that f16 has as 0, or as infinity, is none any more.
void CheckScales(const IntegerMatrix& matrix, const TensorTypeInfo& info,
                 const TensorOrigin& origin) {
  for (size_t i = 0; i < matrix.scales.values.size(); ++i) {
    const float scale = matrix.scales.values[i];
    const float offset = matrix.scales.offsets.empty() ? 0.0f : matrix.scales.offsets[i];
    const float stored = F16ToF32(F32ToF16(scale));
    if (std::isfinite(stored) && (stored != 0 || scale == 0) &&
        std::isfinite(OffsetOf(Store(scale, offset)))) {
      continue;
    }
    throw Error(ErrorInfo{.what = fmt::format("scale cannot be written as {}", info.name),
                          .file = origin.file,
                          .tensor = origin.tensor,
                          .expected = "0, or 6e-8 to 65504",
                          .found = fmt::format("{}", scale)});
  }
}

void EncodeBlock(const IntegerType& integer, const int8_t* codes, StoredScale stored,
                 uint8_t* block) {
  StoreLittleEndian(stored.scale, block);
  block += kScaleBytes;
  if (integer.type == TensorType::kQ8_0) {
    std::copy_n(reinterpret_cast<const uint8_t*>(codes), kElements, block);
    return;
  }
  if (integer.has_minimum) {
    StoreLittleEndian(stored.minimum, block);
    block += kScaleBytes;
  }
  for (int j = 0; j < 16; ++j) {
    block[j] = static_cast<uint8_t>((codes[j] + 8) | (codes[j + 16] + 8) << 4);
  }
}

StoredScale DecodeBlock(const IntegerType& integer, const uint8_t* block, int8_t* codes) {
  StoredScale stored{LoadLittleEndian<uint16_t>(block), 0};
  block += kScaleBytes;
  if (integer.type == TensorType::kQ8_0) {
    std::copy_n(block, kElements, reinterpret_cast<uint8_t*>(codes));
    return stored;
  }
  if (integer.has_minimum) {
    stored.minimum = LoadLittleEndian<uint16_t>(block);
    block += kScaleBytes;
  }
  for (int j = 0; j < 16; ++j) {
    codes[j] = static_cast<int8_t>((block[j] & 15) - 8);
    codes[j + 16] = static_cast<int8_t>((block[j] >> 4) - 8);
  }
  return stored;
}

// Scales of blocks, values[block * rows + row], as few as say the same.
WeightScales Simplify(WeightScales blocks, int64_t rows, int64_t cols) {
  const auto same = [&](int64_t i, int64_t j) {
    const auto a = static_cast<size_t>(i), b = static_cast<size_t>(j);
    return blocks.values[a] == blocks.values[b] &&
           (blocks.offsets.empty() || blocks.offsets[a] == blocks.offsets[b]);
  };
  const int64_t num_blocks = cols / kElements;
  const auto runs_agree = [&](int64_t merged) {
    for (int64_t block = 0; block < num_blocks; ++block) {
      const int64_t first = block / merged * merged;
      for (int64_t row = 0; row < rows; ++row) {
        if (!same(block * rows + row, first * rows + row)) return false;
      }
    }
    return true;
  };
  int64_t merged = num_blocks;
  while (num_blocks % merged != 0 || !runs_agree(merged)) --merged;
  WeightScales scales{.kind = ScaleKind::kGroup, .group_size = merged * kElements, .values = {}};
  int64_t count = num_blocks / merged * rows;
  if (merged == num_blocks) {
    scales.group_size = 0;
    bool one = true;
    for (int64_t row = 1; row < rows && one; ++row) one = same(row, 0);
    scales.kind = one ? ScaleKind::kTensor : ScaleKind::kRow;
    if (one) count = 1;
  }
  scales.values = AlignedBuffer<float>(static_cast<size_t>(count));
  if (!blocks.offsets.empty()) scales.offsets = AlignedBuffer<float>(scales.values.size());
  for (int64_t i = 0; i < count; ++i) {
    const auto from = static_cast<size_t>(i / rows * merged * rows + i % rows);
    scales.values[static_cast<size_t>(i)] = blocks.values[from];
    if (!blocks.offsets.empty()) scales.offsets[static_cast<size_t>(i)] = blocks.offsets[from];
  }
  return scales;
}

[[noreturn]] void ThrowUnfit(const TensorOrigin& origin, const IntegerMatrix& matrix,
                             ErrorInfo info) {
  info.file = origin.file;
  info.tensor = origin.tensor;
  const std::optional<TensorType> fitting =
      IntegerTypeFor(SpanOf(matrix.codes.span()), matrix.cols, matrix.scales);
  info.hint = fitting ? fmt::format("{} fits", InfoOf(*fitting).name)
                      : "q4_0 and q8_0 hold codes with a scale for 32 columns or a multiple, q4_1 "
                        "codes of 4 bits with offsets too; f16 holds the weights themselves";
  throw UsageError(std::move(info));
}

}  // namespace

CodeSpan SpanOf(std::span<const int8_t> codes) {
  const auto [min, max] = std::minmax_element(codes.begin(), codes.end());
  return {*min, *max};
}

bool IsIntegerType(TensorType type) { return FindIntegerType(type) != nullptr; }

std::optional<TensorType> IntegerTypeFor(CodeSpan span, int64_t cols, const WeightScales& scales) {
  if (!FitsBlocks(scales, cols)) return std::nullopt;
  for (const IntegerType& integer : kIntegerTypes) {
    if (span.min >= integer.min_code && span.max <= integer.max_code &&
        integer.has_minimum == !scales.offsets.empty()) {
      return integer.type;
    }
  }
  return std::nullopt;
}

bool HasExactScales(TensorType type, const WeightScales& scales) {
  const IntegerType* integer = FindIntegerType(type);
  TRIT_CHECK(integer != nullptr);
  for (size_t i = 0; i < scales.values.size(); ++i) {
    const float scale = scales.values[i];
    const float offset = scales.offsets.empty() ? 0.0f : scales.offsets[i];
    const StoredScale stored = Store(scale, offset);
    if (F16ToF32(stored.scale) != scale) return false;
    if (integer->has_minimum ? OffsetOf(stored) != offset : offset != 0) return false;
  }
  return true;
}

AlignedBuffer<uint8_t> EncodeIntegers(TensorType type, const IntegerMatrix& matrix,
                                      const TensorOrigin& origin) {
  const IntegerType* integer = FindIntegerType(type);
  TRIT_CHECK(integer != nullptr);
  const TensorTypeInfo& info = InfoOf(type);
  const CodeSpan span = SpanOf(matrix.codes.span());
  if (span.min < integer->min_code || span.max > integer->max_code) {
    ThrowUnfit(origin, matrix,
               {.what = fmt::format("codes do not fit {}", info.name),
                .expected = fmt::format("{} to {}", integer->min_code, integer->max_code),
                .found = fmt::format("{} to {}", span.min, span.max)});
  }
  if (!matrix.scales.offsets.empty() && !integer->has_minimum) {
    ThrowUnfit(origin, matrix, {.what = fmt::format("{} has no offsets", info.name)});
  }
  if (!FitsBlocks(matrix.scales, matrix.cols)) {
    ThrowUnfit(origin, matrix,
               {.what = fmt::format("scales do not fit {}", info.name),
                .expected = fmt::format("one for a multiple of {} columns", kElements),
                .found = fmt::format("one for {}", SharedColumns(matrix.scales, matrix.cols))});
  }
  CheckScales(matrix, info, origin);
  const uint64_t row_bytes = RowBytes(type, matrix.cols);
  AlignedBuffer<uint8_t> bytes(static_cast<uint64_t>(matrix.rows) * row_bytes);
  ParallelFor(matrix.rows, [&](int64_t row) {
    uint8_t* block = bytes.data() + static_cast<uint64_t>(row) * row_bytes;
    for (int64_t col = 0; col < matrix.cols; col += kElements, block += info.block_bytes) {
      const size_t at = ScaleIndex(matrix.scales, matrix.rows, row, col);
      const float offset = matrix.scales.offsets.empty() ? 0.0f : matrix.scales.offsets[at];
      EncodeBlock(*integer, matrix.codes.data() + row * matrix.cols + col,
                  Store(matrix.scales.values[at], offset), block);
    }
  });
  return bytes;
}

IntegerMatrix ReadIntegers(const TensorView& view) {
  const IntegerType* integer = FindIntegerType(view.type);
  TRIT_CHECK(integer != nullptr);
  CheckFinite(view);
  const TensorTypeInfo& info = InfoOf(view.type);
  const uint64_t row_bytes = RowBytes(view.type, view.cols);
  IntegerMatrix matrix{.rows = view.rows,
                       .cols = view.cols,
                       .codes = AlignedBuffer<int8_t>(static_cast<size_t>(view.rows * view.cols)),
                       .scales = {}};
  WeightScales blocks;
  blocks.values = AlignedBuffer<float>(static_cast<size_t>(view.rows * view.cols / kElements));
  if (integer->has_minimum) blocks.offsets = AlignedBuffer<float>(blocks.values.size());
  ParallelFor(view.rows, [&](int64_t row) {
    const uint8_t* block = view.bytes.data() + static_cast<uint64_t>(row) * row_bytes;
    for (int64_t col = 0; col < view.cols; col += kElements, block += info.block_bytes) {
      const StoredScale stored =
          DecodeBlock(*integer, block, matrix.codes.data() + row * view.cols + col);
      const auto at = static_cast<size_t>(col / kElements * view.rows + row);
      blocks.values[at] = F16ToF32(stored.scale);
      if (integer->has_minimum) blocks.offsets[at] = OffsetOf(stored);
    }
  });
  matrix.scales = Simplify(std::move(blocks), view.rows, view.cols);
  return matrix;
}

}  // namespace trit
