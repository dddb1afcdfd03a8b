// What a finished run says of itself, as JSON, and back.
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "engine/files/json_fields.h"
#include "training/compare/comparison_result.h"
#include "training/report/median.h"
#include "training/report/run_history.h"
#include "training/report/thinned.h"

namespace trit {
namespace {

constexpr size_t kMaxPoints = 400;

nlohmann::ordered_json CurveJson(const StepSeries& curve) {
  return {{"steps", curve.steps}, {"values", curve.values}};
}

StepSeries Curve(const JsonFields& fields, const char* key) {
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
  StepSeries loss = history.Metric("loss");
  Thin(kMaxPoints, loss.steps, loss.values);
  if (static_cast<int64_t>(seconds.values.size()) != config.train.steps) {
    throw Error(ErrorInfo{.what = "the run's metrics are not complete",
                          .file = run,
                          .expected = std::to_string(config.train.steps) + " steps",
                          .found = std::to_string(seconds.values.size())});
  }
  return {.tokens = static_cast<double>(config.train.steps) *
                    static_cast<double>(config.train.batch_tokens),
          .seconds = seconds.values.back(),
          .tokens_per_second = Median(history.Metric("tokens_per_second").values),
          .loss = std::move(loss),
          .validation_loss = history.Metric("validation_loss")};
}

nlohmann::ordered_json TrainingRecordToJson(const TrainingRecord& record) {
  return {{"tokens", record.tokens},
          {"seconds", record.seconds},
          {"tokens_per_second", record.tokens_per_second},
          {"loss", CurveJson(record.loss)},
          {"validation_loss", CurveJson(record.validation_loss)}};
}

TrainingRecord TrainingRecordFromJson(const nlohmann::json& json, const std::string& file) {
  const JsonFields fields(json, file);
  return {.tokens = fields.Number("tokens"),
          .seconds = fields.Number("seconds"),
          .tokens_per_second = fields.Number("tokens_per_second"),
          .loss = Curve(fields, "loss"),
          .validation_loss = Curve(fields, "validation_loss")};
}

}  // namespace trit
