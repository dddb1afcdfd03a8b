// Measurements as JSON, and back.
#include <cstddef>
#include <nlohmann/json.hpp>

#include "engine/files/json_fields.h"
#include "training/compare/measurement.h"

namespace trit {
namespace {

using Json = nlohmann::ordered_json;

Json OptionalJson(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::optional<double> OptionalNumber(const JsonFields& fields, const char* key) {
  if (fields.Find(key) == nullptr) return std::nullopt;
  return fields.Number(key);
}

// A list whose elements convert to T.
template <typename T>
std::vector<T> List(const JsonFields& fields, const char* key) {
  try {
    return fields.Require(key).get<std::vector<T>>();
  } catch (const nlohmann::json::exception&) {
    fields.Throw(key, "wrong type", "a list of another kind", ShownJson(fields.Require(key)));
  }
}

Json HistogramsJson(const std::vector<BeforeAndAfter>& histograms) {
  Json list = Json::array();
  for (const BeforeAndAfter& histogram : histograms) {
    list.push_back({{"matrix", histogram.matrix},
                    {"limit", histogram.limit},
                    {"before", histogram.before},
                    {"after", histogram.after}});
  }
  return list;
}

std::vector<BeforeAndAfter> Histograms(const JsonFields& fields, const char* key,
                                       const std::string& file) {
  std::vector<BeforeAndAfter> histograms;
  for (const nlohmann::json& item : fields.Require(key)) {
    const JsonFields histogram(item, file, std::string(key) + ".");
    histograms.push_back({.matrix = histogram.String("matrix"),
                          .limit = histogram.Number("limit"),
                          .before = List<double>(histogram, "before"),
                          .after = List<double>(histogram, "after")});
  }
  return histograms;
}

}  // namespace

nlohmann::ordered_json MeasurementToJson(const Measurement& measurement) {
  Json json = {{"validation_loss", measurement.validation_loss},
               {"validation_tokens", measurement.validation_tokens},
               {"bits_per_byte", OptionalJson(measurement.bits_per_byte)},
               {"trainer_loss", measurement.trainer_loss},
               {"exact_match", OptionalJson(measurement.exact_match)},
               {"multiple_choice", OptionalJson(measurement.multiple_choice)},
               {"format", measurement.format},
               {"not_exported", measurement.not_exported},
               {"bytes", measurement.bytes},
               {"bits_per_weight", measurement.bits_per_weight},
               {"decode_tokens_per_second", measurement.decode_tokens_per_second},
               {"machine", measurement.machine}};
  if (measurement.profile) {
    const ModelProfile& profile = *measurement.profile;
    json["profile"] = {{"weights", HistogramsJson(profile.weights)},
                       {"inputs", HistogramsJson(profile.inputs)},
                       {"matrices", profile.matrices},
                       {"weight_errors", profile.weight_errors},
                       {"layer_errors", profile.layer_errors}};
  }
  return json;
}

Measurement MeasurementFromJson(const nlohmann::json& json, const std::string& file) {
  const JsonFields fields(json, file);
  Measurement measurement{
      .validation_loss = fields.Number("validation_loss"),
      .validation_tokens = fields.Integer("validation_tokens"),
      .bits_per_byte = OptionalNumber(fields, "bits_per_byte"),
      .trainer_loss = fields.Number("trainer_loss"),
      .exact_match = OptionalNumber(fields, "exact_match"),
      .multiple_choice = OptionalNumber(fields, "multiple_choice"),
      .format = fields.String("format"),
      .not_exported = fields.String("not_exported"),
      .bytes = fields.Integer("bytes"),
      .bits_per_weight = fields.Number("bits_per_weight"),
      .decode_tokens_per_second = List<double>(fields, "decode_tokens_per_second"),
      .machine = fields.String("machine"),
      .profile = {}};
  if (fields.Find("profile") != nullptr) {
    const JsonFields profile = fields.Object("profile");
    measurement.profile = {.weights = Histograms(profile, "weights", file),
                           .inputs = Histograms(profile, "inputs", file),
                           .matrices = List<std::string>(profile, "matrices"),
                           .weight_errors = List<double>(profile, "weight_errors"),
                           .layer_errors = List<double>(profile, "layer_errors")};
  }
  return measurement;
}

}  // namespace trit
