// The tensor data of a model file that is being written: every declared tensor once, in the order
// declared, whole or piece by piece, so that no more than a piece need be in memory. Made by
// CreateGguf and CreateSafetensors, which write the header. The file appears when it is complete.
#ifndef TRIT_ENGINE_FORMATS_TENSOR_FILE_WRITER_H_
#define TRIT_ENGINE_FORMATS_TENSOR_FILE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/files/output_file.h"

namespace trit {

class TensorFileWriter {
 public:
  struct Tensor {
    std::string name;
    uint64_t size = 0;     // bytes
    uint64_t padding = 0;  // zero bytes after it
  };

  // `file` has been written up to the first tensor.
  TensorFileWriter(OutputFile file, std::vector<Tensor> tensors);

  // To be called with the names in the order declared; then Append until the tensor is complete.
  // Anything else is a bug.
  void BeginTensor(std::string_view name);
  void Append(std::span<const uint8_t> bytes);
  // Both for a tensor in one piece.
  void WriteTensor(std::string_view name, std::span<const uint8_t> bytes);

  // Once, when every tensor is written. Throws Error as OutputFile does.
  void Commit();

 private:
  OutputFile file_;
  std::vector<Tensor> tensors_;
  size_t next_ = 0;       // tensor that BeginTensor expects
  uint64_t missing_ = 0;  // bytes of the tensor begun
};

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_TENSOR_FILE_WRITER_H_
