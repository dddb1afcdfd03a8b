#include "engine/tensors/integer_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/files/little_endian.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/scale_grid.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {

struct IntegerType {
  TensorType type;
  int32_t min_code, max_code;
  int32_t levels;  // neighbouring codes that a matrix may have
  bool has_minimum;

  bool Holds(CodeSpan span) const {
    return span.min >= min_code && span.max <= max_code && span.max - span.min < levels;
  }
  int64_t block_elements() const { return static_cast<int64_t>(InfoOf(type).block_elements); }
};

namespace {

constexpr int64_t kScaleBytes = 2;
constexpr int64_t kRowsPerTask = 64;

// In the order of preference.
constexpr IntegerType kIntegerTypes[] = {{TensorType::kQ2_0, -2, 2, 4, false},
                                         {TensorType::kQ4_0, -8, 7, 16, false},
                                         {TensorType::kQ4_1, -8, 7, 16, true},
                                         {TensorType::kQ8_0, -128, 127, 256, false}};

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

bool FitsBlocks(const IntegerType& integer, const WeightScales& scales, int64_t cols) {
  return SharedColumns(scales, cols) % integer.block_elements() == 0;
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

// Two bits are for -1 to 2 times the scale, so a block that has -2 times it is of its negatives.
// Trits have a positive scale, and 0 where it is 0, as readers of trits ask for.
void EncodeQ2_0(const int8_t* codes, StoredScale stored, uint8_t* block) {
  constexpr uint16_t kSign = 0x8000;
  const auto magnitude = static_cast<uint16_t>(stored.scale & ~kSign);
  const int sign = magnitude == 0 ? 0 : stored.scale == magnitude ? 1 : -1;
  const bool negated = std::any_of(codes, codes + 64, [&](int8_t c) { return sign * c == -2; });
  StoreLittleEndian(static_cast<uint16_t>(negated ? magnitude | kSign : magnitude), block);
  block += kScaleBytes;
  std::fill_n(block, 16, uint8_t{0});
  for (int j = 0; j < 64; ++j) {
    const int field = 1 + (negated ? -sign : sign) * codes[j];
    block[j / 4] = static_cast<uint8_t>(block[j / 4] | field << 2 * (j % 4));
  }
}

void DecodeQ2_0(const uint8_t* block, int8_t* codes) {
  const bool negated = block[1] >> 7 != 0;
  block += kScaleBytes;
  for (int j = 0; j < 64; ++j) {
    const int code = (block[j / 4] >> 2 * (j % 4) & 3) - 1;
    codes[j] = static_cast<int8_t>(negated ? -code : code);
  }
}

void EncodeBlock(const IntegerType& integer, const int8_t* codes, StoredScale stored,
                 uint8_t* block) {
  if (integer.type == TensorType::kQ2_0) {
    EncodeQ2_0(codes, stored, block);
    return;
  }
  StoreLittleEndian(stored.scale, block);
  block += kScaleBytes;
  if (integer.type == TensorType::kQ8_0) {
    std::copy_n(reinterpret_cast<const uint8_t*>(codes), 32, block);
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

StoredScale LoadScale(const IntegerType& integer, const uint8_t* block) {
  return {LoadLittleEndian<uint16_t>(block),
          integer.has_minimum ? LoadLittleEndian<uint16_t>(block + kScaleBytes) : uint16_t{0}};
}

void DecodeBlock(const IntegerType& integer, const uint8_t* block, int8_t* codes) {
  if (integer.type == TensorType::kQ2_0) {
    DecodeQ2_0(block, codes);
    return;
  }
  block += integer.has_minimum ? 2 * kScaleBytes : kScaleBytes;
  if (integer.type == TensorType::kQ8_0) {
    std::copy_n(block, 32, reinterpret_cast<uint8_t*>(codes));
    return;
  }
  for (int j = 0; j < 16; ++j) {
    codes[j] = static_cast<int8_t>((block[j] & 15) - 8);
    codes[j + 16] = static_cast<int8_t>((block[j] >> 4) - 8);
  }
}

[[noreturn]] void ThrowUnfit(const TensorOrigin& origin, const IntegerMatrix& matrix,
                             ErrorInfo info) {
  info.file = origin.file;
  info.tensor = origin.tensor;
  const std::optional<TensorType> fitting =
      IntegerTypeFor(SpanOf(matrix.codes.span()), matrix.cols, matrix.scales);
  info.hint = fitting ? fmt::format("{} fits", InfoOf(*fitting).name)
                      : "q4_0 and q8_0 hold codes with a scale for 32 columns or a multiple, q2_0 "
                        "-2 to 1 with one for a multiple of 64, q4_1 "
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
  for (const IntegerType& integer : kIntegerTypes) {
    if (integer.Holds(span) && FitsBlocks(integer, scales, cols) &&
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
  if (!integer->Holds(span)) {
    const int32_t max = integer->min_code + integer->levels - 1;
    ThrowUnfit(origin, matrix,
               {.what = fmt::format("codes do not fit {}", info.name),
                .expected = fmt::format("{} to {}", integer->min_code, max),
                .found = fmt::format("{} to {}", span.min, span.max)});
  }
  if (!matrix.scales.offsets.empty() && !integer->has_minimum) {
    ThrowUnfit(origin, matrix, {.what = fmt::format("{} has no offsets", info.name)});
  }
  const int64_t elements = integer->block_elements();
  if (!FitsBlocks(*integer, matrix.scales, matrix.cols)) {
    ThrowUnfit(origin, matrix,
               {.what = fmt::format("scales do not fit {}", info.name),
                .expected = fmt::format("one for a multiple of {} columns", elements),
                .found = fmt::format("one for {}", SharedColumns(matrix.scales, matrix.cols))});
  }
  CheckScales(matrix, info, origin);
  const uint64_t row_bytes = RowBytes(type, matrix.cols);
  AlignedBuffer<uint8_t> bytes(static_cast<uint64_t>(matrix.rows) * row_bytes);
  ParallelFor(matrix.rows, [&](int64_t row) {
    uint8_t* block = bytes.data() + static_cast<uint64_t>(row) * row_bytes;
    for (int64_t col = 0; col < matrix.cols; col += elements, block += info.block_bytes) {
      const size_t at = ScaleIndex(matrix.scales, matrix.rows, row, col);
      const float offset = matrix.scales.offsets.empty() ? 0.0f : matrix.scales.offsets[at];
      EncodeBlock(*integer, matrix.codes.data() + row * matrix.cols + col,
                  Store(matrix.scales.values[at], offset), block);
    }
  });
  return bytes;
}

IntegerTensor::IntegerTensor(TensorView view)
    : view_(std::move(view)), type_(FindIntegerType(view_.type)) {
  TRIT_CHECK(type_ != nullptr);
  CheckFinite(view_);
}

CodeSpan IntegerTensor::span() const { return {type_->min_code, type_->max_code}; }

int32_t IntegerTensor::levels() const { return type_->levels; }

const uint8_t* IntegerTensor::Block(int64_t row, int64_t block) const {
  return view_.bytes.data() + static_cast<uint64_t>(row) * RowBytes(view_.type, view_.cols) +
         static_cast<uint64_t>(block) * InfoOf(view_.type).block_bytes;
}

WeightScales IntegerTensor::ReadScales() const {
  const int64_t num_blocks = view_.cols / type_->block_elements();
  ScaleGrid scales(view_.rows, num_blocks, type_->has_minimum);
  ParallelFor(view_.rows, [&](int64_t row) {
    for (int64_t block = 0; block < num_blocks; ++block) {
      const StoredScale stored = LoadScale(*type_, Block(row, block));
      const float scale = F16ToF32(stored.scale);
      if (type_->has_minimum) {
        scales.Set(row, block, scale, OffsetOf(stored));
      } else {
        // A negative one of q2_0 says that the codes are negated.
        const bool magnitude = type_->type == TensorType::kQ2_0;
        scales.Set(row, block, magnitude ? std::abs(scale) : scale, true);
      }
    }
  });
  return scales.Simplify(view_.cols);
}

void IntegerTensor::DecodeCodes(int64_t row, int8_t* codes) const {
  const int64_t elements = type_->block_elements();
  for (int64_t block = 0; block < view_.cols / elements; ++block) {
    DecodeBlock(*type_, Block(row, block), codes + block * elements);
  }
}

std::vector<int64_t> IntegerTensor::CountCodes() const {
  std::vector<int64_t> counts(static_cast<size_t>(type_->max_code - type_->min_code + 1));
  std::mutex mutex;
  ParallelForBlocks(view_.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> own(counts.size());
    std::vector<int8_t> codes(static_cast<size_t>(view_.cols));
    for (int64_t row = begin; row < end; ++row) {
      DecodeCodes(row, codes.data());
      for (const int8_t code : codes) ++own[static_cast<size_t>(code - type_->min_code)];
    }
    const std::lock_guard lock(mutex);
    std::transform(own.begin(), own.end(), counts.begin(), counts.begin(), std::plus<>());
  });
  return counts;
}

}  // namespace trit
