#include "engine/formats/gguf_activations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/error.h"

namespace trit {
namespace {

constexpr const char* kQuantizerKey = "trit.activation_quantizer";
constexpr const char* kQuantizersKey = "trit.activation_quantizers";
constexpr const char* kScalesKey = "trit.activation_scales";
constexpr const char* kMixed = "mixed";

std::vector<WeightId> Projections(const WeightTable& table) {
  std::vector<WeightId> ids;
  for (const WeightInfo& info : table.weights()) {
    if (info.kind == WeightKind::kLinear) ids.push_back(info.id);
  }
  return ids;
}

ActivationQuantizer QuantizerNamed(const std::string& name, const char* key, const char* others,
                                   const std::string& file) {
  if (const auto quantizer = FindActivationQuantizer(name)) return *quantizer;
  throw Error(ErrorInfo{.what = "unknown activation quantizer",
                        .file = file,
                        .key = key,
                        .expected = fmt::format("none, int8, int4{} int8_static", others),
                        .found = name});
}

// One value a projection.
template <typename T>
const std::vector<T>& RequireAll(const std::vector<T>* values, size_t num_projections,
                                 const char* key, const std::string& file) {
  if (values != nullptr && values->size() == num_projections) return *values;
  throw Error(ErrorInfo{.what = "the inputs of projections are not told",
                        .file = file,
                        .key = key,
                        .expected = fmt::format("{} values", num_projections),
                        .found = values == nullptr ? "none" : std::to_string(values->size())});
}

}  // namespace

void AppendGgufActivations(const Model& model, GgufMetadata& metadata) {
  std::vector<std::string> names;
  std::vector<float> scales;
  for (const WeightId id : Projections(model.table)) {
    const ActivationScheme scheme = model.weights[static_cast<size_t>(id)].activations();
    const bool is_static = scheme.quantizer == ActivationQuantizer::kInt8Static;
    if (is_static && !(scheme.static_scale > 0)) {
      throw UsageError(ErrorInfo{.what = "static activations without a range",
                                 .tensor = model.table[id].name,
                                 .expected = "a model that was trained or calibrated with them"});
    }
    names.emplace_back(ActivationQuantizerName(scheme.quantizer));
    scales.push_back(is_static ? scheme.static_scale : 0.0f);
  }
  const bool same = std::all_of(names.begin(), names.end(),
                                [&names](const std::string& name) { return name == names[0]; });
  metadata.Set(kQuantizerKey, same ? names[0] : std::string(kMixed));
  if (!same) metadata.Set(kQuantizersKey, GgufArray(std::move(names)));
  if (std::any_of(scales.begin(), scales.end(), [](float scale) { return scale > 0; })) {
    metadata.Set(kScalesKey, GgufArray(std::move(scales)));
  }
}

std::optional<std::vector<ActivationScheme>> ReadGgufActivations(const GgufMetadata& metadata,
                                                                 const WeightTable& table,
                                                                 const std::string& file) {
  const std::string* stated = metadata.FindString(kQuantizerKey);
  if (stated == nullptr) return std::nullopt;
  const std::vector<WeightId> ids = Projections(table);
  std::vector<ActivationScheme> schemes(table.size());
  const bool mixed = *stated == kMixed;
  for (size_t i = 0; i < ids.size(); ++i) {
    ActivationScheme& scheme = schemes[static_cast<size_t>(ids[i])];
    if (mixed) {
      const std::vector<std::string>& names =
          RequireAll(metadata.FindStrings(kQuantizersKey), ids.size(), kQuantizersKey, file);
      scheme.quantizer = QuantizerNamed(names[i], kQuantizersKey, " or", file);
    } else {
      scheme.quantizer = QuantizerNamed(*stated, kQuantizerKey, ", mixed or", file);
    }
    if (scheme.quantizer != ActivationQuantizer::kInt8Static) continue;
    scheme.static_scale =
        RequireAll(metadata.FindFloats(kScalesKey), ids.size(), kScalesKey, file)[i];
    if (!(scheme.static_scale > 0) || !std::isfinite(scheme.static_scale)) {
      throw Error(ErrorInfo{.what = "not a scale of static activations",
                            .file = file,
                            .key = kScalesKey,
                            .tensor = table[ids[i]].gguf_name,
                            .expected = "a number above 0",
                            .found = fmt::format("{}", scheme.static_scale)});
    }
  }
  return schemes;
}

}  // namespace trit
