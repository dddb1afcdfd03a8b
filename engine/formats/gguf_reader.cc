#include "engine/formats/gguf_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "engine/error.h"
#include "engine/files/checked_math.h"
#include "engine/files/little_endian.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

constexpr const char* kDamaged = "the file is cut short or damaged";
constexpr size_t kBufferBytes = size_t{1} << 16;
constexpr uint64_t kMinStringBytes = 8;                                    // its length
constexpr uint64_t kMinEntryBytes = kMinStringBytes + 1 + 4 + 1;           // key, type, a bool
constexpr uint64_t kMinTensorBytes = kMinStringBytes + 1 + 4 + 8 + 4 + 8;  // name … offset

// The header of a file as a stream of checked values.
class HeaderParser {
 public:
  explicit HeaderParser(const InputFile& file)
      : file_(file), limit_(std::min(file.size(), kMaxGgufHeaderBytes)) {}

  uint64_t position() const { return position_; }

  uint32_t ParseVersion();
  GgufMetadata ParseMetadata(uint64_t num_keys);
  // The tensors as declared, offsets relative to the tensor data.
  std::vector<GgufTensorInfo> ParseTensors(uint64_t num_tensors);
  uint64_t ParseCount(const char* what, uint64_t max, uint64_t min_bytes_each);

 private:
  [[noreturn]] void Fail(ErrorInfo info) const {
    info.file = file_.path();
    info.key = key_;
    info.tensor = tensor_;
    info.what += fmt::format(" at offset {}", item_begin_);
    throw Error(std::move(info));
  }

  uint64_t Remaining() const { return limit_ - position_; }
  void ParseBytes(void* out, uint64_t size);
  template <typename T>
  T ParseNumber();
  bool ParseBool();
  std::string ParseString(uint64_t max_bytes);
  // Value of the alternative `id` of GgufValue.
  template <size_t kId = 0>
  GgufValue ParseValue(uint32_t id);
  template <size_t kId = 0>
  GgufArray ParseArray(uint32_t id, uint64_t count);
  template <typename T>
  std::vector<T> ParseElements(uint64_t count);
  GgufTensorInfo ParseTensor();

  const InputFile& file_;
  const uint64_t limit_;  // where the header must have ended
  uint64_t position_ = 0;
  uint64_t item_begin_ = 0;      // of the number or string parsed last, for messages
  std::vector<uint8_t> buffer_;  // bytes of the file from buffer_begin_
  uint64_t buffer_begin_ = 0;
  std::string key_;  // being parsed, for messages
  std::string tensor_;
};

void HeaderParser::ParseBytes(void* out, uint64_t size) {
  if (size > Remaining()) {
    Fail({.what = limit_ < kMaxGgufHeaderBytes ? "file ends within its header" : "header too large",
          .expected = limit_ < kMaxGgufHeaderBytes
                          ? fmt::format("{} more bytes", size)
                          : fmt::format("at most {} bytes", kMaxGgufHeaderBytes),
          .found = fmt::format("{}", Remaining())});
  }
  uint8_t* to = static_cast<uint8_t*>(out);
  while (size > 0) {
    if (position_ - buffer_begin_ == buffer_.size()) {
      if (size >= kBufferBytes) {  // large arrays go straight to their place
        file_.ReadAt(position_, to, size);
        position_ += size;
        buffer_.clear();
        buffer_begin_ = position_;
        return;
      }
      buffer_.resize(std::min<uint64_t>(kBufferBytes, Remaining()));
      buffer_begin_ = position_;
      file_.ReadAt(position_, buffer_.data(), buffer_.size());
    }
    const uint64_t start = position_ - buffer_begin_;
    const uint64_t count = std::min(size, buffer_.size() - start);
    std::memcpy(to, buffer_.data() + start, count);
    to += count;
    position_ += count;
    size -= count;
  }
}

template <typename T>
T HeaderParser::ParseNumber() {
  item_begin_ = position_;
  uint8_t bytes[sizeof(T)];
  ParseBytes(bytes, sizeof(T));
  return LoadLittleEndian<T>(bytes);
}

bool HeaderParser::ParseBool() {
  const uint8_t value = ParseNumber<uint8_t>();
  if (value > 1) {
    Fail({.what = "bad bool", .expected = "0 or 1", .found = fmt::format("{}", value)});
  }
  return value != 0;
}

std::string HeaderParser::ParseString(uint64_t max_bytes) {
  const uint64_t size = ParseNumber<uint64_t>();
  if (size > max_bytes || size > Remaining()) {
    Fail({.what = "string is too long",
          .expected = fmt::format("at most {} bytes", std::min(max_bytes, Remaining())),
          .found = fmt::format("{}", size),
          .hint = kDamaged});
  }
  std::string text(size, '\0');
  ParseBytes(text.data(), size);
  return text;
}

template <typename T>
std::vector<T> HeaderParser::ParseElements(uint64_t count) {
  constexpr uint64_t kElementBytes = std::is_same_v<T, std::string> ? kMinStringBytes : sizeof(T);
  // Before anything is reserved, and by division, which cannot overflow.
  if (count > Remaining() / kElementBytes) {
    Fail({.what = "array is too long",
          .expected = fmt::format("at most {} elements", Remaining() / kElementBytes),
          .found = fmt::format("{}", count),
          .hint = kDamaged});
  }
  std::vector<T> elements;
  if constexpr (std::is_same_v<T, std::string>) {
    elements.reserve(count);
    for (uint64_t i = 0; i < count; ++i) elements.push_back(ParseString(kMaxGgufHeaderBytes));
  } else if constexpr (std::is_same_v<T, bool>) {
    elements.reserve(count);
    for (uint64_t i = 0; i < count; ++i) elements.push_back(ParseBool());
  } else {
    elements.resize(count);
    ParseBytes(elements.data(), count * sizeof(T));
  }
  return elements;
}

template <size_t kId>
GgufArray HeaderParser::ParseArray(uint32_t id, uint64_t count) {
  if constexpr (kId < std::variant_size_v<GgufArray>) {
    if (id != kId) return ParseArray<kId + 1>(id, count);
    if constexpr (kId != kGgufArrayId) {
      using Elements = std::variant_alternative_t<kId, GgufArray>;
      return ParseElements<typename Elements::value_type>(count);
    }
  }
  Fail({.what = id == kGgufArrayId ? "array of arrays" : "unknown type of array elements",
        .expected = "the id of a scalar type",
        .found = fmt::format("{}", id)});
}

template <size_t kId>
GgufValue HeaderParser::ParseValue(uint32_t id) {
  if constexpr (kId < std::variant_size_v<GgufValue>) {
    if (id != kId) return ParseValue<kId + 1>(id);
    using T = std::variant_alternative_t<kId, GgufValue>;
    if constexpr (std::is_same_v<T, GgufArray>) {
      const uint32_t element_id = ParseNumber<uint32_t>();
      return ParseArray(element_id, ParseNumber<uint64_t>());
    } else if constexpr (std::is_same_v<T, std::string>) {
      return ParseString(kMaxGgufHeaderBytes);
    } else if constexpr (std::is_same_v<T, bool>) {
      return ParseBool();
    } else {
      return ParseNumber<T>();
    }
  } else {
    Fail({.what = "unknown type of value",
          .expected = fmt::format("0 to {}", std::variant_size_v<GgufValue> - 1),
          .found = fmt::format("{}", id)});
  }
}

uint32_t HeaderParser::ParseVersion() {
  char magic[4];
  if (file_.size() < sizeof(magic)) Fail({.what = "not a GGUF file: too short"});
  ParseBytes(magic, sizeof(magic));
  if (std::string_view(magic, sizeof(magic)) != kGgufMagic) {
    Fail({.what = "not a GGUF file: it does not begin with GGUF"});
  }
  const uint32_t version = ParseNumber<uint32_t>();
  if (version == 2 || version == kGgufVersion) return version;
  // A version is small: in the other byte order its lower half is empty.
  if (version != 0 && (version & 0xffff) == 0) {
    Fail(
        {.what = "GGUF file in big-endian byte order", .hint = "get or write a little-endian one"});
  }
  Fail({.what = "unsupported version of GGUF",
        .expected = "2 or 3",
        .found = fmt::format("{}", version)});
}

uint64_t HeaderParser::ParseCount(const char* what, uint64_t max, uint64_t min_bytes_each) {
  const uint64_t count = ParseNumber<uint64_t>();
  const uint64_t possible = std::min(max, Remaining() / min_bytes_each);
  if (count > possible) {
    Fail({.what = fmt::format("too many {} for this file", what),
          .expected = fmt::format("at most {}", possible),
          .found = fmt::format("{}", count)});
  }
  return count;
}

GgufMetadata HeaderParser::ParseMetadata(uint64_t num_keys) {
  GgufMetadata metadata(file_.path());
  for (uint64_t i = 0; i < num_keys; ++i) {
    key_.clear();
    std::string key = ParseString(kMaxGgufKeyBytes);
    if (!IsPrintableName(key)) {
      Fail({.what = "bad metadata key",
            .expected = "printable ASCII characters",
            .found = key.empty() ? "none" : key});
    }
    key_ = key;
    GgufValue value = ParseValue(ParseNumber<uint32_t>());
    if (!metadata.Insert(std::move(key), std::move(value))) {
      Fail({.what = "metadata key occurs twice"});
    }
  }
  key_.clear();
  return metadata;
}

GgufTensorInfo HeaderParser::ParseTensor() {
  GgufTensorInfo tensor;
  tensor.name = ParseString(kMaxGgufTensorNameBytes);
  tensor_ = tensor.name;
  const uint32_t num_dims = ParseNumber<uint32_t>();
  if (num_dims > kMaxGgufDims) {
    Fail({.what = "too many dimensions",
          .expected = fmt::format("at most {}", kMaxGgufDims),
          .found = fmt::format("{}", num_dims)});
  }
  // What is negative as int64 is refused with what is 0 or too large, by PlaceGgufTensors.
  for (uint32_t i = 0; i < num_dims; ++i) tensor.dims.push_back(ParseNumber<int64_t>());
  const uint32_t type_id = ParseNumber<uint32_t>();
  const TensorTypeInfo* type = FindTensorType(type_id);
  if (type == nullptr) {
    Fail(
        {.what = "unknown tensor type",
         .found = fmt::format("id {}", type_id),
         .hint = "write the model as i2_s, tq2_0, tq1_0, q8_0 or f16 with the program it is from"});
  }
  tensor.type = type->type;
  tensor.offset = ParseNumber<uint64_t>();
  tensor_.clear();
  return tensor;
}

std::vector<GgufTensorInfo> HeaderParser::ParseTensors(uint64_t num_tensors) {
  std::vector<GgufTensorInfo> tensors;
  tensors.reserve(num_tensors);
  for (uint64_t i = 0; i < num_tensors; ++i) tensors.push_back(ParseTensor());
  return tensors;
}

// Places the tensors and compares with what the file says.
void CheckTensorData(const InputFile& file, uint64_t header_end, uint64_t alignment,
                     std::vector<GgufTensorInfo>& tensors) {
  uint64_t data_offset = 0;  // cannot overflow: the header lies within the file
  TRIT_CHECK(CheckedRoundUp(header_end, alignment, &data_offset));
  std::vector<uint64_t> declared_offsets;
  declared_offsets.reserve(tensors.size());
  for (const GgufTensorInfo& tensor : tensors) declared_offsets.push_back(tensor.offset);

  const uint64_t padded_end = PlaceGgufTensors(tensors, data_offset, alignment, file.path());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const GgufTensorInfo& tensor = tensors[i];
    if (declared_offsets[i] != tensor.offset - data_offset) {
      throw Error(ErrorInfo{
          .what = "tensor data is not where the tensors before it end",
          .file = file.path(),
          .tensor = tensor.name,
          .expected = fmt::format("offset {}", tensor.offset - data_offset),
          .found = fmt::format("{}", declared_offsets[i]),
          .hint = "the file is damaged, or a type in it has another size for its writer"});
    }
    if (tensor.offset > file.size() || tensor.size > file.size() - tensor.offset) {
      throw Error(
          ErrorInfo{.what = "tensor data ends past the end of the file",
                    .file = file.path(),
                    .tensor = tensor.name,
                    .expected = fmt::format("{} bytes at offset {}", tensor.size, tensor.offset),
                    .found = fmt::format("a file of {} bytes", file.size()),
                    .hint = "the file is cut short"});
    }
  }
  // Some writers leave out the last padding.
  if (file.size() > padded_end) {
    throw Error(ErrorInfo{.what = "bytes after the end of the data",
                          .file = file.path(),
                          .expected = fmt::format("a file of {} bytes", padded_end),
                          .found = fmt::format("{}", file.size())});
  }
}

}  // namespace

GgufReader::GgufReader(const std::string& path) : file_(path) {
  HeaderParser parser(file_);
  version_ = parser.ParseVersion();
  const uint64_t num_tensors = parser.ParseCount("tensors", kMaxGgufTensors, kMinTensorBytes);
  const uint64_t num_keys = parser.ParseCount("metadata keys", kMaxGgufKeys, kMinEntryBytes);
  metadata_ = parser.ParseMetadata(num_keys);
  const uint32_t alignment = metadata_.Alignment();
  tensors_ = parser.ParseTensors(num_tensors);
  CheckTensorData(file_, parser.position(), alignment, tensors_);
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const GgufTensorInfo* GgufReader::FindTensor(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const GgufTensorInfo& GgufReader::RequireTensor(std::string_view name) const {
  const GgufTensorInfo* tensor = FindTensor(name);
  if (tensor != nullptr) return *tensor;
  throw Error(ErrorInfo{.what = "tensor is missing", .file = path(), .tensor = std::string(name)});
}

void GgufReader::ReadTensor(const GgufTensorInfo& tensor, std::span<uint8_t> bytes) const {
  TRIT_CHECK(bytes.size() == tensor.size);
  ReadTensorRange(tensor, 0, bytes);
}

AlignedBuffer<uint8_t> GgufReader::ReadTensor(const GgufTensorInfo& tensor) const {
  AlignedBuffer<uint8_t> bytes(tensor.size);
  ReadTensor(tensor, bytes.span());
  return bytes;
}

void GgufReader::ReadTensorRange(const GgufTensorInfo& tensor, uint64_t offset,
                                 std::span<uint8_t> bytes) const {
  TRIT_CHECK(offset <= tensor.size && bytes.size() <= tensor.size - offset);
  file_.ReadAt(tensor.offset + offset, bytes.data(), bytes.size());
}

TensorView GgufReader::View(const GgufTensorInfo& tensor, std::span<const uint8_t> bytes) const {
  TRIT_CHECK(bytes.size() == tensor.size);
  return {.origin = {.file = path(), .tensor = tensor.name},
          .type = tensor.type,
          .rows = tensor.rows(),
          .cols = tensor.cols(),
          .bytes = bytes};
}

I2sLayout ChooseI2sLayout(const GgufReader& reader, I2sLayout asked) {
  if (asked != I2sLayout::kAuto) return asked;
  const bool all_fit_128 =
      std::all_of(reader.tensors().begin(), reader.tensors().end(), [](const auto& tensor) {
        return tensor.type != TensorType::kI2_S || tensor.cols() % kI2_SCodec.block_elements == 0;
      });
  return all_fit_128 ? I2sLayout::k128 : I2sLayout::k64;
}

}  // namespace trit
