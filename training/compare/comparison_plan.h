// What a comparison does, in order: training runs, and models to be exported and measured. The same
// config gives the same plan, so that a comparison can be continued.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_PLAN_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "training/compare/comparison_config.h"
#include "training/config/training_config.h"

namespace trit {

struct PlannedRun {
  std::string id;     // the directory's name: "int4-aware-seed-1"
  std::string label;  // for people: "int4 aware, seed 1"
  TrainingConfig config;
  std::optional<size_t> parent;  // the run whose last weights it begins with
};

struct PlannedModel {
  std::string id;  // of its files
  std::string label;
  size_t row = 0;  // of the table
  int64_t seed = 0;
  size_t run = 0;                   // whose last weights it has
  TrainingConfig config;            // its quantizers
  std::optional<size_t> reference;  // the model it is compared with; nothing: it is the first one
};

// A line of the table: one model a seed.
struct PlannedRow {
  std::string name;
  std::string how;        // "trained", "aware", "nearest"; "aware, 500 more steps"
  std::string quantizer;  // QuantizerText
  int64_t continued_steps = 0;
  bool baseline = false;  // in full precision, to compare with
  bool nearest = false;
};

struct PlannedStep {
  enum class Kind : uint8_t { kTrain, kMeasure } kind = Kind::kTrain;
  size_t index = 0;  // of runs or models
};

struct ComparisonPlan {
  std::vector<PlannedRun> runs;
  std::vector<PlannedModel> models;
  std::vector<PlannedRow> rows;
  std::vector<PlannedStep> steps;
};

// Files of a comparison, all within its directory.
std::string RunPath(const std::string& directory, const PlannedRun& run);
std::string ModelPath(const std::string& directory, const PlannedModel& model);  // GGUF

// tokenizer: a file that stands in for a tokenizer that data.tokenizer would have every run train;
// empty: there is none.
ComparisonPlan MakeComparisonPlan(const ComparisonConfig& config, const std::string& directory,
                                  const std::string& tokenizer);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_PLAN_H_
