// trit inspect: what is in a model file or a checkpoint.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <variant>

#include "engine/formats/inspect_file.h"
#include "engine/formats/model_summary.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/output.h"
#include "training/checkpoint.h"

namespace trit {
namespace {

constexpr size_t kShownElements = 6;  // of an array
constexpr size_t kShownBytes = 100;   // of a text

using Json = nlohmann::ordered_json;

template <typename T>
std::string ShownElement(const T& value, bool full) {
  if constexpr (std::is_same_v<T, std::string>) {
    return ShownText(value, full ? value.size() : kShownBytes);
  } else {
    return fmt::format("{}", value);
  }
}

std::string ShownValue(const GgufValue& value, bool full) {
  const auto show_array = [full](const auto& elements) -> std::string {
    if constexpr (std::is_same_v<std::decay_t<decltype(elements)>, std::monostate>) {
      return "";
    } else {
      const size_t count = full ? elements.size() : std::min(elements.size(), kShownElements);
      std::vector<std::string> shown;
      for (size_t i = 0; i < count; ++i) {
        const typename std::decay_t<decltype(elements)>::value_type element = elements[i];
        shown.push_back(ShownElement(element, full));
        if (std::is_same_v<decltype(element), const std::string>) {
          shown.back() = "\"" + shown.back() + "\"";
        }
      }
      return fmt::format("{} values: {}{}", elements.size(), fmt::join(shown, " "),
                         count < elements.size() ? " …" : "");
    }
  };
  return std::visit(
      [&](const auto& held) {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, GgufArray>) {
          return std::visit(show_array, held);
        } else {
          return ShownElement(held, full);
        }
      },
      value);
}

// Arrays that are cut become an object of their length and first elements.
Json ValueToJson(const GgufValue& value, bool full) {
  const auto array_to_json = [full](const auto& elements) -> Json {
    if constexpr (std::is_same_v<std::decay_t<decltype(elements)>, std::monostate>) {
      return nullptr;
    } else {
      const size_t count = full ? elements.size() : std::min(elements.size(), kShownElements);
      Json first = Json::array();
      for (size_t i = 0; i < count; ++i) {
        const typename std::decay_t<decltype(elements)>::value_type element = elements[i];
        first.push_back(element);
      }
      if (count == elements.size()) return first;
      return {{"length", elements.size()}, {"first", std::move(first)}};
    }
  };
  return std::visit(
      [&](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, GgufArray>) {
          return std::visit(array_to_json, held);
        } else {
          return held;
        }
      },
      value);
}

std::string ScaleText(const CodeFacts& codes) {
  const std::string offsets = codes.has_offsets ? ", with offsets" : "";
  switch (codes.scale_kind) {
    case ScaleKind::kTensor:
      return fmt::format("{:.6g}{}", codes.max_scale, offsets);
    case ScaleKind::kRow:
      return fmt::format("{:.4g} to {:.4g}, one a row{}", codes.min_scale, codes.max_scale,
                         offsets);
    case ScaleKind::kGroup:
      return fmt::format("{:.4g} to {:.4g}, one every {}{}", codes.min_scale, codes.max_scale,
                         codes.group_size, offsets);
  }
  return "";
}

std::string CodesText(const CodeFacts& codes) {
  return fmt::format("{} of {}", codes.codes_used, codes.num_codes);
}

std::string KernelText(const KernelFacts& kernels) {
  if (kernels.one_token == kernels.many_tokens) return kernels.one_token;
  return kernels.one_token + ", " + kernels.many_tokens;
}

double BitsPerWeight(uint64_t bytes, int64_t num_elements) {
  return num_elements == 0 ? 0
                           : 8.0 * static_cast<double>(bytes) / static_cast<double>(num_elements);
}

struct Totals {
  int64_t num_elements = 0;
  uint64_t bytes = 0;
};

Totals TotalsOf(const FileFacts& facts) {
  Totals totals;
  for (const TensorFacts& tensor : facts.tensors) {
    totals.num_elements += tensor.num_elements;
    totals.bytes += tensor.bytes;
  }
  return totals;
}

void PrintText(const std::string& path, const FileFacts& facts, bool full) {
  const Totals totals = TotalsOf(facts);
  Print(fmt::format("{}: {}, {} bytes\n", ShownText(path), facts.format, facts.bytes));
  Print(fmt::format("{} weights in {} tensors, {:.3f} bits per weight\n",
                    ShortCount(totals.num_elements), facts.tensors.size(),
                    BitsPerWeight(totals.bytes, totals.num_elements)));
  if (facts.cannot_run) Print(fmt::format("cannot be run: {}\n", *facts.cannot_run));

  Print(fmt::format("\nMetadata, {} keys\n", facts.metadata.size()));
  std::vector<std::vector<std::string>> rows;
  for (const GgufMetadata::Entry& entry : facts.metadata) {
    rows.push_back(
        {ShownText(entry.key), GgufTypeName(entry.value), ShownValue(entry.value, full)});
  }
  PrintColumns(rows, {false, false, false});

  Print(fmt::format("\nTensors, {}\n", facts.tensors.size()));
  rows = {{"name", "type", "shape", "bytes", "bits", "codes", "zeros", "scale", "kernels"}};
  for (const TensorFacts& tensor : facts.tensors) {
    rows.push_back({ShownText(tensor.name), tensor.type,
                    fmt::format("[{}]", fmt::join(tensor.shape, ", ")),
                    std::to_string(tensor.bytes),
                    fmt::format("{:.3f}", BitsPerWeight(tensor.bytes, tensor.num_elements)),
                    tensor.codes ? CodesText(*tensor.codes) : "",
                    tensor.codes ? fmt::format("{:.2f} %", 100 * tensor.codes->zero_share) : "",
                    tensor.codes ? ScaleText(*tensor.codes) : "",
                    tensor.kernels ? KernelText(*tensor.kernels) : ""});
  }
  PrintColumns(rows, {false, false, false, true, true, true, true, false, false});
}

const char* ScaleKindName(ScaleKind kind) {
  switch (kind) {
    case ScaleKind::kTensor:
      return "tensor";
    case ScaleKind::kRow:
      return "row";
    case ScaleKind::kGroup:
      return "group";
  }
  return "";
}

Json TensorToJson(const TensorFacts& tensor) {
  Json json = {{"name", tensor.name},
               {"type", tensor.type},
               {"shape", tensor.shape},
               {"bytes", tensor.bytes},
               {"bits_per_weight", BitsPerWeight(tensor.bytes, tensor.num_elements)}};
  if (tensor.codes) {
    json["min_code"] = tensor.codes->min_code;
    json["max_code"] = tensor.codes->max_code;
    json["num_codes"] = tensor.codes->num_codes;
    json["codes_used"] = tensor.codes->codes_used;
    json["zero_share"] = tensor.codes->zero_share;
    json["scale_kind"] = ScaleKindName(tensor.codes->scale_kind);
    if (tensor.codes->scale_kind == ScaleKind::kGroup) {
      json["group_size"] = tensor.codes->group_size;
    }
    json["min_scale"] = tensor.codes->min_scale;
    json["max_scale"] = tensor.codes->max_scale;
    json["has_offsets"] = tensor.codes->has_offsets;
  }
  if (tensor.kernels) {
    json["kernel_one_token"] = tensor.kernels->one_token;
    json["kernel_many_tokens"] = tensor.kernels->many_tokens;
  }
  return json;
}

void PrintObject(const std::string& path, const FileFacts& facts, bool full) {
  const Totals totals = TotalsOf(facts);
  Json json = {{"file", path},
               {"format", facts.format},
               {"bytes", facts.bytes},
               {"weights", totals.num_elements},
               {"bits_per_weight", BitsPerWeight(totals.bytes, totals.num_elements)}};
  if (facts.cannot_run) json["cannot_run"] = *facts.cannot_run;
  json["metadata"] = Json::object();
  for (const GgufMetadata::Entry& entry : facts.metadata) {
    json["metadata"][entry.key] = ValueToJson(entry.value, full);
  }
  json["tensors"] = Json::array();
  for (const TensorFacts& tensor : facts.tensors) json["tensors"].push_back(TensorToJson(tensor));
  PrintJson(json);
}

}  // namespace

void RunInspect(const Command& command, std::span<const std::string> arguments) {
  std::string path;
  bool header = false;
  bool json = false;
  bool full = false;
  Options options(command, "trit inspect model.gguf");
  options.RequiredArgument(
      "FILE", path, "GGUF or safetensors file; or the directory of a training run or a checkpoint");
  options.Group("Content");
  options.Flag("header", header, "do not read the weights: no zeros, scales and kernels");
  options.Flag("full", full, "print texts and arrays whole");
  options.Group("Output");
  options.Flag("json", json, "print an object");
  if (!options.Parse(arguments)) return;
  // Of a run, its latest checkpoint.
  std::error_code ignored;  // what cannot be looked at cannot be opened either
  if (std::filesystem::is_directory(path, ignored)) {
    const std::vector<std::string> checkpoints = ListCheckpoints(path);
    if (!checkpoints.empty()) path = checkpoints.back();
  }
  const FileFacts facts = InspectFile(path, !header);
  json ? PrintObject(path, facts, full) : PrintText(path, facts, full);
}

}  // namespace trit
