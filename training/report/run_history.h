// What a run's files say about its course, read for people to look at: tolerant of a run that is
// being written, and of files an older run does not have.
#ifndef TRIT_TRAINING_REPORT_RUN_HISTORY_H_
#define TRIT_TRAINING_REPORT_RUN_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "training/config/training_config.h"

namespace trit {

// Numbers that were measured at some steps; equal lengths, steps ascending.
struct StepSeries {
  std::vector<double> steps;
  std::vector<double> values;
};

// One number of every row (a matrix or a layer) at every measured step; NaN where there is none.
struct RowsOverSteps {
  std::vector<std::string> rows;            // names, from the first layer on
  std::vector<double> steps;                // ascending
  std::vector<std::vector<double>> values;  // [step][row]
};

struct RunSample {
  int64_t step = 0;
  std::string prompt, text;
};

struct RunHistory {
  std::string name;                             // the directory's
  std::optional<TrainingConfig> config;         // if it can be read
  std::map<std::string, StepSeries> metrics;    // by the names of metrics.jsonl
  std::map<std::string, RowsOverSteps> layers;  // by the names of layers.jsonl
  std::vector<RunSample> samples;

  // Empty if it was not measured.
  const StepSeries& Metric(const std::string& name) const;
};

// Throws Error if the directory has no metrics, or a file has a line that is not what it should be;
// a last line without an end is passed over.
RunHistory ReadRunHistory(const std::string& run);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_RUN_HISTORY_H_
