// What a comparison has found out: of every training run its cost and course, of every model a
// measurement. Tables, JSON and the page are made from this.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_RESULT_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_RESULT_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "training/compare/comparison_plan.h"
#include "training/compare/measurement.h"
#include "training/report/run_history.h"

namespace trit {

struct TrainingRecord {
  double tokens = 0;
  double seconds = 0;            // evaluations and checkpoints included
  double tokens_per_second = 0;  // median of the steps
  StepSeries loss;               // nats a token, means over up to 400 pieces of the run
  StepSeries validation_loss;
};

// Of a finished run's directory. Throws Error.
TrainingRecord ReadTrainingRecord(const std::string& run, const TrainingConfig& config);
nlohmann::ordered_json TrainingRecordToJson(const TrainingRecord& record);
TrainingRecord TrainingRecordFromJson(const nlohmann::json& json, const std::string& file);

struct ComparisonResult {
  ComparisonPlan plan;
  std::vector<TrainingRecord> runs;  // as plan.runs
  std::vector<Measurement> models;   // as plan.models
  std::string program;               // "trit 1.2.3"
};

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_RESULT_H_
