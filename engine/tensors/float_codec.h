// Floating-point tensor types: f32, f16, bf16 and block types, to and from rows of floats. Ternary
// types are ternary_codec.h's.
#ifndef TRIT_ENGINE_TENSORS_FLOAT_CODEC_H_
#define TRIT_ENGINE_TENSORS_FLOAT_CODEC_H_

#include <cstdint>

#include "engine/tensors/tensor_type.h"
#include "ternary_kernels/aligned_buffer.h"

namespace trit {

// IEEE 754 binary16. Every value is exact as a float; the way back rounds to nearest, ties to even,
// overflows to infinity and keeps subnormals, signs and NaNs.
float F16ToF32(uint16_t bits);
uint16_t F32ToF16(float value);
// bfloat16, the upper half of a float; rounds alike.
float BF16ToF32(uint16_t bits);
uint16_t F32ToBF16(float value);

// `n` values, a multiple of the type's block_elements, at any alignment.
struct FloatCodec {
  void (*decode)(const uint8_t* bytes, int64_t n, float* values);
  // Null: floats are not written as this type. Of finite values.
  void (*encode)(const float* values, int64_t n, uint8_t* bytes);
};

extern const FloatCodec kF32Codec;
extern const FloatCodec kF16Codec;
extern const FloatCodec kBF16Codec;
// f16 scale d = max|x| / 127, then 32 int8: round(x / d), halves away from zero, as ggml does.
extern const FloatCodec kQ8_0Codec;
extern const FloatCodec kQ4_0Codec;  // block_codec.cc
extern const FloatCodec kQ4_1Codec;
extern const FloatCodec kQ2_0Codec;
extern const FloatCodec kQ6_KCodec;  // q6_k_codec.cc

// Blocks that are exactly blocks of q8_0, byte for number: q4_0 and q2_0 hold smaller integers
// under scales of the same type. bytes: of `n` values; q8_0: RowBytes of as many.
bool HasExactQ8_0(TensorType type);
void ConvertToQ8_0(TensorType type, const uint8_t* bytes, int64_t n, uint8_t* q8_0);

// Row `row` of a tensor of a floating-point type; values: (view.cols). For several threads at once.
void DecodeFloats(const TensorView& view, int64_t row, float* values);

// Throws Error naming file, tensor and place if a value is NaN or infinite, or if the type is none
// of floating point.
void CheckFinite(const TensorView& view);

// Rows of floats as `type`; values: (rows, cols). A large matrix may be encoded in runs of rows:
// their bytes, one after the other, are the tensor's. Throws UsageError if the type does not fit
// (none that is written, rows no multiple of its blocks), Error if a value is not finite in `type`.
AlignedBuffer<uint8_t> EncodeFloats(TensorType type, int64_t rows, int64_t cols,
                                    const float* values, const TensorOrigin& origin);

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_FLOAT_CODEC_H_
