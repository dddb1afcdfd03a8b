#include "engine/formats/tensor_file_writer.h"

#include <utility>

#include "ternary_kernels/check.h"

namespace trit {

TensorFileWriter::TensorFileWriter(OutputFile file, std::vector<Tensor> tensors)
    : file_(std::move(file)), tensors_(std::move(tensors)) {}

void TensorFileWriter::BeginTensor(std::string_view name) {
  TRIT_CHECK(missing_ == 0 && next_ < tensors_.size() && tensors_[next_].name == name);
  missing_ = tensors_[next_++].size;
}

void TensorFileWriter::Append(std::span<const uint8_t> bytes) {
  TRIT_CHECK(bytes.size() <= missing_);
  file_.Write(bytes.data(), bytes.size());
  missing_ -= bytes.size();
  if (missing_ > 0 || bytes.empty()) return;
  const std::vector<uint8_t> zeros(tensors_[next_ - 1].padding);
  file_.Write(zeros.data(), zeros.size());
}

void TensorFileWriter::WriteTensor(std::string_view name, std::span<const uint8_t> bytes) {
  BeginTensor(name);
  Append(bytes);
  TRIT_CHECK(missing_ == 0);
}

void TensorFileWriter::Commit() {
  TRIT_CHECK(missing_ == 0 && next_ == tensors_.size());
  file_.Commit();
}

}  // namespace trit
