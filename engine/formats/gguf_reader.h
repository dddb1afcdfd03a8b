// Reads GGUF files, versions 2 and 3. The whole header is checked when a file is opened: whatever
// it claims is compared with the size of the file before it is believed. The bytes of tensors are
// read when asked for; what they mean is for float_codec.h and ternary_tensor.h to check.
#ifndef TRIT_ENGINE_FORMATS_GGUF_READER_H_
#define TRIT_ENGINE_FORMATS_GGUF_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/files/input_file.h"
#include "engine/formats/gguf_format.h"
#include "engine/formats/gguf_metadata.h"
#include "engine/tensors/tensor_type.h"
#include "engine/tensors/ternary_codec.h"
#include "ternary_kernels/aligned_buffer.h"

namespace trit {

class GgufReader {
 public:
  // Throws Error naming file, key or tensor, and the offset where that helps.
  explicit GgufReader(const std::string& path);

  const std::string& path() const { return file_.path(); }
  uint64_t file_size() const { return file_.size(); }
  uint32_t version() const { return version_; }
  const GgufMetadata& metadata() const { return metadata_; }
  // In the order of the file. A type may be one that cannot be decoded; codecs refuse it.
  const std::vector<GgufTensorInfo>& tensors() const { return tensors_; }

  const GgufTensorInfo* FindTensor(std::string_view name) const;  // null if absent
  const GgufTensorInfo& RequireTensor(std::string_view name) const;

  // All bytes of a tensor; `bytes` has tensor.size of them. For several threads at once.
  void ReadTensor(const GgufTensorInfo& tensor, std::span<uint8_t> bytes) const;
  AlignedBuffer<uint8_t> ReadTensor(const GgufTensorInfo& tensor) const;
  // Bytes [offset, offset + bytes.size()) of a tensor.
  void ReadTensorRange(const GgufTensorInfo& tensor, uint64_t offset,
                       std::span<uint8_t> bytes) const;
  // The tensor as a matrix, over bytes that ReadTensor filled.
  TensorView View(const GgufTensorInfo& tensor, std::span<const uint8_t> bytes) const;

 private:
  InputFile file_;
  uint32_t version_ = 0;
  GgufMetadata metadata_;
  std::vector<GgufTensorInfo> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
};

// The layout of a file's i2_s tensors: `asked`, or if that is kAuto what fits all of them.
I2sLayout ChooseI2sLayout(const GgufReader& reader, I2sLayout asked);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_READER_H_
