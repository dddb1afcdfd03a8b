#include "engine/formats/gguf_writer.h"

#include <fmt/format.h>

#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

#include "engine/error.h"
#include "engine/files/checked_math.h"
#include "engine/files/little_endian.h"
#include "engine/files/output_file.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

class HeaderBuilder {
 public:
  const std::string& bytes() const { return bytes_; }

  template <typename T>
  void AddNumber(T value) {
    uint8_t little_endian[sizeof(T)];
    StoreLittleEndian(value, little_endian);
    bytes_.append(reinterpret_cast<const char*>(little_endian), sizeof(T));
  }
  void AddString(std::string_view text) {
    AddNumber<uint64_t>(text.size());
    bytes_ += text;
  }
  void AddBytes(std::string_view bytes) { bytes_ += bytes; }
  void AddZeros(uint64_t count) { bytes_.append(count, '\0'); }

  // One value of a scalar type, without its id.
  template <typename T>
  void AddScalar(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      AddString(value);
    } else if constexpr (std::is_same_v<T, bool>) {
      AddNumber<uint8_t>(value ? 1 : 0);
    } else {
      AddNumber(value);
    }
  }

  void AddArray(const GgufArray& array) {
    AddNumber(static_cast<uint32_t>(array.index()));
    std::visit(
        [this]<typename T>(const T& elements) {
          if constexpr (std::is_same_v<T, std::monostate>) {
            TRIT_CHECK(false);  // an array of arrays
          } else {
            AddNumber<uint64_t>(elements.size());
            for (const typename T::value_type& element : elements) AddScalar(element);
          }
        },
        array);
  }

  void AddValue(const GgufValue& value) {
    AddNumber(static_cast<uint32_t>(value.index()));
    std::visit(
        [this]<typename T>(const T& content) {
          if constexpr (std::is_same_v<T, GgufArray>) {
            AddArray(content);
          } else {
            AddScalar(content);
          }
        },
        value);
  }

 private:
  std::string bytes_;
};

void CheckKey(const std::string& key, const std::string& file) {
  if (IsPrintableName(key) && key.size() <= kMaxGgufKeyBytes) return;
  throw Error(
      ErrorInfo{.what = "bad metadata key",
                .file = file,
                .key = key,
                .expected = fmt::format("1 to {} printable ASCII characters", kMaxGgufKeyBytes)});
}

// A reader refuses counts and headers beyond these, ours and others.
void CheckAtMost(uint64_t found, uint64_t max, const char* what, const std::string& file) {
  if (found <= max) return;
  throw Error(ErrorInfo{.what = fmt::format("too many {} for a GGUF file", what),
                        .file = file,
                        .expected = fmt::format("at most {}", max),
                        .found = fmt::format("{}", found)});
}

}  // namespace

TensorFileWriter CreateGguf(const std::string& path, const GgufMetadata& metadata,
                            std::vector<GgufTensorInfo> tensors) {
  const uint64_t alignment = metadata.Alignment();
  CheckAtMost(metadata.entries().size(), kMaxGgufKeys, "metadata keys", path);
  CheckAtMost(tensors.size(), kMaxGgufTensors, "tensors", path);
  PlaceGgufTensors(tensors, 0, alignment, path);  // offsets relative to the tensor data

  HeaderBuilder header;
  header.AddBytes(kGgufMagic);
  header.AddNumber(kGgufVersion);
  header.AddNumber<uint64_t>(tensors.size());
  header.AddNumber<uint64_t>(metadata.entries().size());
  for (const GgufMetadata::Entry& entry : metadata.entries()) {
    CheckKey(entry.key, path);
    header.AddString(entry.key);
    header.AddValue(entry.value);
  }
  for (const GgufTensorInfo& tensor : tensors) {
    header.AddString(tensor.name);
    header.AddNumber(static_cast<uint32_t>(tensor.dims.size()));
    for (const int64_t dim : tensor.dims) header.AddNumber(dim);
    header.AddNumber(static_cast<uint32_t>(tensor.type));
    header.AddNumber(tensor.offset);
  }
  CheckAtMost(header.bytes().size(), kMaxGgufHeaderBytes, "bytes of metadata", path);
  const auto padding_after = [alignment](uint64_t size) {
    return (alignment - size % alignment) % alignment;
  };
  header.AddZeros(padding_after(header.bytes().size()));

  std::vector<TensorFileWriter::Tensor> data;
  data.reserve(tensors.size());
  for (GgufTensorInfo& tensor : tensors) {
    data.push_back({.name = std::move(tensor.name),
                    .size = tensor.size,
                    .padding = padding_after(tensor.size)});
  }
  OutputFile file(path);
  file.Write(header.bytes().data(), header.bytes().size());
  return TensorFileWriter(std::move(file), std::move(data));
}

}  // namespace trit
