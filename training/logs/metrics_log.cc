#include "training/logs/metrics_log.h"

#include <fmt/format.h>

#include <cmath>

#include "training/run_files.h"

namespace trit {
namespace {

constexpr const char* kStep = "step";
constexpr const char* kSkipped = "skipped";

// visit(name, value) for every number but the step, in the order of the files.
template <typename Visit>
void VisitMetrics(const StepMetrics& m, const Visit& visit) {
  const auto always = [&](const char* name, double value) { visit(name, std::optional(value)); };
  always("loss", m.loss);
  always("grad_norm", m.grad_norm);
  always("learning_rate", m.learning_rate);
  always("tokens_per_second", m.tokens_per_second);
  always("elapsed_seconds", m.elapsed_seconds);
  visit("model_flops_utilization", m.model_flops_utilization);
  visit("validation_loss", m.validation_loss);
  visit("bits_per_byte", m.bits_per_byte);
  visit("multiple_choice", m.multiple_choice);
  visit("exact_match", m.exact_match);
  visit("zero_share", m.zero_share);
  visit("flip_rate", m.flip_rate);
}

std::string Number(double value, const char* not_finite) {
  return std::isfinite(value) ? fmt::format("{:.9g}", value) : not_finite;
}

}  // namespace

std::string MetricsToJson(const StepMetrics& metrics) {
  std::string json = fmt::format("{{\"{}\":{}", kStep, metrics.step);
  VisitMetrics(metrics, [&](const char* name, const std::optional<double>& value) {
    if (value) json += fmt::format(",\"{}\":{}", name, Number(*value, "null"));
  });
  if (metrics.skipped) json += fmt::format(",\"{}\":true", kSkipped);
  return json + "}";
}

std::string MetricsToCsv(const StepMetrics& metrics) {
  std::string line = std::to_string(metrics.step);
  VisitMetrics(metrics, [&](const char*, const std::optional<double>& value) {
    line += fmt::format(",{}", value ? Number(*value, "") : "");
  });
  return line + (metrics.skipped ? ",1" : ",0");
}

std::string MetricsCsvHeader() {
  std::string line = kStep;
  VisitMetrics(StepMetrics(), [&](const char* name, const std::optional<double>&) {
    line += fmt::format(",{}", name);
  });
  return line + "," + kSkipped;
}

MetricsLog::MetricsLog(const std::string& directory, int64_t first_step)
    : lines_(directory + "/" + kMetricsFile, first_step),
      table_(directory + "/" + kMetricsTableFile, first_step, MetricsCsvHeader()) {}

void MetricsLog::Append(const StepMetrics& metrics) {
  lines_.Append(MetricsToJson(metrics));
  table_.Append(MetricsToCsv(metrics));
}

}  // namespace trit
