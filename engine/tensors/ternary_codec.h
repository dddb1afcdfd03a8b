// How the ternary tensor types lie in memory: one TernaryCodec a type, all that reading
// (ternary_tensor.h) and writing (encode_ternary.h) need to know of it.
#ifndef TRIT_ENGINE_TENSORS_TERNARY_CODEC_H_
#define TRIT_ENGINE_TENSORS_TERNARY_CODEC_H_

#include <cstdint>

#include "engine/tensors/tensor_type.h"

namespace trit {

// Which weights share a stored scale, and where it lies.
enum class ScaleStorage : uint8_t {
  kBlock,   // in each block
  kRow,     // in the row's header
  kTensor,  // in the tensor's tail
};

// A row is its header and its blocks, each of block_elements trits.
struct TernaryCodec {
  int64_t block_elements;  // at most kMaxTernaryBlock
  int64_t block_bytes;
  // trits: (block_elements) in {-1, 0, 1}. Returns whether every code of the block stands for one.
  bool (*decode)(const uint8_t* block, int8_t* trits);
  // Leaves the bytes of a scale alone.
  void (*encode)(const int8_t* trits, uint8_t* block);
  ScaleStorage scale_storage;
  int64_t scale_offset;   // in the block, header or tail
  TensorType scale_type;  // kF16 or kF32
};

inline constexpr int64_t kMaxTernaryBlock = 256;

extern const TernaryCodec kTQ1_0Codec;
extern const TernaryCodec kTQ2_0Codec;
extern const TernaryCodec kI2_SCodec;    // groups of 128 in 32 bytes
extern const TernaryCodec kI2_S64Codec;  // groups of 64 in 16 bytes
extern const TernaryCodec kIQ1_BNCodec;
extern const TernaryCodec kIQ2_BNCodec;
extern const TernaryCodec kQ2_0TernaryCodec;  // of blocks without the code 3

// The two layouts of i2_s, between which a file does not tell. kAuto reads groups of 128, which
// every published file has, or of 64 (bitnet.cpp built for ARM) where only those fit the rows; it
// writes groups of 128. One program wrote all tensors of a file, so loaders choose for the file
// (ChooseI2sLayout, gguf_reader.h).
enum class I2sLayout : uint8_t { kAuto, k128, k64 };

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_TERNARY_CODEC_H_
