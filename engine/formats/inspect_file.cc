#include "engine/formats/inspect_file.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/strict_json.h"
#include "engine/formats/file_kind.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/model_file.h"
#include "engine/formats/safetensors.h"
#include "engine/tensors/integer_tensor.h"
#include "engine/tensors/ternary_tensor.h"
#include "ternary_kernels/matmul_kernel.h"

namespace trit {
namespace {

constexpr uint64_t kMaxJsonBytes = uint64_t{64} << 20;

void DescribeScales(const WeightScales& scales, CodeFacts& facts) {
  const auto [min, max] = std::minmax_element(scales.values.begin(), scales.values.end());
  facts.has_offsets = !scales.offsets.empty();
  facts.scale_kind = scales.kind;
  facts.group_size = scales.group_size;
  facts.min_scale = *min;
  facts.max_scale = *max;
}

CodeFacts FactsOf(const TernaryTensor& tensor) {
  CodeFacts facts{.min_code = -1, .max_code = 1, .num_codes = 3};
  DescribeScales(tensor.CheckAndReadScales(), facts);
  const TritCounts counts = tensor.CountTrits();
  facts.codes_used = (counts.minus > 0) + (counts.zero > 0) + (counts.plus > 0);
  facts.zero_share =
      static_cast<double>(counts.zero) / static_cast<double>(tensor.rows() * tensor.cols());
  return facts;
}

CodeFacts FactsOf(const IntegerTensor& tensor) {
  const CodeSpan span = tensor.span();
  CodeFacts facts{.min_code = span.min, .max_code = span.max};
  DescribeScales(tensor.ReadScales(), facts);
  const std::vector<int64_t> counts = tensor.CountCodes();
  facts.codes_used = static_cast<int32_t>(
      std::count_if(counts.begin(), counts.end(), [](int64_t count) { return count > 0; }));
  facts.num_codes = std::max(tensor.levels(), facts.codes_used);
  facts.zero_share = static_cast<double>(counts[static_cast<size_t>(-span.min)]) /
                     static_cast<double>(tensor.rows() * tensor.cols());
  return facts;
}

// Nothing if the type has no codes.
std::optional<CodeFacts> FactsOf(const TensorView& view, I2sLayout layout) {
  if (InfoOf(view.type).ternary_codec != nullptr) {
    const TernaryTensor ternary(view, layout);
    // q2_0 may hold other numbers.
    if (!IsIntegerType(view.type) || ternary.HoldsTritsAlone()) return FactsOf(ternary);
  }
  if (IsIntegerType(view.type)) return FactsOf(IntegerTensor(view));
  return std::nullopt;
}

// By the tensor's name.
std::map<std::string, KernelFacts, std::less<>> ChooseKernels(const Model& model) {
  std::map<std::string, KernelFacts, std::less<>> kernels;
  constexpr int64_t kMany = 512;
  for (const WeightInfo& info : model.table.weights()) {
    // Of embeddings only rows are looked up, unless they are the head too.
    if (info.IsVector()) continue;
    if (info.kind == WeightKind::kEmbedding && info.id != model.table.lm_head()) continue;
    const PackedMatrix& matrix = model.weights[static_cast<size_t>(info.id)].matrix;
    kernels[info.gguf_name] = {std::string(ChooseMatmulKernel(matrix, 1).name),
                               std::string(ChooseMatmulKernel(matrix, kMany).name)};
  }
  return kernels;
}

FileFacts InspectGguf(const std::string& path, bool read_weights) {
  const GgufReader reader(path);
  FileFacts facts{.format = "GGUF version " + std::to_string(reader.version()),
                  .bytes = reader.file_size(),
                  .metadata = reader.metadata().entries(),
                  .tensors = {},
                  .cannot_run = {}};
  std::map<std::string, KernelFacts, std::less<>> kernels;
  if (read_weights) {
    try {
      kernels = ChooseKernels(*LoadModel(path, {}));
    } catch (const Error& error) {
      facts.cannot_run = error.what();
    }
  }
  const I2sLayout layout = ChooseI2sLayout(reader, I2sLayout::kAuto);
  for (const GgufTensorInfo& info : reader.tensors()) {
    TensorFacts tensor{.name = info.name,
                       .type = std::string(InfoOf(info.type).name),
                       .shape = info.dims,
                       .num_elements = info.rows() * info.cols(),
                       .bytes = info.size,
                       .codes = {},
                       .kernels = {}};
    const bool has_codes = IsIntegerType(info.type) || InfoOf(info.type).ternary_codec != nullptr;
    if (read_weights && has_codes) {
      const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(info);
      tensor.codes = FactsOf(reader.View(info, bytes.span()), layout);
    }
    if (const auto found = kernels.find(info.name); found != kernels.end()) {
      tensor.kernels = found->second;
    }
    facts.tensors.push_back(std::move(tensor));
  }
  return facts;
}

FileFacts InspectSafetensors(const std::string& path) {
  const SafetensorsReader reader(path);
  FileFacts facts{
      .format = "safetensors", .bytes = 0, .metadata = {}, .tensors = {}, .cannot_run = {}};
  for (const InputFile& file : reader.files()) facts.bytes += file.size();
  for (const auto& [key, value] : reader.metadata()) facts.metadata.push_back({key, value});
  for (const SafetensorsInfo& info : reader.tensors()) {
    facts.tensors.push_back({.name = info.name,
                             .type = std::string(SafetensorsTypeName(info.type)),
                             .shape = info.shape,
                             .num_elements = info.NumElements(),
                             .bytes = info.size,
                             .codes = {},
                             .kernels = {}});
  }
  return facts;
}

// Members of objects within objects get keys with dots; arrays are kept as their text.
void AppendJson(const std::string& key, const nlohmann::json& value,
                std::vector<GgufMetadata::Entry>& entries) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) AppendJson(key + "." + name, member, entries);
  } else if (value.is_string()) {
    entries.push_back({key, value.get<std::string>()});
  } else if (value.is_boolean()) {
    entries.push_back({key, value.get<bool>()});
  } else if (value.is_number_unsigned()) {
    entries.push_back({key, value.get<uint64_t>()});
  } else if (value.is_number_integer()) {
    entries.push_back({key, value.get<int64_t>()});
  } else if (value.is_number()) {
    entries.push_back({key, value.get<double>()});
  } else {
    entries.push_back({key, value.dump()});
  }
}

FileFacts InspectCheckpoint(const std::string& path) {
  FileFacts facts = InspectSafetensors(path);
  facts.format = "checkpoint";
  for (const char* name : {"config", "trainer_state"}) {
    const std::string file = (std::filesystem::path(path) / name).string() + ".json";
    if (!std::filesystem::exists(file)) continue;
    const std::string text = ReadTextFile(file, kMaxJsonBytes);
    facts.bytes += text.size();
    AppendJson(name, ParseStrictJson(text, file), facts.metadata);
  }
  return facts;
}

}  // namespace

FileFacts InspectFile(const std::string& path, bool read_weights) {
  std::error_code ignored;  // a path that cannot be looked at cannot be opened either
  if (std::filesystem::is_directory(path, ignored)) return InspectCheckpoint(path);
  if (path.ends_with(".safetensors") || path.ends_with(".safetensors.index.json")) {
    return InspectSafetensors(path);
  }
  const InputFile file(path);
  char magic[kGgufMagic.size()] = {};
  if (file.size() >= sizeof(magic)) file.ReadAt(0, magic, sizeof(magic));
  if (std::memcmp(magic, kGgufMagic.data(), sizeof(magic)) != 0) {
    FileKind kind = GuessFileKind(path);
    throw Error(ErrorInfo{.what = "an unknown kind of file",
                          .file = path,
                          .expected = "GGUF, .safetensors or a directory with model.safetensors",
                          .found = std::move(kind.name),
                          .hint = std::move(kind.hint)});
  }
  return InspectGguf(path, read_weights);
}

}  // namespace trit
