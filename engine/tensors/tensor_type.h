// The types a tensor can have in a GGUF file: one table of names, sizes and codecs. A new type is
// an enumerator, a row in tensor_type.cc and a codec; integer_tensor.cc has a row for each that can
// hold integers; nothing else asks which type it has before it.
#ifndef TRIT_ENGINE_TENSORS_TENSOR_TYPE_H_
#define TRIT_ENGINE_TENSORS_TENSOR_TYPE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trit {

struct FloatCodec;    // float_codec.h
struct TernaryCodec;  // ternary_codec.h

// The values are the ids in GGUF files. 36 to 38 are bitnet.cpp's (retired in ggml before they came
// into use there), 39 is tl2 in bitnet.cpp's files and mxfp4 in ggml's, 134 and up are
// ik_llama.cpp's.
enum class TensorType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kI2_S = 36,
  kTL1 = 38,
  kTL2 = 39,
  kQ1_0 = 41,
  kQ2_0 = 42,
  kIQ1_BN = 134,
  kIQ2_BN = 135,
  kIQ2_BN_R4 = 335,
};

// A row of `n` elements takes row_header_bytes + n / block_elements * block_bytes; a tensor its
// rows, one after the other, and tensor_tail_bytes.
struct TensorTypeInfo {
  TensorType type;
  std::string_view name;    // "tq2_0"
  int32_t file_type;        // general.file_type of a model written in this type; -1: none is
  uint64_t block_elements;  // 0: the size does not follow from the shape
  uint64_t block_bytes;
  uint64_t row_header_bytes;
  uint64_t tensor_tail_bytes;
  // Neither: the type is known but cannot be read, and `advice` says what a user can do. Both
  // (q2_0): blocks may hold trits alone or other numbers, too.
  const FloatCodec* float_codec;
  const TernaryCodec* ternary_codec;
  std::string_view advice;
};

// All known types, in the order of their ids.
std::span<const TensorTypeInfo> TensorTypes();

// Null if there is no such type.
const TensorTypeInfo* FindTensorType(uint32_t id);
const TensorTypeInfo* FindTensorType(std::string_view name);
const TensorTypeInfo& InfoOf(TensorType type);

// Where a tensor came from, for the messages of errors.
struct TensorOrigin {
  std::string file;
  std::string tensor;
};

// Throws Error, with what to do, if tensors of this type cannot be decoded.
void RequireDecodable(TensorType type, const TensorOrigin& origin);

// Bytes of a row of `cols` elements, which must be a multiple of block_elements.
uint64_t RowBytes(TensorType type, int64_t cols);

// Bytes of a tensor; `dims` as GGUF has them, the fastest first, each at least 1. Nothing if a row
// is no whole number of blocks, if the size does not follow from the shape, or if it overflows.
std::optional<uint64_t> TensorBytes(TensorType type, std::span<const int64_t> dims);

// One tensor's bytes as its file has them, seen as a matrix: rows of `cols` elements.
struct TensorView {
  TensorOrigin origin;
  TensorType type = TensorType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  std::span<const uint8_t> bytes;  // TensorBytes of {cols, rows}; must outlive the view
};

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_TENSOR_TYPE_H_
