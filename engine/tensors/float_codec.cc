#include "engine/tensors/float_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/error.h"
#include "engine/files/little_endian.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kQ8Elements = 32;
constexpr int64_t kQ8Bytes = 34;

// Values decoded at a time where only their finiteness matters; a multiple of every block.
constexpr int64_t kCheckedValues = 1024;
constexpr int64_t kRowsPerTask = 16;

void DecodeF32(const uint8_t* bytes, int64_t n, float* values) {
  std::memcpy(values, bytes, static_cast<size_t>(n) * sizeof(float));
}

void EncodeF32(const float* values, int64_t n, uint8_t* bytes) {
  std::memcpy(bytes, values, static_cast<size_t>(n) * sizeof(float));
}

template <float (*kToFloat)(uint16_t)>
void Decode16(const uint8_t* bytes, int64_t n, float* values) {
  for (int64_t i = 0; i < n; ++i) values[i] = kToFloat(LoadLittleEndian<uint16_t>(bytes + 2 * i));
}

template <uint16_t (*kFromFloat)(float)>
void Encode16(const float* values, int64_t n, uint8_t* bytes) {
  for (int64_t i = 0; i < n; ++i) StoreLittleEndian(kFromFloat(values[i]), bytes + 2 * i);
}

void DecodeQ8(const uint8_t* bytes, int64_t n, float* values) {
  for (int64_t i = 0; i < n; i += kQ8Elements, bytes += kQ8Bytes, values += kQ8Elements) {
    const float scale = F16ToF32(LoadLittleEndian<uint16_t>(bytes));
    for (int64_t j = 0; j < kQ8Elements; ++j) {
      values[j] = scale * static_cast<float>(static_cast<int8_t>(bytes[2 + j]));
    }
  }
}

void EncodeQ8(const float* values, int64_t n, uint8_t* bytes) {
  for (int64_t i = 0; i < n; i += kQ8Elements, bytes += kQ8Bytes, values += kQ8Elements) {
    float max = 0.0f;
    for (int64_t j = 0; j < kQ8Elements; ++j) max = std::max(max, std::fabs(values[j]));
    const float scale = max / 127.0f;
    // Below this the reciprocal overflows; so small a scale is 0 in f16 anyway.
    const float inverse = scale > 0x1p-126f ? 1.0f / scale : 0.0f;
    StoreLittleEndian(F32ToF16(scale), bytes);
    for (int64_t j = 0; j < kQ8Elements; ++j) {
      // Clamped because the conversion of NaN or infinity would be undefined; EncodeFloats refuses
      // them before they get here.
      const float code = std::round(values[j] * inverse);
      bytes[2 + j] = static_cast<uint8_t>(
          static_cast<int8_t>(code >= -127.0f ? std::min(code, 127.0f) : -127.0f));
    }
  }
}

// Index of the first NaN or infinity, or -1.
int64_t FirstNonFinite(const float* values, int64_t n) {
  constexpr uint32_t kExponent = 0x7f800000;
  bool all_finite = true;
  for (int64_t i = 0; i < n; ++i) {
    all_finite &= (std::bit_cast<uint32_t>(values[i]) & kExponent) != kExponent;
  }
  if (all_finite) return -1;
  for (int64_t i = 0;; ++i) {
    if (!std::isfinite(values[i])) return i;
  }
}

// Column of the first value of a row that is not finite, or -1. Without allocation, so that it may
// run inside a parallel loop.
int64_t FirstNonFinite(const TensorView& view, const FloatCodec& codec, int64_t row) {
  const uint8_t* bytes =
      view.bytes.data() + static_cast<uint64_t>(row) * RowBytes(view.type, view.cols);
  float values[kCheckedValues];
  for (int64_t col = 0; col < view.cols; col += kCheckedValues) {
    const int64_t n = std::min(kCheckedValues, view.cols - col);
    codec.decode(bytes + RowBytes(view.type, col), n, values);
    const int64_t found = FirstNonFinite(values, n);
    if (found >= 0) return col + found;
  }
  return -1;
}

// Throws unless view's values are all finite; `what` says where they came from.
void CheckFinite(const TensorView& view, const FloatCodec& codec, const char* what) {
  std::atomic<int64_t> first_row{view.rows};
  ParallelForBlocks(view.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (FirstNonFinite(view, codec, row) < 0) continue;
      int64_t seen = first_row;
      while (row < seen && !first_row.compare_exchange_weak(seen, row)) {
      }
      return;
    }
  });
  const int64_t row = first_row;
  if (row == view.rows) return;
  throw Error(ErrorInfo{
      .what = fmt::format("{} in row {}, column {}", what, row, FirstNonFinite(view, codec, row)),
      .file = view.origin.file,
      .tensor = view.origin.tensor,
      .expected = "finite values"});
}

void CheckView(const TensorView& view) {
  const int64_t dims[] = {view.cols, view.rows};
  TRIT_CHECK(TensorBytes(view.type, dims) == view.bytes.size());
}

}  // namespace

float F16ToF32(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 31;
  const uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: multiples of 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  const uint32_t wide_exponent = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide_exponent << 23 | mantissa << 13);
}

uint16_t F32ToF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  uint32_t half;
  if (magnitude > 0x7f800000) {  // NaN: what fits of the payload, and quiet so that it stays one
    half = 0x7e00 | (magnitude >> 13 & 0x1ff);
  } else if (magnitude >= std::bit_cast<uint32_t>(65520.0f)) {  // halfway from the largest to 2^16
    half = 0x7c00;
  } else if (magnitude < std::bit_cast<uint32_t>(0x1p-14f)) {
    // Subnormal. Floats in [0.5, 1) are 2^-24 apart, as f16 subnormals are: the addition rounds.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    half = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f);
  } else {
    const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    half = (rounded >> 13) - ((127 - 15) << 10);
  }
  return static_cast<uint16_t>(sign | half);
}

float BF16ToF32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t F32ToBF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

const FloatCodec kF32Codec = {DecodeF32, EncodeF32};
const FloatCodec kF16Codec = {Decode16<F16ToF32>, Encode16<F32ToF16>};
const FloatCodec kBF16Codec = {Decode16<BF16ToF32>, Encode16<F32ToBF16>};
const FloatCodec kQ8_0Codec = {DecodeQ8, EncodeQ8};

void DecodeFloats(const TensorView& view, int64_t row, float* values) {
  const FloatCodec* codec = InfoOf(view.type).float_codec;
  TRIT_CHECK(codec != nullptr && row >= 0 && row < view.rows);
  const uint64_t row_bytes = RowBytes(view.type, view.cols);
  codec->decode(view.bytes.data() + static_cast<uint64_t>(row) * row_bytes, view.cols, values);
}

void CheckFinite(const TensorView& view) {
  CheckView(view);
  RequireDecodable(view.type, view.origin);
  const TensorTypeInfo& info = InfoOf(view.type);
  if (info.float_codec == nullptr) {
    throw Error(ErrorInfo{.what = "wrong tensor type",
                          .file = view.origin.file,
                          .tensor = view.origin.tensor,
                          .expected = "a floating-point type",
                          .found = std::string(info.name)});
  }
  CheckFinite(view, *info.float_codec, "value is NaN or infinite");
}

AlignedBuffer<uint8_t> EncodeFloats(TensorType type, int64_t rows, int64_t cols,
                                    const float* values, const TensorOrigin& origin) {
  const TensorTypeInfo& info = InfoOf(type);
  const FloatCodec* codec = info.float_codec;
  if (codec == nullptr || codec->encode == nullptr) {
    throw UsageError(ErrorInfo{.what = fmt::format("floats cannot be written as {}", info.name),
                               .file = origin.file,
                               .tensor = origin.tensor,
                               .expected = "f32, f16, bf16, q8_0 or q6_k"});
  }
  const int64_t dims[] = {cols, rows};
  const std::optional<uint64_t> size = TensorBytes(type, dims);
  if (!size) {
    throw UsageError(ErrorInfo{.what = fmt::format("row length does not fit {}", info.name),
                               .file = origin.file,
                               .tensor = origin.tensor,
                               .expected = fmt::format("a multiple of {}", info.block_elements),
                               .found = fmt::format("{}", cols),
                               .hint = "f32, f16 and bf16 take rows of any length"});
  }
  // The values first: a block type would turn a NaN into a wrong number.
  const uint64_t value_bytes = static_cast<uint64_t>(rows) * static_cast<uint64_t>(cols) * 4;
  CheckFinite(TensorView{.origin = origin,
                         .type = TensorType::kF32,
                         .rows = rows,
                         .cols = cols,
                         .bytes = {reinterpret_cast<const uint8_t*>(values), value_bytes}});
  AlignedBuffer<uint8_t> bytes(*size);
  const uint64_t row_bytes = RowBytes(type, cols);
  ParallelForBlocks(rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      codec->encode(values + row * cols, cols,
                    bytes.data() + static_cast<uint64_t>(row) * row_bytes);
    }
  });
  CheckFinite(
      TensorView{.origin = origin, .type = type, .rows = rows, .cols = cols, .bytes = bytes.span()},
      *codec, fmt::format("value is too large for {}", info.name).c_str());
  return bytes;
}

}  // namespace trit
