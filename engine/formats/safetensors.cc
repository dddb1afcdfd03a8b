#include "engine/formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>

#include "engine/error.h"
#include "engine/files/checked_math.h"
#include "engine/files/little_endian.h"
#include "engine/files/output_file.h"
#include "engine/files/strict_json.h"
#include "engine/formats/file_kind.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

constexpr uint64_t kLengthBytes = 8;
// Of a header or an index; parsed, it may take ten times the memory. Enough for 100,000 tensors.
constexpr uint64_t kMaxJsonBytes = uint64_t{16} << 20;
constexpr uint64_t kHeaderAlignment = 8;
constexpr size_t kMaxDims = 8;
constexpr int64_t kMaxDim = int64_t{1} << 40;
constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr std::string_view kIndexSuffix = ".index.json";

struct TypeInfo {
  SafetensorsType type;
  std::string_view name;
  uint64_t bytes;
};
constexpr TypeInfo kTypes[] = {
    {SafetensorsType::kF32, "F32", 4},   {SafetensorsType::kF16, "F16", 2},
    {SafetensorsType::kBF16, "BF16", 2}, {SafetensorsType::kI64, "I64", 8},
    {SafetensorsType::kI32, "I32", 4},   {SafetensorsType::kI8, "I8", 1},
    {SafetensorsType::kU8, "U8", 1},
};

const TypeInfo& InfoOf(SafetensorsType type) {
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [type](const TypeInfo& info) { return info.type == type; });
  TRIT_CHECK(found != std::end(kTypes));
  return *found;
}

// A file and, within it, a tensor, that errors are about.
struct Place {
  const std::string& file;
  std::string tensor;

  [[noreturn]] void Throw(ErrorInfo info) const {
    info.file = file;
    info.tensor = tensor;
    throw Error(std::move(info));
  }
};

std::string ShapeText(std::span<const int64_t> shape) {
  std::string text;
  for (const int64_t dim : shape) text += fmt::format("{}{}", text.empty() ? "" : ", ", dim);
  return "[" + text + "]";
}

// Bytes of a tensor; throws if a dimension or the product is out of range.
uint64_t SizeOf(SafetensorsType type, std::span<const int64_t> shape, const Place& place) {
  if (shape.size() > kMaxDims) {
    place.Throw({.what = "too many dimensions",
                 .expected = fmt::format("at most {}", kMaxDims),
                 .found = fmt::format("{}", shape.size())});
  }
  uint64_t size = InfoOf(type).bytes;
  for (const int64_t dim : shape) {
    if (dim < 1 || dim > kMaxDim || !CheckedMultiply(size, static_cast<uint64_t>(dim), &size)) {
      place.Throw({.what = "bad shape", .found = ShapeText(shape)});
    }
  }
  if (size > INT64_MAX) place.Throw({.what = "bad shape", .found = ShapeText(shape)});
  return size;
}

uint64_t RequireUnsigned(const nlohmann::json& value, const char* what, const Place& place) {
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  place.Throw(
      {.what = fmt::format("bad {}", what),
       .expected = "an integer, 0 or more",
       .found = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).substr(0, 40)});
}

const nlohmann::json& RequireField(const nlohmann::json& object, const char* field,
                                   nlohmann::json::value_t type, const Place& place) {
  const auto found = object.find(field);
  if (found == object.end()) place.Throw({.what = fmt::format("{} is missing", field)});
  if (found->type() != type) {
    place.Throw({.what = fmt::format("bad {}", field),
                 .expected = nlohmann::json(type).type_name(),
                 .found = found->type_name()});
  }
  return *found;
}

SafetensorsInfo ParseTensor(const std::string& name, const nlohmann::json& entry,
                            uint64_t data_offset, uint64_t data_size, const Place& place) {
  using Type = nlohmann::json::value_t;
  if (!entry.is_object() || entry.size() != 3) {
    place.Throw({.what = "bad entry in the header",
                 .expected = "an object of dtype, shape and data_offsets"});
  }
  SafetensorsInfo tensor;
  tensor.name = name;
  const std::string dtype = RequireField(entry, "dtype", Type::string, place).get<std::string>();
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const TypeInfo& info) { return info.name == dtype; });
  if (type == std::end(kTypes)) {
    place.Throw({.what = "cannot read tensors of this dtype",
                 .expected = "F32, F16, BF16, I64, I32, I8 or U8",
                 .found = dtype});
  }
  tensor.type = type->type;
  for (const nlohmann::json& dim : RequireField(entry, "shape", Type::array, place)) {
    const uint64_t value = RequireUnsigned(dim, "shape", place);
    tensor.shape.push_back(static_cast<int64_t>(std::min<uint64_t>(value, INT64_MAX)));
  }
  tensor.size = SizeOf(tensor.type, tensor.shape, place);

  const nlohmann::json& offsets = RequireField(entry, "data_offsets", Type::array, place);
  if (offsets.size() != 2) place.Throw({.what = "bad data_offsets", .expected = "two of them"});
  const uint64_t begin = RequireUnsigned(offsets[0], "data_offsets", place);
  const uint64_t end = RequireUnsigned(offsets[1], "data_offsets", place);
  if (begin > end || end > data_size) {
    place.Throw({.what = "data_offsets out of range",
                 .expected = fmt::format("two ascending numbers up to {}", data_size),
                 .found = fmt::format("[{}, {}]", begin, end)});
  }
  if (end - begin != tensor.size) {
    place.Throw({.what = "data_offsets do not fit dtype and shape",
                 .expected = fmt::format("{} bytes", tensor.size),
                 .found = fmt::format("{}", end - begin)});
  }
  tensor.offset = data_offset + begin;
  return tensor;
}

SafetensorsMetadata ParseMetadata(const nlohmann::json& object, const Place& place) {
  SafetensorsMetadata metadata;
  if (!object.is_object()) place.Throw({.what = "__metadata__ is no object"});
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) {
      place.Throw({.what = "bad value in __metadata__", .key = key, .expected = "a string"});
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// Sorts by offset and checks that the tensors cover the data without gap or overlap.
void CheckCoverage(std::vector<SafetensorsInfo>& tensors, uint64_t data_offset,
                   const InputFile& file) {
  std::sort(tensors.begin(), tensors.end(),
            [](const SafetensorsInfo& a, const SafetensorsInfo& b) { return a.offset < b.offset; });
  uint64_t end = data_offset;
  for (const SafetensorsInfo& tensor : tensors) {
    if (tensor.offset != end) {
      Place{file.path(), tensor.name}.Throw(
          {.what = tensor.offset < end ? "tensor data overlaps another tensor's"
                                       : "gap before the tensor data",
           .expected = fmt::format("begin at byte {}", end - data_offset),
           .found = fmt::format("{}", tensor.offset - data_offset)});
    }
    end += tensor.size;
  }
  if (end != file.size()) {
    Place{file.path(), ""}.Throw({.what = "bytes after the end of the data",
                                  .expected = fmt::format("a file of {} bytes", end),
                                  .found = fmt::format("{}", file.size())});
  }
}

// A plain file name, which cannot lead out of the directory.
bool IsFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

}  // namespace

std::string_view SafetensorsTypeName(SafetensorsType type) { return InfoOf(type).name; }

uint64_t SafetensorsTypeBytes(SafetensorsType type) { return InfoOf(type).bytes; }

int64_t SafetensorsInfo::NumElements() const {
  int64_t count = 1;
  for (const int64_t dim : shape) count *= dim;
  return count;
}

SafetensorsReader::SafetensorsReader(const std::string& path) {
  const std::filesystem::path root(path);
  std::error_code error;
  if (std::filesystem::is_directory(root, error)) {
    const std::filesystem::path index = root / kIndexFile;
    if (std::filesystem::exists(index, error)) {
      AddIndex(index.string());
    } else if (std::filesystem::exists(root / kSingleFile, error)) {
      AddFile((root / kSingleFile).string());
    } else {
      throw Error(ErrorInfo{.what = "no weights here",
                            .file = path,
                            .expected = fmt::format("{} or {}", kSingleFile, kIndexFile),
                            .hint = HintForDirectory(path)});
    }
  } else if (path.ends_with(kIndexSuffix)) {
    AddIndex(path);
  } else {
    AddFile(path);
  }
}

void SafetensorsReader::AddFile(const std::string& path) {
  const InputFile& file = files_.emplace_back(path);
  const Place place{file.path(), ""};
  if (file.size() < kLengthBytes) place.Throw({.what = "not a safetensors file: too short"});
  uint8_t length_bytes[kLengthBytes];
  file.ReadAt(0, length_bytes, sizeof(length_bytes));
  const uint64_t length = LoadLittleEndian<uint64_t>(length_bytes);
  const uint64_t max_length = std::min(kMaxJsonBytes, file.size() - kLengthBytes);
  if (length > max_length) {
    place.Throw({.what = "not a safetensors file: bad length of the header",
                 .expected = fmt::format("at most {}", max_length),
                 .found = fmt::format("{}", length)});
  }
  std::string text(length, '\0');
  file.ReadAt(kLengthBytes, text.data(), text.size());
  const nlohmann::json header = ParseStrictJson(text, path);
  if (!header.is_object()) {
    place.Throw({.what = "bad header", .expected = "an object", .found = header.type_name()});
  }

  const uint64_t data_offset = kLengthBytes + length;
  std::vector<SafetensorsInfo> tensors;
  for (const auto& [name, entry] : header.items()) {
    const Place tensor_place{file.path(), name};
    if (name == kMetadataKey) {
      SafetensorsMetadata metadata = ParseMetadata(entry, place);
      if (files_.size() == 1) metadata_ = std::move(metadata);
      continue;
    }
    if (name.empty()) place.Throw({.what = "tensor without a name"});
    if (FindTensor(name) != nullptr) tensor_place.Throw({.what = "tensor occurs twice"});
    tensors.push_back(
        ParseTensor(name, entry, data_offset, file.size() - data_offset, tensor_place));
    tensors.back().file = files_.size() - 1;
  }
  CheckCoverage(tensors, data_offset, file);
  for (SafetensorsInfo& tensor : tensors) {
    index_.emplace(tensor.name, tensors_.size());
    tensors_.push_back(std::move(tensor));
  }
}

void SafetensorsReader::AddIndex(const std::string& path) {
  const nlohmann::json index = ParseStrictJson(ReadTextFile(path, kMaxJsonBytes), path);
  const Place place{path, ""};
  if (!index.is_object()) {
    place.Throw({.what = "bad index", .expected = "an object", .found = index.type_name()});
  }
  const nlohmann::json& weight_map =
      RequireField(index, "weight_map", nlohmann::json::value_t::object, place);
  std::set<std::string> names;
  for (const auto& [tensor, file] : weight_map.items()) {
    if (!file.is_string() || !IsFileName(file.get_ref<const std::string&>())) {
      Place{path, tensor}.Throw({.what = "bad file name in weight_map",
                                 .expected = "the name of a file beside the index"});
    }
    names.insert(file.get<std::string>());
  }
  if (names.empty()) place.Throw({.what = "weight_map is empty"});
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  for (const std::string& name : names) AddFile((directory / name).string());
  for (const auto& [tensor, file] : weight_map.items()) {
    const SafetensorsInfo* found = FindTensor(tensor);
    if (found != nullptr && PathOf(*found) == (directory / file.get<std::string>()).string()) {
      continue;
    }
    Place{path, tensor}.Throw({.what = "tensor is not in the file weight_map names",
                               .expected = file.get<std::string>()});
  }
}

const SafetensorsInfo* SafetensorsReader::FindTensor(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const SafetensorsInfo& SafetensorsReader::RequireTensor(std::string_view name) const {
  const SafetensorsInfo* tensor = FindTensor(name);
  if (tensor != nullptr) return *tensor;
  Place{files_.front().path(), std::string(name)}.Throw({.what = "tensor is missing"});
}

const SafetensorsInfo& SafetensorsReader::RequireTensor(std::string_view name, SafetensorsType type,
                                                        std::span<const int64_t> shape) const {
  const SafetensorsInfo& tensor = RequireTensor(name);
  if (tensor.type == type && std::ranges::equal(tensor.shape, shape)) return tensor;
  Place{PathOf(tensor), tensor.name}.Throw(
      {.what = "wrong tensor",
       .expected = fmt::format("{} {}", SafetensorsTypeName(type), ShapeText(shape)),
       .found = fmt::format("{} {}", SafetensorsTypeName(tensor.type), ShapeText(tensor.shape))});
}

const std::string& SafetensorsReader::PathOf(const SafetensorsInfo& tensor) const {
  return files_[tensor.file].path();
}

void SafetensorsReader::ReadTensor(const SafetensorsInfo& tensor, std::span<uint8_t> bytes) const {
  TRIT_CHECK(bytes.size() == tensor.size);
  ReadTensorRange(tensor, 0, bytes);
}

AlignedBuffer<uint8_t> SafetensorsReader::ReadTensor(const SafetensorsInfo& tensor) const {
  AlignedBuffer<uint8_t> bytes(tensor.size);
  ReadTensor(tensor, bytes.span());
  return bytes;
}

void SafetensorsReader::ReadTensorRange(const SafetensorsInfo& tensor, uint64_t offset,
                                        std::span<uint8_t> bytes) const {
  TRIT_CHECK(offset <= tensor.size && bytes.size() <= tensor.size - offset);
  files_[tensor.file].ReadAt(tensor.offset + offset, bytes.data(), bytes.size());
}

TensorType SafetensorsReader::FloatTypeOf(const SafetensorsInfo& tensor) const {
  switch (tensor.type) {
    case SafetensorsType::kF32:
      return TensorType::kF32;
    case SafetensorsType::kF16:
      return TensorType::kF16;
    case SafetensorsType::kBF16:
      return TensorType::kBF16;
    default:
      Place{PathOf(tensor), tensor.name}.Throw(
          {.what = "wrong dtype",
           .expected = "F32, F16 or BF16",
           .found = std::string(SafetensorsTypeName(tensor.type))});
  }
}

TensorView SafetensorsReader::FloatView(const SafetensorsInfo& tensor,
                                        std::span<const uint8_t> bytes) const {
  TRIT_CHECK(bytes.size() == tensor.size);
  TensorView view{.origin = {.file = PathOf(tensor), .tensor = tensor.name},
                  .type = FloatTypeOf(tensor),
                  .bytes = bytes};
  view.cols = tensor.shape.empty() ? 1 : tensor.shape.back();
  view.rows = tensor.NumElements() / view.cols;
  return view;
}

TensorFileWriter CreateSafetensors(const std::string& path,
                                   std::span<const SafetensorsInfo> tensors,
                                   const SafetensorsMetadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::vector<TensorFileWriter::Tensor> data;
  data.reserve(tensors.size());
  std::set<std::string_view> names;
  uint64_t end = 0;
  for (const SafetensorsInfo& tensor : tensors) {
    const Place place{path, tensor.name};
    if (tensor.name.empty() || tensor.name == kMetadataKey || !names.insert(tensor.name).second) {
      place.Throw({.what = "tensor name is empty, reserved or there twice"});
    }
    const uint64_t size = SizeOf(tensor.type, tensor.shape, place);
    const uint64_t begin = end;
    if (!CheckedAdd(begin, size, &end)) place.Throw({.what = "tensors are too large together"});
    header[tensor.name] = {{"dtype", SafetensorsTypeName(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {begin, end}}};
    data.push_back({.name = tensor.name, .size = size});
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& error) {
    Place{path, ""}.Throw({.what = "name or metadata is not UTF-8", .found = error.what()});
  }
  // The data begins at a multiple of 8; blanks are how the format pads a header.
  text.resize(
      (kLengthBytes + text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment -
          kLengthBytes,
      ' ');
  if (text.size() > kMaxJsonBytes) Place{path, ""}.Throw({.what = "header is too large"});
  uint8_t length_bytes[kLengthBytes];
  StoreLittleEndian<uint64_t>(text.size(), length_bytes);
  OutputFile file(path);
  file.Write(length_bytes, sizeof(length_bytes));
  file.Write(text.data(), text.size());
  return TensorFileWriter(std::move(file), std::move(data));
}

}  // namespace trit
