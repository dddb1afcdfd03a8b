#include "engine/tensors/encode_ternary.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/files/little_endian.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_tensor.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kRowsPerTask = 16;

bool ScalesFit(const TernaryCodec& codec, int64_t cols, const WeightScales& scales) {
  if (!scales.offsets.empty()) return false;
  switch (codec.scale_storage) {
    case ScaleStorage::kBlock:
      return scales.kind != ScaleKind::kGroup || scales.group_size % codec.block_elements == 0;
    case ScaleStorage::kRow:
      return scales.kind != ScaleKind::kGroup || scales.group_size == cols;
    case ScaleStorage::kTensor:
      return std::all_of(scales.values.begin(), scales.values.end(),
                         [&](float scale) { return scale == scales.values[0]; });
  }
  return false;
}

std::string ScalesOf(const TernaryCodec& codec) {
  switch (codec.scale_storage) {
    case ScaleStorage::kBlock:
      return fmt::format("one scale for {} weights of a row", codec.block_elements);
    case ScaleStorage::kRow:
      return "one scale a row";
    case ScaleStorage::kTensor:
      return "one scale a tensor";
  }
  return "";
}

std::string NamesOfTypesThatHold(int64_t cols, const WeightScales& scales) {
  std::string names;
  for (const TensorTypeInfo& info : TensorTypes()) {
    if (!HoldsTernary(info.type, cols, scales)) continue;
    names += names.empty() ? "" : ", ";
    names += info.name;
  }
  return names.empty() ? "no ternary type fits; f32, f16 and bf16 do" : "what fits: " + names;
}

[[noreturn]] void ThrowUnfit(const TensorOrigin& origin, int64_t cols, const WeightScales& scales,
                             ErrorInfo info) {
  info.file = origin.file;
  info.tensor = origin.tensor;
  info.hint = NamesOfTypesThatHold(cols, scales);
  throw UsageError(std::move(info));
}

// A scale as `type` stores it, and as it is read back.
float RoundScale(float scale, TensorType type) {
  return type == TensorType::kF16 ? F16ToF32(F32ToF16(scale)) : scale;
}

void CheckScales(const TernaryCodec& codec, const TensorTypeInfo& info, const WeightScales& scales,
                 const TensorOrigin& origin) {
  for (const float scale : scales.values) {
    const float stored = RoundScale(scale, codec.scale_type);
    if (scale >= 0.0f && std::isfinite(stored) && (stored > 0.0f || scale == 0.0f)) continue;
    throw Error(ErrorInfo{.what = fmt::format("scale cannot be written as {}", info.name),
                          .file = origin.file,
                          .tensor = origin.tensor,
                          .expected = codec.scale_type == TensorType::kF16
                                          ? "0, or 6e-8 to 65504"
                                          : "a finite number, 0 or more",
                          .found = fmt::format("{}", scale)});
  }
}

void StoreScale(float scale, const TernaryCodec& codec, uint8_t* place) {
  place += codec.scale_offset;
  if (codec.scale_type == TensorType::kF16) {
    StoreLittleEndian(F32ToF16(scale), place);
  } else {
    StoreLittleEndian(scale, place);
  }
}

size_t NumScales(const WeightScales& scales, int64_t rows, int64_t cols) {
  if (scales.kind == ScaleKind::kTensor) return 1;
  if (scales.kind == ScaleKind::kRow) return static_cast<size_t>(rows);
  TRIT_CHECK(scales.group_size > 0 && cols % scales.group_size == 0);
  return static_cast<size_t>(rows * (cols / scales.group_size));
}

}  // namespace

bool HoldsTernary(TensorType type, int64_t cols, const WeightScales& scales) {
  const TernaryCodec* codec = InfoOf(type).ternary_codec;
  return codec != nullptr && cols % codec->block_elements == 0 && ScalesFit(*codec, cols, scales);
}

AlignedBuffer<uint8_t> EncodeTernary(TensorType type, int64_t rows, int64_t cols,
                                     const int8_t* trits, const WeightScales& scales,
                                     const TensorOrigin& origin, I2sLayout layout) {
  TRIT_CHECK(rows > 0 && cols > 0 && scales.values.size() == NumScales(scales, rows, cols));
  const TensorTypeInfo& info = InfoOf(type);
  if (info.ternary_codec == nullptr) {
    ThrowUnfit(origin, cols, scales,
               {.what = fmt::format("trits cannot be written as {}", info.name)});
  }
  const bool groups_of_64 = type == TensorType::kI2_S && layout == I2sLayout::k64;
  const TernaryCodec& codec = groups_of_64 ? kI2_S64Codec : *info.ternary_codec;
  if (cols % codec.block_elements != 0) {
    ThrowUnfit(origin, cols, scales,
               {.what = fmt::format("row length does not fit {}", info.name),
                .expected = fmt::format("a multiple of {}", codec.block_elements),
                .found = fmt::format("{}", cols)});
  }
  CheckScales(codec, info, scales, origin);
  if (!ScalesFit(codec, cols, scales)) {
    ThrowUnfit(origin, cols, scales,
               {.what = fmt::format("{} cannot hold so many scales", info.name),
                .expected = ScalesOf(codec),
                .found = fmt::format("{} scales{}", scales.values.size(),
                                     scales.offsets.empty() ? "" : " with offsets")});
  }

  const int64_t dims[] = {cols, rows};
  AlignedBuffer<uint8_t> bytes(TensorBytes(type, dims).value());
  const uint64_t row_bytes = RowBytes(type, cols);
  std::atomic<bool> all_trits{true};
  ParallelForBlocks(rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      uint8_t* const row_start = bytes.data() + static_cast<uint64_t>(row) * row_bytes;
      if (codec.scale_storage == ScaleStorage::kRow) {
        StoreScale(scales.values[ScaleIndex(scales, rows, row, 0)], codec, row_start);
      }
      uint8_t* block = row_start + info.row_header_bytes;
      for (int64_t col = 0; col < cols; col += codec.block_elements, block += codec.block_bytes) {
        const int8_t* const from = trits + row * cols + col;
        if (!std::all_of(from, from + codec.block_elements,
                         [](int8_t trit) { return trit >= -1 && trit <= 1; })) {
          all_trits = false;
        }
        codec.encode(from, block);
        if (codec.scale_storage == ScaleStorage::kBlock) {
          StoreScale(scales.values[ScaleIndex(scales, rows, row, col)], codec, block);
        }
      }
    }
  });
  TRIT_CHECK(all_trits);
  if (codec.scale_storage == ScaleStorage::kTensor) {
    StoreScale(scales.values[0], codec, bytes.data() + static_cast<uint64_t>(rows) * row_bytes);
  }
  // What is written can be read: this finds a scale of 0 where a trit is not.
  TernaryTensor({.origin = origin, .type = type, .rows = rows, .cols = cols, .bytes = bytes.span()},
                layout)
      .CheckAndReadScales();
  return bytes;
}

}  // namespace trit
