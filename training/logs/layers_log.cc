#include "training/logs/layers_log.h"

#include <fmt/format.h>

#include <cmath>

namespace trit {
namespace {

// "name":[…] of the elements' members. Six digits are plenty for a picture.
template <typename Element, typename Member>
std::string Numbers(const char* name, const std::vector<Element>& elements,
                    Member Element::*member) {
  std::string json = fmt::format(",\"{}\":[", name);
  for (const Element& element : elements) {
    const double value = static_cast<double>(element.*member);
    if (json.back() != '[') json += ',';
    json += std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
  }
  return json + "]";
}

}  // namespace

std::string TelemetryToJson(int64_t step, const StepTelemetry& telemetry) {
  std::string json = fmt::format("{{\"step\":{},\"matrices\":[", step);
  for (const MatrixTelemetry& matrix : telemetry.matrices) {
    if (json.back() != '[') json += ',';
    json += '"' + matrix.name + '"';
  }
  json += "]";
  json += Numbers("zero_share", telemetry.matrices, &MatrixTelemetry::zero_share);
  json += Numbers("flip_rate", telemetry.matrices, &MatrixTelemetry::flip_rate);
  json += Numbers("scale", telemetry.matrices, &MatrixTelemetry::scale);
  json += Numbers("residual_max", telemetry.layers, &LayerActivations::residual_max);
  json += Numbers("attention_max", telemetry.layers, &LayerActivations::attention_max);
  json += Numbers("gated_max", telemetry.layers, &LayerActivations::gated_max);
  return json + "}";
}

}  // namespace trit
