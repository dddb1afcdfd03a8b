#include "engine/formats/gguf_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "engine/error.h"
#include "engine/files/checked_math.h"

namespace trit {
namespace {

[[noreturn]] void Throw(const std::string& file, const std::string& tensor, ErrorInfo info) {
  info.file = file;
  info.tensor = tensor;
  throw Error(std::move(info));
}

void CheckName(const std::string& name, const std::string& file) {
  if (IsPrintableName(name) && name.size() <= kMaxGgufTensorNameBytes) return;
  Throw(file, name,
        {.what = "bad tensor name",
         .expected = fmt::format("1 to {} printable ASCII characters", kMaxGgufTensorNameBytes),
         .found = fmt::format("{} bytes", name.size())});
}

void CheckDims(const GgufTensorInfo& tensor, const std::string& file) {
  if (tensor.dims.empty() || tensor.dims.size() > kMaxGgufDims) {
    Throw(file, tensor.name,
          {.what = "bad number of dimensions",
           .expected = fmt::format("1 to {}", kMaxGgufDims),
           .found = fmt::format("{}", tensor.dims.size())});
  }
  for (const int64_t dim : tensor.dims) {
    if (dim >= 1 && dim <= kMaxGgufDim) continue;
    Throw(file, tensor.name,
          {.what = "bad dimension",
           .expected = fmt::format("1 to {}", kMaxGgufDim),
           .found = fmt::format("{}", dim)});
  }
}

uint64_t SizeOf(const GgufTensorInfo& tensor, const std::string& file) {
  const TensorTypeInfo& info = InfoOf(tensor.type);
  if (info.block_elements == 0) {  // no size can be told, so it must be one of no codec
    RequireDecodable(tensor.type, {.file = file, .tensor = tensor.name});
  }
  if (static_cast<uint64_t>(tensor.cols()) % info.block_elements != 0) {
    Throw(file, tensor.name,
          {.what = fmt::format("row length does not fit {}", info.name),
           .expected = fmt::format("a multiple of {}", info.block_elements),
           .found = fmt::format("{}", tensor.cols())});
  }
  const std::optional<uint64_t> size = TensorBytes(tensor.type, tensor.dims);
  if (!size) Throw(file, tensor.name, {.what = "tensor is too large"});
  return *size;
}

}  // namespace

int64_t GgufTensorInfo::rows() const {
  int64_t rows = 1;
  for (const int64_t dim : std::span(dims).subspan(1)) rows *= dim;
  return rows;
}

bool IsPrintableName(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

uint64_t PlaceGgufTensors(std::span<GgufTensorInfo> tensors, uint64_t data_offset,
                          uint64_t alignment, const std::string& file) {
  std::unordered_set<std::string_view> names;
  uint64_t end = data_offset;
  for (GgufTensorInfo& tensor : tensors) {
    CheckName(tensor.name, file);
    if (!names.insert(tensor.name).second) {
      Throw(file, tensor.name, {.what = "tensor occurs twice"});
    }
    CheckDims(tensor, file);
    tensor.size = SizeOf(tensor, file);
    tensor.offset = end;
    if (!CheckedAdd(end, tensor.size, &end) || !CheckedRoundUp(end, alignment, &end)) {
      Throw(file, tensor.name, {.what = "tensors are too large together"});
    }
  }
  return end;
}

}  // namespace trit
