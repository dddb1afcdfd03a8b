// What the GGUF reader and writer have to agree on: the limits of the format, how its tensors are
// named and where they lie. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#ifndef TRIT_ENGINE_FORMATS_GGUF_FORMAT_H_
#define TRIT_ENGINE_FORMATS_GGUF_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensors/tensor_type.h"

namespace trit {

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr uint32_t kGgufVersion = 3;

// Limits against files made to exhaust memory. Real ones stay far below: a large vocabulary makes a
// header of about 20 MiB.
inline constexpr uint64_t kMaxGgufHeaderBytes = uint64_t{256} << 20;
inline constexpr uint64_t kMaxGgufKeys = 65536;
inline constexpr uint64_t kMaxGgufTensors = 65536;
inline constexpr uint64_t kMaxGgufKeyBytes = 65535;      // the format's own
inline constexpr uint64_t kMaxGgufTensorNameBytes = 63;  // ggml's, with a terminating zero 64
inline constexpr size_t kMaxGgufDims = 4;
inline constexpr int64_t kMaxGgufDim = int64_t{1} << 31;

struct GgufTensorInfo {
  std::string name;
  TensorType type = TensorType::kF32;
  std::vector<int64_t> dims;  // the fastest first: a matrix is {cols, rows}
  uint64_t offset = 0;        // bytes, from the beginning of the file
  uint64_t size = 0;          // bytes, without the padding after it

  int64_t cols() const { return dims[0]; }
  int64_t rows() const;  // product of all other dims
};

// Whether a key or name consists of printable ASCII without blanks, and of at least a character.
bool IsPrintableName(std::string_view name);

// Checks names (present, not too long, printable, unique), dims, and sizes, and sets each size and
// offset: the tensors follow each other from `data_offset`, each padded to the alignment. Returns
// the end of the last one's padding. Throws Error naming file and tensor.
uint64_t PlaceGgufTensors(std::span<GgufTensorInfo> tensors, uint64_t data_offset,
                          uint64_t alignment, const std::string& file);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_FORMAT_H_
