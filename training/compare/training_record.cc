// What a finished run says of itself, as JSON, and back.
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/json_fields.h"
#include "training/compare/comparison_result.h"
#include "training/report/run_history.h"

namespace trit {
namespace {

constexpr size_t kMaxPoints = 400;

// Means over runs of points.
TrainingCurve Thinned(const StepSeries& series) {
  TrainingCurve curve;
  const size_t size = series.values.size();
  const size_t points = std::min(size, kMaxPoints);
  for (size_t point = 0; point < points; ++point) {
    const size_t begin = point * size / points;
    const size_t end = (point + 1) * size / points;
    double step = 0;
    double value = 0;
    for (size_t i = begin; i < end; ++i) {
      step += series.steps[i];
      value += series.values[i];
    }
    curve.steps.push_back(step / static_cast<double>(end - begin));
    curve.values.push_back(value / static_cast<double>(end - begin));
  }
  return curve;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

nlohmann::ordered_json CurveJson(const TrainingCurve& curve) {
  return {{"steps", curve.steps}, {"values", curve.values}};
}

TrainingCurve Curve(const JsonFields& fields, const char* key) {
  const nlohmann::json& curve = fields.Require(key);
  try {
    return {.steps = curve.at("steps").get<std::vector<double>>(),
            .values = curve.at("values").get<std::vector<double>>()};
  } catch (const nlohmann::json::exception&) {
    fields.Throw(key, "wrong type", "lists of steps and values", ShownJson(curve));
  }
}

}  // namespace

TrainingRecord ReadTrainingRecord(const std::string& run, const TrainingConfig& config) {
  const RunHistory history = ReadRunHistory(run);
  const StepSeries& seconds = history.Metric("elapsed_seconds");
  const StepSeries& loss = history.Metric("loss");
  if (static_cast<int64_t>(seconds.values.size()) != config.train.steps) {
    throw Error(ErrorInfo{.what = "the run's metrics are not complete",
                          .file = run,
                          .expected = std::to_string(config.train.steps) + " steps",
                          .found = std::to_string(seconds.values.size())});
  }
  return {.steps = config.train.steps,
          .tokens = static_cast<double>(config.train.steps) *
                    static_cast<double>(config.train.batch_tokens),
          .seconds = seconds.values.back(),
          .tokens_per_second = Median(history.Metric("tokens_per_second").values),
          .loss = Thinned(loss),
          .validation_loss = {.steps = history.Metric("validation_loss").steps,
                              .values = history.Metric("validation_loss").values}};
}

nlohmann::ordered_json TrainingRecordToJson(const TrainingRecord& record) {
  return {{"steps", record.steps},          {"tokens", record.tokens},
          {"seconds", record.seconds},      {"tokens_per_second", record.tokens_per_second},
          {"loss", CurveJson(record.loss)}, {"validation_loss", CurveJson(record.validation_loss)}};
}

TrainingRecord TrainingRecordFromJson(const nlohmann::json& json, const std::string& file) {
  const JsonFields fields(json, file);
  return {.steps = fields.Integer("steps"),
          .tokens = fields.Number("tokens"),
          .seconds = fields.Number("seconds"),
          .tokens_per_second = fields.Number("tokens_per_second"),
          .loss = Curve(fields, "loss"),
          .validation_loss = Curve(fields, "validation_loss")};
}

}  // namespace trit
