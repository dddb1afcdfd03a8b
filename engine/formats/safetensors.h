// Reads and writes safetensors, the files Hugging Face keeps weights in:
//   u64 length of the header, the header as JSON, the tensors' bytes without gaps
// https://github.com/huggingface/safetensors (README, "Format")
#ifndef TRIT_ENGINE_FORMATS_SAFETENSORS_H_
#define TRIT_ENGINE_FORMATS_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/files/input_file.h"
#include "engine/formats/tensor_file_writer.h"
#include "engine/tensors/tensor_type.h"
#include "ternary_kernels/aligned_buffer.h"

namespace trit {

enum class SafetensorsType : uint8_t { kF32, kF16, kBF16, kI64, kI32, kI8, kU8 };

std::string_view SafetensorsTypeName(SafetensorsType type);  // "BF16"
uint64_t SafetensorsTypeBytes(SafetensorsType type);         // of one element

struct SafetensorsInfo {
  std::string name;
  SafetensorsType type = SafetensorsType::kF32;
  std::vector<int64_t> shape;  // the slowest first: a matrix is {rows, cols}; empty for a scalar
  size_t file = 0;             // index into files(), and
  uint64_t offset = 0;         // bytes from the beginning of that file
  uint64_t size = 0;           // bytes

  int64_t NumElements() const;
};

// What a header may say besides its tensors.
using SafetensorsMetadata = std::map<std::string, std::string>;

// The tensors of one file, or of all files of a model.
class SafetensorsReader {
 public:
  // `path` is a .safetensors file, an index (model.safetensors.index.json), or a directory with
  // model.safetensors or such an index. Throws Error naming file and tensor.
  explicit SafetensorsReader(const std::string& path);

  const std::vector<InputFile>& files() const { return files_; }
  // In the order of the files, within a file by offset.
  const std::vector<SafetensorsInfo>& tensors() const { return tensors_; }
  const SafetensorsMetadata& metadata() const { return metadata_; }  // of the first file

  const SafetensorsInfo* FindTensor(std::string_view name) const;  // null if absent
  const SafetensorsInfo& RequireTensor(std::string_view name) const;
  // Which also must have this type and shape.
  const SafetensorsInfo& RequireTensor(std::string_view name, SafetensorsType type,
                                       std::span<const int64_t> shape) const;
  const std::string& PathOf(const SafetensorsInfo& tensor) const;

  // All bytes of a tensor; `bytes` has tensor.size of them. For several threads at once.
  void ReadTensor(const SafetensorsInfo& tensor, std::span<uint8_t> bytes) const;
  AlignedBuffer<uint8_t> ReadTensor(const SafetensorsInfo& tensor) const;
  // Bytes [offset, offset + bytes.size()) of a tensor.
  void ReadTensorRange(const SafetensorsInfo& tensor, uint64_t offset,
                       std::span<uint8_t> bytes) const;
  // Throws Error if the tensor is not of F32, F16 or BF16.
  TensorType FloatTypeOf(const SafetensorsInfo& tensor) const;
  // An F32, F16 or BF16 tensor as a matrix (rows: all dimensions but the last), over bytes that
  // ReadTensor filled. Throws Error if it is of another type.
  TensorView FloatView(const SafetensorsInfo& tensor, std::span<const uint8_t> bytes) const;

 private:
  void AddFile(const std::string& path);
  void AddIndex(const std::string& path);

  std::vector<InputFile> files_;
  std::vector<SafetensorsInfo> tensors_;
  SafetensorsMetadata metadata_;
  std::map<std::string, size_t, std::less<>> index_;
};

// Writes the header and returns a writer that expects the tensors in this order. Of each, name,
// type and shape are to be filled in. Throws Error if a name occurs twice or is not UTF-8, or if
// the file cannot be written.
TensorFileWriter CreateSafetensors(const std::string& path,
                                   std::span<const SafetensorsInfo> tensors,
                                   const SafetensorsMetadata& metadata = {});

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_SAFETENSORS_H_
